// Pid files as `wye ls` shows them: NAME.pid below /run and /tmp with a number in it; and lock files, which may have
// one. Whoever has that number is the holder only if it was there before the number was written: a number is given
// again.
#include "io/see.hpp"

#include "wye/base/text.hpp"
#include "wye/process/pid_file.hpp"

#include <algorithm>

namespace wye {
namespace {

constexpr std::int64_t tick = 10'000'000;       // nanoseconds
constexpr std::int64_t leeway = 2'000'000'000;  // clocks are set

bool older(const sys::Snapshot& s, const sys::SeenProcess& p, std::int64_t than) {
    return s.booted + static_cast<std::int64_t>(p.start) * tick <= than + leeway;
}

}  // namespace

void see_pid_files(const sys::Snapshot& s, Inventory& into) {
    for (const auto& f : s.places) {
        if (!f.file.is(sys::type_regular)) continue;
        std::string_view text = f.head;
        text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));  // X's are written so
        auto pid = parse_number(text.substr(0, text.find_first_of(" \n")));
        if (pid && (*pid == 0 || *pid > INT32_MAX)) pid.reset();
        const bool lock = !f.path.ends_with(".pid");
        if (!pid && !lock) continue;
        Item item{.kind = lock ? "lock-file" : "pid-file", .name = f.path, .identity = identity(f.file.key)};
        item.space = "mnt", item.ns = s.own.mnt;
        add_file(f.file, item);
        add_open(s, f.file.key, item);
        if (!pid) {
            item.use = "no pid in it";
            into.items.push_back(std::move(item));
            continue;
        }
        const auto p = std::ranges::find(s.processes, static_cast<std::int32_t>(*pid), &sys::SeenProcess::pid);
        const bool there = p != s.processes.end(), same = there && older(s, *p, f.file.changed);
        if (same) item.holders.push_back(holder(*p, "pid"));
        item.use = "pid " + std::to_string(*pid) + (same ? "" : there ? ", which is another's now" : ", gone");
        item.facts.emplace_back("pid", *pid);
        item.facts.emplace_back("alive", same);
        into.items.push_back(std::move(item));
    }
}

}  // namespace wye
