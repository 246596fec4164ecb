#include "os/usage/namespace.hpp"

#include "wye/os/fd.hpp"

#include "os/errno.hpp"
#include "os/syscall.hpp"

#include <thread>

namespace wye::sys {
namespace {

Result<> enter(const std::string& path, int kind) {
    if (path.empty()) return {};
    const Fd fd(static_cast<int>(sys::open(path.c_str(), O_RDONLY)));
    if (fd.get() < 0) return fail(fd.get(), "open", path);
    if (const long r = call(Call::any, [&] { return ::setns(fd.get(), kind); }); r < 0) return fail(r, "setns", path);
    return {};
}

}  // namespace

Result<> in_namespaces(const std::string& ipc, const std::string& net, const std::function<void()>& f) {
    Result<> r;
    std::thread([&] {
        r = enter(ipc, CLONE_NEWIPC);
        if (r) r = enter(net, CLONE_NEWNET);
        if (r) f();
    }).join();
    return r;
}

}  // namespace wye::sys
