// Namespaces of their own for what this process starts next.
#include "os/sandbox.hpp"

#include "wye/base/text.hpp"
#include "wye/os/fd.hpp"

#include "os/errno.hpp"
#include "os/small_file.hpp"
#include "os/syscall.hpp"

#include <linux/capability.h>
#include <sys/mount.h>
#include <sys/prctl.h>

#include <csignal>
#include <string>

namespace wye::sys {
namespace {

constexpr int wanted = CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWNS;

long unshare(int flags) noexcept {
    return call(Call::any, [&] { return ::unshare(flags); });
}
long mount(const char* what, const char* where, const char* kind, unsigned long flags) noexcept {
    return call(Call::any, [&] { return ::mount(what, where, kind, flags, nullptr); });
}
long prctl(int what, unsigned long a, unsigned long b = 0) noexcept {
    return call(Call::any, [&] { return ::prctl(what, a, b, 0UL, 0UL); });
}

std::unexpected<Error> refusal(long r, const char* what) {
    const auto e = error(r, what);
    if (r == -EPERM) return refuse(Errc::denied, e.message() + ": " + why_no_namespaces());
    if (r == -ENOSPC)
        return refuse(Errc::exhausted, e.message() + ": a limit of /proc/sys/user (max_*_namespaces) is reached");
    return std::unexpected(e);
}

Result<> put(const char* path, const std::string& text) {
    const long fd = sys::open(path, O_WRONLY);
    if (fd < 0) return fail(fd, "open", path);
    const Fd file(static_cast<int>(fd));
    const long n = sys::write(file.get(), text.data(), text.size());
    return n < 0 ? Result<>(fail(n, "write", path)) : Result<>();
}

// The right to mount, kept over the exec of what settles the sandbox, and given up there.
long keep_mount_right() noexcept {
    __user_cap_header_struct head{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    __user_cap_data_struct sets[2] = {};
    if (const long r = call(Call::any, [&] { return ::syscall(SYS_capget, &head, sets); }); r < 0) return r;
    sets[0].inheritable |= 1u << CAP_SYS_ADMIN;
    if (const long r = call(Call::any, [&] { return ::syscall(SYS_capset, &head, sets); }); r < 0) return r;
    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN);
}

Result<> enter_as_user() {
    const auto user = std::to_string(::geteuid()), group = std::to_string(::getegid());
    if (const long r = unshare(CLONE_NEWUSER | wanted); r < 0) return refusal(r, "unshare");
    WYE_CHECK(put("/proc/self/setgroups", "deny"));
    WYE_CHECK(put("/proc/self/uid_map", user + " " + user + " 1"));
    WYE_CHECK(put("/proc/self/gid_map", group + " " + group + " 1"));
    if (const long r = keep_mount_right(); r < 0) return refusal(r, "capset");
    return {};
}

}  // namespace

std::string why_no_namespaces() {
    if (read_number("/proc/sys/user/max_user_namespaces") == 0) return "/proc/sys/user/max_user_namespaces is 0";
    if (read_number("/proc/sys/kernel/unprivileged_userns_clone") == 0)
        return "/proc/sys/kernel/unprivileged_userns_clone is 0";
    if (read_number("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1)
        return "/proc/sys/kernel/apparmor_restrict_unprivileged_userns is 1";
    return "neither is this process privileged, nor does the kernel or a container's policy let it make namespaces";
}

Result<> enter_sandbox() {
    if (const long r = unshare(wanted); r == -EPERM) {
        WYE_CHECK(enter_as_user());
    } else if (r < 0) {
        return refusal(r, "unshare");
    }
    // Or the /proc that is mounted inside would be everybody's.
    if (const long r = mount("none", "/", nullptr, MS_REC | MS_SLAVE); r < 0) return refusal(r, "mount");
    return {};
}

Result<> settle_sandbox(int parent) {
    if (const long r = prctl(PR_SET_PDEATHSIG, SIGKILL); r < 0) return fail(r, "prctl");
    // The old /proc, still in place, tells whether the parent ended before it could be noticed.
    WYE_TRY(const auto status, read_whole("/proc/self/status"));
    if (status.find("\nPPid:\t" + std::to_string(parent) + "\n") == std::string::npos)
        return refuse(Errc::peer_died, "whoever started the sandbox has ended");
    if (const long r = mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC); r < 0)
        return refuse(classify(static_cast<int>(-r)),
                      error(r, "mount", "/proc").message() + ": a part of /proc may be hidden here, as in a container");
    if (const long r = prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL); r < 0) return fail(r, "prctl");
    return {};
}

}  // namespace wye::sys
