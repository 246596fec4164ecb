// What a fork() must not duplicate.
#pragma once
#include <cstdint>
#include <mutex>

namespace wye::sys {

/// A number that is another in every process, and another again in the child of a fork(): for marks that must be
/// unique among processes. 64 random bits, then counted up.
std::uint64_t unique_mark() noexcept;

/// How often this process's line was forked: a handle that remembers it can tell that it is a copy.
std::uint64_t fork_generation() noexcept;
/// The number itself, for who asks at every message.
const std::uint64_t* fork_generation_word() noexcept;

/// No fork() happens while another thread has this mutex: what that thread had begun under it, the child would find
/// begun for ever, in a library's locks too (a fork within libcrypto leaves a child that cannot make a TLS context).
/// Who holds it must not fork. Not to be made or ended with the mutex held.
class HeldAtFork {
public:
    explicit HeldAtFork(std::mutex&);
    ~HeldAtFork();
    HeldAtFork(const HeldAtFork&) = delete;
    HeldAtFork& operator=(const HeldAtFork&) = delete;

private:
    std::mutex& mutex_;
};

}  // namespace wye::sys
