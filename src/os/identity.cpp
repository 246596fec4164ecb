#include "os/identity.hpp"

#include "os/small_file.hpp"
#include "os/syscall.hpp"

#include <charconv>

namespace wye::sys {

std::uint64_t start_time(std::int32_t pid) {
    const auto text = read_whole("/proc/" + std::to_string(pid) + "/stat");
    if (!text) return 0;
    // The name in parentheses may hold anything, closing parentheses too: what follows the last one is numbers.
    auto at = text->rfind(')');
    for (int field = 2; field < 22 && at != std::string::npos; ++field) at = text->find(' ', at + 1);
    std::uint64_t ticks = 0;
    if (at != std::string::npos) std::from_chars(text->data() + at + 1, text->data() + text->size(), ticks);
    return ticks;
}

Identity identity() {
    struct stat s{};
    const auto pid = static_cast<std::int32_t>(::getpid());
    return {.pid = pid,
            .started = start_time(pid),
            .pid_namespace = sys::stat("/proc/self/ns/pid", &s) == 0 ? s.st_ino : 0};
}

std::uint64_t boot_number() {
    const auto text = read_whole("/proc/sys/kernel/random/boot_id");
    std::uint64_t hash = 0;
    if (text)
        for (const char c : *text) hash = hash * 1099511628211u + static_cast<unsigned char>(c);
    return hash;
}

}  // namespace wye::sys
