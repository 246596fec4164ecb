// The names of what lies in /proc.
#pragma once
#include <charconv>
#include <cstdint>

namespace wye::sys {

/// A number as a name: "4711", or "task/4711/syscall".
class Name {
public:
    Name(const char* before, const char* after) noexcept { *copy(copy(text_, before), after) = 0; }
    Name(const char* before, std::int64_t number, const char* after = "") noexcept {
        char* p = copy(text_, before);
        p = std::to_chars(p, p + 20, number).ptr;
        *copy(p, after) = 0;
    }
    operator const char*() const noexcept { return text_; }

private:
    static char* copy(char* to, const char* from) noexcept {
        while (*from) *to++ = *from++;
        return to;
    }
    char text_[48];
};

/// Where the files of a process (or a thread) are: its own directory, or that of its descriptors below it, which is as
/// good a start and has to be open anyway.
struct ProcessDir {
    int dir = -1;
    const char* up = "";  // or "../"
    Name operator()(const char* what) const noexcept { return {up, what}; }
};

}  // namespace wye::sys
