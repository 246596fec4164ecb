// The present use of what cgroups and sockets tell.
#include "os/limits/sources.hpp"
#include "os/small_file.hpp"
#include "os/usage/proc_text.hpp"
#include "os/usage/sockets.hpp"

#include <algorithm>

namespace wye::sys {
namespace {

std::optional<std::uint64_t> number_in(const std::string& path) {
    const auto text = read_whole(path);
    return text ? nth_number(*text, 0) : std::nullopt;
}

// Version 1 has no word for "none": a number near the end of what is counted.
std::optional<std::uint64_t> ceiling_in(const std::string& path) {
    const auto n = number_in(path);
    return n && *n > UINT64_MAX / 4 ? no_ceiling : n;
}

struct Hierarchy {
    std::string mount, path;
    const char *used, *ceiling;
};

std::optional<Hierarchy> hierarchy(const CgroupFiles& f) {
    const auto groups = read_whole("/proc/self/cgroup"), mounts = read_whole("/proc/self/mountinfo");
    if (!groups || !mounts) return {};
    const bool first = cgroup_path(*groups, f.controller).has_value();
    const auto path = cgroup_path(*groups, first ? f.controller : ""),
               mount = cgroup_mount(*mounts, first ? f.controller : "");
    if (!path || !mount) return {};
    return Hierarchy{*mount, *path, first ? f.used_v1 : f.used, first ? f.ceiling_v1 : f.ceiling};
}

}  // namespace

std::vector<Reading> cgroup(const View& v, const Limit& l, const CgroupFiles& f) {
    auto best = plain_reading(v, l);
    const auto h = hierarchy(f);
    if (!h) {
        best.note = "no cgroup with this controller is mounted here";
        return {std::move(best)};
    }
    bool any = false;
    for (auto path = h->path;; path.erase(path.rfind('/'))) {
        if (path == "/") path.clear();
        Reading r;
        r.where = path.empty() ? "/" : path;
        r.used = number_in(h->mount + path + "/" + h->used);
        r.ceiling = ceiling_in(h->mount + path + "/" + h->ceiling);
        if (r.used && (!any || r.part() > best.part())) {
            best = std::move(r);
            any = true;
        }
        if (path.empty() || path.rfind('/') == path.npos) break;
    }
    if (!any) best.note = "the root of the hierarchy, which has no limit and no count";
    return {std::move(best)};
}

namespace {

std::pair<std::uint16_t, std::uint16_t> ports() {
    const auto text = read_whole("/proc/sys/net/ipv4/ip_local_port_range");
    const auto first = text ? nth_number(*text, 0) : std::nullopt, last = text ? nth_number(*text, 1) : std::nullopt;
    if (!first || !last || *last > 65535 || *first > *last) return {1, 0};
    return {static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last)};
}

}  // namespace

std::vector<Reading> fullest_listener(const View& v, const Limit& l) {
    auto best = plain_reading(v, l);
    const auto use = look_at_sockets(1, 0);
    if (!use) {
        best.note = use.error().message();
        return {std::move(best)};
    }
    best.used = 0;
    const Listener* fullest = nullptr;
    const auto part = [](const Listener& s) {
        return s.backlog == 0 ? 0.0 : static_cast<double>(s.waiting) / s.backlog;
    };
    for (const auto& s : use->listeners)
        if (s.waiting > 0 && (!fullest || part(s) > part(*fullest))) fullest = &s;
    if (fullest) {
        best.used = fullest->waiting;
        best.ceiling = fullest->backlog;
        best.where += " " + fullest->name;
        if (fullest->user != static_cast<uid_t>(-1)) best.shares = {{fullest->user, fullest->waiting, {}}};
    }
    return {std::move(best)};
}

std::vector<Reading> busiest_destination(const View& v, const Limit& l) {
    auto r = plain_reading(v, l);
    const auto [first, last] = ports();
    r.ceiling.reset();
    if (first <= last) r.ceiling = static_cast<std::uint64_t>(last - first) + 1;
    const auto use = look_at_sockets(first, last);
    if (!use) {
        r.note = use.error().message();
        return {std::move(r)};
    }
    r.used = 0;
    for (const auto& d : use->destinations)
        if (d.connections > *r.used) {
            r.used = d.connections;
            r.where = v.net + " to " + d.name;
        }
    return {std::move(r)};
}

}  // namespace wye::sys
