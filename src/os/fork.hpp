// What a fork() must not duplicate.
#pragma once
#include <cstdint>

namespace wye::sys {

/// A number that is another in every process, and another again in the child of a fork(): for marks that must be
/// unique among processes. 64 random bits, then counted up.
std::uint64_t unique_mark() noexcept;

/// How often this process's line was forked: a handle that remembers it can tell that it is a copy.
std::uint64_t fork_generation() noexcept;
/// The number itself, for who asks at every message.
const std::uint64_t* fork_generation_word() noexcept;

}  // namespace wye::sys
