// Where a limit is run into for a look: a child process in namespaces of its own, which take with them what is made.
#pragma once
#include "wye/base/deadline.hpp"
#include "wye/base/error.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wye::sys {

struct Limit;

/// A number of the same calls with the same end.
struct Step {
    std::string call;
    std::uint64_t first = 1, last = 1;
    std::string gives;   // "" when it succeeded, else "ENOSPC", "SIGBUS"
    std::string remark;  // what was seen beside it
};

/// Inside the child.
class Stage {
public:
    Stage(const Limit& limit, std::uint64_t value, int out) : limit_(limit), value_(value), out_(out) {}

    std::uint64_t value() const noexcept { return value_; }
    const Limit& limit() const noexcept { return limit_; }

    /// One call, made now; answers what it answered.
    long call(std::string_view name, long result, std::string_view remark = {});
    /// The same call until it fails, `most` times at the most; answers what the last one answered.
    long until(std::string_view name, std::uint64_t most, const std::function<long(std::uint64_t)>& f);
    /// What ends a process that does it: `f` runs in a child, whose signal is the answer.
    void deadly(std::string_view name, const std::function<void()>& f);
    /// What the trial needs and cannot have here. Does not return.
    [[noreturn]] void give_up(std::string_view why);

    void put(const Step&);

private:
    const Limit& limit_;
    std::uint64_t value_;
    int out_;
};

/// How a limit is run into. The table has one of each that can be.
struct Trial {
    unsigned spaces = 0;      // CLONE_NEWIPC ...; a user namespace comes with them
    std::uint64_t small = 0;  // the ceiling that is set; 0: it stays as it is
    std::uint64_t most = 0;   // the largest that is set with `like_here`; 0: `small` always
    void (*run)(Stage&) = nullptr;
    const char* sees = nullptr;  // what a program sees, and whether trying again helps
    const char* told = nullptr;  // why there is no trial
    const char* knob = nullptr;  // the file that is written, where it is another than the ceiling's
    /// What the kernel counts by user id in all namespaces at once: only as a user id that nobody has, which only root
    /// can take (and always does, for a trial).
    bool stranger = false;
};

struct Trace {
    std::string place;      // "in a throw-away user+ipc namespace"
    std::uint64_t set = 0;  // the ceiling there; 0: as it is
    std::string note;       // why it is not the one that was asked for
    std::vector<Step> steps;
};

/// Errc::unsupported where the limit has no trial, Errc::denied with a sentence where this user may not. The child is
/// ended at the deadline, and with this process. For a process of one thread: the child goes on from a fork().
Result<Trace> probe(const Limit&, bool like_here, Deadline);

}  // namespace wye::sys
