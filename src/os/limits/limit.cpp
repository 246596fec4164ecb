// What the table's rows are read with.
#include "os/limits/limit.hpp"

#include "os/limits/sources.hpp"
#include "os/limits/table.hpp"
#include "os/small_file.hpp"
#include "os/syscall.hpp"
#include "os/usage/namespace.hpp"
#include "os/usage/proc_text.hpp"

#include <algorithm>
#include <cctype>
#include <utility>

namespace wye::sys {

std::string_view name(Scope s) noexcept {
    static constexpr std::string_view names[] = {"system",  "ipc namespace", "net namespace", "pid namespace", "user",
                                                 "process", "cgroup",        "file system",   "object",        "call"};
    return names[static_cast<std::size_t>(s)];
}

std::string Ceiling::text() const {
    if (rlimit) return std::string("\"") + rlimit + "\" of /proc/PID/limits";
    if (!file) return fixed ? "constant" : "none";
    std::string s = file;
    if (s.starts_with("/proc/sys/")) {
        s.erase(0, 10);
        std::ranges::replace(s, '/', '.');
    }
    return field > 0 ? s + ", number " + std::to_string(field + 1) : s;
}

std::optional<std::uint64_t> Ceiling::here() const {
    if (!rlimit && !file) return fixed ? std::optional(fixed) : std::nullopt;
    const auto text = read_whole(rlimit ? "/proc/thread-self/limits" : file);
    if (!text) return {};
    return rlimit ? soft_limit(*text, rlimit) : nth_number(*text, field);
}

double Reading::part() const noexcept {
    if (!used || !ceiling || *ceiling == no_ceiling) return -1;
    if (*ceiling == 0) return *used > 0 ? 1 : -1;
    return static_cast<double>(*used) / static_cast<double>(*ceiling);
}

std::span<const Fault> Limit::errors() const noexcept {
    std::size_t n = 0;
    while (n < std::size(faults) && faults[n].call) ++n;
    return {faults, n};
}

std::span<const Limit> limits() noexcept {
    static const auto all = [] {
        std::vector<Limit> v;
        for (const auto part : {sysv_limits(), queues_limits(), process_limits(), memory_limits(), net_limits()})
            v.insert(v.end(), part.begin(), part.end());
        return v;
    }();
    return all;
}

const Limit* find_limit(std::string_view wanted) noexcept {
    const auto same = [](char a, char b) {
        return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
    };
    for (const auto& l : limits())
        if (std::ranges::equal(std::string_view(l.name), wanted, same)) return &l;
    return nullptr;
}

bool Survey::partial() const noexcept { return unreadable > 0 || ipc_seen < ipc_all || net_seen < net_all; }

namespace {

void read_rows(const View& v, bool (*wanted)(Scope), Survey& s) {
    for (const auto& l : limits()) {
        if (!wanted(l.scope)) continue;
        auto readings = l.read ? l.read(v, l) : std::vector{plain_reading(v, l)};
        for (auto& r : readings) {
            std::ranges::sort(r.shares, [](const Share& a, const Share& b) {
                return std::pair(b.used, a.user) < std::pair(a.used, b.user);
            });
            s.entries.push_back({&l, std::move(r)});
        }
    }
}

}  // namespace

Result<Survey> survey(bool all_namespaces) {
    WYE_TRY(const auto usage, look_at_usage());
    Survey s;
    s.processes = static_cast<unsigned>(usage.processes.size());
    s.unreadable = usage.unreadable;
    const auto own = [](const std::vector<Namespace>& list) { return list.empty() ? std::string() : list[0].name; };
    const View here{usage, own(usage.ipc), own(usage.net)};
    read_rows(here, [](Scope) { return true; }, s);
    s.ipc_seen = s.ipc_all = s.net_seen = s.net_all = 1;
    if (!all_namespaces) return s;
    for (const auto& n : usage.ipc) {
        if (n.name == here.ipc) continue;
        ++s.ipc_all;
        if (in_namespaces(n.path, "",
                          [&] { read_rows({usage, n.name, here.net}, [](Scope k) { return k == Scope::ipc; }, s); }))
            ++s.ipc_seen;
    }
    for (const auto& n : usage.net) {
        if (n.name == here.net) continue;
        ++s.net_all;
        if (in_namespaces("", n.path,
                          [&] { read_rows({usage, here.ipc, n.name}, [](Scope k) { return k == Scope::net; }, s); }))
            ++s.net_seen;
    }
    return s;
}

}  // namespace wye::sys
