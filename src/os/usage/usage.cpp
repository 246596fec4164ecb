#include "os/usage/usage.hpp"

#include "wye/base/text.hpp"

#include "os/dir_calls.hpp"
#include "os/errno.hpp"
#include "os/small_file.hpp"
#include "os/syscall.hpp"
#include "os/usage/proc_text.hpp"

#include <linux/kcmp.h>

#include <algorithm>
#include <set>

namespace wye::sys {
namespace {

std::string link_of(const std::string& path) {
    char text[256];
    const long n = sys::readlinkat(AT_FDCWD, path.c_str(), text, sizeof text);
    return n > 0 ? std::string(text, static_cast<std::size_t>(n)) : std::string();
}

struct Held {
    pid_t pid;
    int fd;
};

class Pass {
public:
    explicit Pass(Usage& u) : usage_(u) {}

    void namespaces(const std::string& of) {
        add(usage_.ipc, {link_of(of + "/ns/ipc"), of + "/ns/ipc"});
        add(usage_.net, {link_of(of + "/ns/net"), of + "/ns/net"});
    }
    // Kept by a bind mount, perhaps with no process in it.
    void mounted_namespaces() {
        const auto mounts = read_whole("/proc/self/mountinfo");
        if (!mounts) return;
        for (const auto& [name, where] : namespace_mounts(*mounts)) {
            if (name.starts_with("ipc:")) add(usage_.ipc, {name, where});
            if (name.starts_with("net:")) add(usage_.net, {name, where});
        }
    }

    void process(pid_t pid) {
        const auto at = "/proc/" + std::to_string(pid);
        const auto status = read_whole(at + "/status");
        if (!status) return;
        ProcessUse p;
        p.pid = pid;
        p.user = static_cast<uid_t>(number_after(*status, "Uid:").value_or(0));
        std::string_view first = *status;
        first = take_line(first);
        if (first.starts_with("Name:\t")) p.name = first.substr(6);
        p.threads = number_after(*status, "Threads:").value_or(1);
        if (const auto kilobytes = number_after(*status, "VmLck:")) p.locked = *kilobytes * 1024;
        auto& user = usage_.users[p.user];
        user.threads += p.threads;
        user.signals = std::max(user.signals, signals(*status));
        if (auto limits = read_whole(at + "/limits")) p.limits = std::move(*limits);
        namespaces(at);
        if (status->find("\nVmSize:") != std::string::npos) {  // neither a thread of the kernel nor a zombie
            descriptors(p, at);
            maps(p, at);
        }
        usage_.processes.push_back(std::move(p));
    }

private:
    static void add(std::vector<Namespace>& list, Namespace n) {
        if (!n.name.empty() && std::ranges::find(list, n.name, &Namespace::name) == list.end())
            list.push_back(std::move(n));
    }

    // "SigQ:\t0/96365": of the user, as the kernel counts it.
    static std::uint64_t signals(std::string_view status) {
        const auto at = status.find("\nSigQ:\t");
        if (at == status.npos) return 0;
        const auto text = status.substr(at + 7);
        return parse_number(text.substr(0, text.find('/'))).value_or(0);
    }

    void descriptors(ProcessUse& p, const std::string& at) {
        const auto names = names_in(at + "/fd");
        if (!names) {
            if (names.error().is(Errc::denied)) ++usage_.unreadable;
            return;
        }
        p.descriptors = names->size();
        // Its user may list them, even where what they are is kept from everybody.
        char first[1];
        if (!names->empty() && sys::readlinkat(AT_FDCWD, (at + "/fd/" + names->front()).c_str(), first, 1) == -EACCES)
            ++usage_.unreadable;
        for (const auto& name : *names) {
            const auto target = link_of(at + "/fd/" + name);
            if (target.starts_with("pipe:[")) pipe(p, at + "/fd/" + name);
            if (target == "anon_inode:inotify" || target == "anon_inode:[eventpoll]" || target.starts_with("socket:["))
                told(p, at, name, target);
        }
    }

    void pipe(ProcessUse& p, const std::string& path) {
        struct stat s{};
        if (sys::stat(path.c_str(), &s) < 0 || !seen_.emplace(s.st_dev, s.st_ino).second) return;
        ++usage_.users[s.st_uid].pipes;  // who made it, whoever holds it now
        ++p.pipes;
    }

    void told(ProcessUse& p, const std::string& at, const std::string& name, const std::string& target) {
        const auto text = read_whole(at + "/fdinfo/" + name);
        if (!text) return;
        const auto info = parse_fd_use(*text);
        auto& user = usage_.users[p.user];
        if (target.starts_with("socket")) {
            if (info.in_flight > 0 && sockets_.insert(target).second)
                user.in_flight += info.in_flight, p.in_flight += info.in_flight;
            return;
        }
        const int fd = static_cast<int>(parse_number(name).value_or(0));
        if (!is_new(*text, {p.pid, fd})) return;
        if (target == "anon_inode:inotify") ++user.inotify, ++p.inotify;
        user.inotify_watches += info.inotify_watches, p.inotify_watches += info.inotify_watches;
        user.epoll_watches += info.epoll_watches, p.epoll_watches += info.epoll_watches;
    }

    // These have no inode of their own, and a forked child has its parent's. The same one says the same of itself;
    // where the kernel does not compare for us (kcmp(2) asks for the right to trace) each is taken for one: rather too
    // many.
    bool is_new(const std::string& info, Held h) {
        auto& alike = held_[info];
        for (const auto& o : alike)
            if (call(Call::any, [&] { return ::syscall(SYS_kcmp, o.pid, h.pid, KCMP_FILE, o.fd, h.fd); }) == 0)
                return false;
        alike.push_back(h);
        return true;
    }

    static void maps(ProcessUse& p, const std::string& at) {
        const auto text = read_whole(at + "/maps");
        if (text) p.maps = static_cast<std::uint64_t>(std::ranges::count(*text, '\n'));
    }

    Usage& usage_;
    std::set<std::pair<dev_t, ino_t>> seen_;
    std::set<std::string> sockets_;
    std::map<std::string, std::vector<Held>> held_;
};

}  // namespace

std::optional<std::uint64_t> Usage::least_limit(uid_t user, std::string_view title) const {
    std::optional<std::uint64_t> least;
    for (const auto& p : processes)
        if (p.user == user)
            if (const auto l = soft_limit(p.limits, title)) least = std::min(least.value_or(no_ceiling), *l);
    return least;
}

Result<Usage> look_at_usage() {
    WYE_TRY(const auto names, names_in("/proc"));
    Usage u;
    Pass pass(u);
    pass.namespaces("/proc/self");
    for (const auto& name : names)
        if (const auto pid = parse_number(name); pid && *pid > 0 && *pid <= INT32_MAX)
            pass.process(static_cast<pid_t>(*pid));
    pass.mounted_namespaces();
    return u;
}

}  // namespace wye::sys
