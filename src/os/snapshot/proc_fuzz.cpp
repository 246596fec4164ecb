// Any text of /proc parses into something, or into nothing.
#include "os/snapshot/parse.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>

using namespace wye;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto lines = 1 + static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    const auto most = [&](std::size_t n) {
        if (n > lines) std::abort();
    };
    if (const auto s = sys::parse_stat(text); s && s->comm.size() > size) std::abort();
    (void)sys::parse_status(text);
    const auto f = sys::parse_fdinfo(text);
    most(f.locks.size());
    std::vector<sys::SeenMap> maps;
    sys::parse_maps(text, maps);
    most(maps.size());
    (void)sys::parse_syscall(text);
    if (sys::parse_semaphore_ops(std::as_bytes(std::span(text))).size() > size / 6) std::abort();
    most(sys::parse_locks(text).size());
    most(sys::parse_sysv_shm(text).size());
    most(sys::parse_sysv_sem(text).size());
    most(sys::parse_sysv_msg(text).size());
    for (const auto& m : sys::parse_mountinfo(text))
        if (m.point.size() > size) std::abort();
    (void)sys::bracketed(text, "pipe");
    return 0;
}
