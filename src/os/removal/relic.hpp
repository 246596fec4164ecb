// What is kept of an object that was removed, and the way back. Who removes writes the relic down first, so that a
// death at any moment leaves the object where it was, or what brings it back.
#pragma once
#include "wye/base/error.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace wye::sys {

enum class RelicKind : std::uint8_t { file, queue, segment, set, messages };
std::string_view name(RelicKind) noexcept;

/// Enough to find one object again, or to make it anew. Which fields are used depends on what it is.
struct Relic {
    RelicKind what = RelicKind::file;
    std::string directory, file,
        aside;                       // a file, and the name beside it that it gets; a queue has only `file`: "/name"
    std::uint64_t dev = 0, ino = 0;  // of a file or queue
    std::int32_t id = -1, key = 0;   // of a System V object
    std::uint32_t uid = 0, gid = 0, mode = 0;  // a file's mode with its type
    std::int64_t changed = 0, modified = 0;    // nanoseconds since 1970
    std::uint64_t size = 0;                    // bytes; members of a set; of a System V queue the most it takes
    std::uint64_t allocated = 0;               // bytes that are freed
    std::uint64_t depth = 0, message_size = 0, messages = 0;
    std::string contents;  // what keeps them, in the store; empty: they are not kept
    bool stays = false;    // a file that is kept under its other name, not in the store
};

/// Whether somebody has it by now. Asked where the kernel cannot say so itself, after the name was taken away.
using StillFree = std::function<Result<bool>(const Relic&)>;

/// Puts back what `relic` is of; `store` is the directory that has its contents. What is there under its name or key is
/// never overwritten (Errc::already_exists). Errc::busy: somebody has what is left of it. Also after a death in the
/// middle of the removal, or of this. Answers what could not be made as it was, in words.
Result<std::vector<std::string>> put_back(const Relic&, int store);

/// The contents that are kept are removed, and the file that was set aside, for good. One that somebody has by now is
/// given its name back (Errc::busy).
Result<> forget(const Relic&, int store);

}  // namespace wye::sys
