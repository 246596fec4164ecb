// Bends the syscall seam, for tests: the N-th call fails with an errno, a transfer moves only a few bytes, or the
// process dies before it.
#pragma once
#include "os/syscall.hpp"

#include <cstddef>
#include <initializer_list>

namespace wye::sys {

/// One fault. `nth` counts from 1 over the calls that match; `times` of them from there on are bent.
struct Fault {
    Call call = Call::any;
    unsigned nth = 1;
    unsigned times = 1;
    int error = 0;         ///< the errno to answer; 0 with `clip` set: a short transfer
    std::size_t clip = 0;  ///< move at most this many bytes
    long answer = 0;       ///< what a call tells instead of the truth: of statfs the file system's type
    int signal = 0;        ///< raised in the calling thread before the call is made
};

/// The faults hold for the whole process while this lives; one at a time. Children made by fork() inherit them.
class Inject {
public:
    Inject(std::initializer_list<Fault> faults) noexcept;
    ~Inject();
    Inject(const Inject&) = delete;
    Inject& operator=(const Inject&) = delete;
    /// How many calls were bent so far: a test that bent none has proved nothing.
    unsigned hits() const noexcept;
};

}  // namespace wye::sys
