#include "os/file_system.hpp"

#include "os/errno.hpp"
#include "os/syscall.hpp"

#include <sys/vfs.h>

#include <string>

namespace wye::sys {
namespace {

struct Kind {
    std::uint32_t type;  // statfs(2)
    std::string_view name;
};
constexpr Kind networks[] = {{0x6969, "NFS"},       {0x517B, "SMB"},      {0xFF534D42, "CIFS"}, {0xFE534D42, "SMB"},
                             {0x65735546, "FUSE"},  {0x01021997, "9P"},   {0x00C36400, "Ceph"}, {0x5346414F, "AFS"},
                             {0x6B414653, "AFS"},   {0x73757245, "Coda"}, {0x01161970, "GFS2"}, {0x7461636F, "OCFS2"},
                             {0x0BD00BD0, "Lustre"}};

}  // namespace

Result<std::string_view> network_of(int fd) {
    struct statfs s{};
    if (const long r = call(Call::statfs, [&] { return ::fstatfs(fd, &s); }); r < 0) return fail(r, "fstatfs");
    const auto type = static_cast<std::uint32_t>(answer(Call::statfs, s.f_type));
    for (const auto& k : networks)
        if (k.type == type) return k.name;
    return std::string_view();
}

Result<> refuse_network(int fd, std::string_view path, std::string_view remedy) {
    WYE_TRY(const auto name, network_of(fd));
    if (name.empty()) return {};
    return refuse(Errc::unsupported, std::string(path) + ": lies on a network file system (" + std::string(name) +
                                         "), where a lock may hold on this machine only; " + std::string(remedy));
}

}  // namespace wye::sys
