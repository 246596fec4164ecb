#include "os/snapshot/parse.hpp"
#include "os/snapshot/pass.hpp"
#include "support/support.hpp"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace wye::sys {
namespace {

using Bytes = std::vector<std::byte>;

void append(Bytes& to, const void* p, std::size_t n) {
    const auto* b = static_cast<const std::byte*>(p);
    to.insert(to.end(), b, b + n);
    to.resize((to.size() + 3) & ~std::size_t{3});
}
void attribute(Bytes& to, unsigned short type, const void* p, std::size_t n) {
    const rtattr a{static_cast<unsigned short>(sizeof a + n), type};
    append(to, &a, sizeof a);
    append(to, p, n);
}
Bytes message(unsigned short type, const Bytes& body) {
    const nlmsghdr h{static_cast<std::uint32_t>(sizeof h + body.size()), type, NLM_F_MULTI, 1, 0};
    Bytes all;
    append(all, &h, sizeof h);
    append(all, body.data(), body.size());
    return all;
}
Bytes one_listener() {
    Bytes body;
    unix_diag_msg m{};
    m.udiag_family = AF_UNIX, m.udiag_type = SOCK_STREAM, m.udiag_state = state_listen, m.udiag_ino = 4711;
    append(body, &m, sizeof m);
    attribute(body, UNIX_DIAG_NAME, "/run/app.sock", 14);
    const unix_diag_vfs v{.udiag_vfs_ino = 92, .udiag_vfs_dev = 0x1b};
    attribute(body, UNIX_DIAG_VFS, &v, sizeof v);
    const std::uint32_t waiting[] = {5, 6};
    attribute(body, UNIX_DIAG_ICONS, waiting, sizeof waiting);
    const unix_diag_rqlen q{.udiag_rqueue = 2, .udiag_wqueue = 128};
    attribute(body, UNIX_DIAG_RQLEN, &q, sizeof q);
    return message(SOCK_DIAG_BY_FAMILY, body);
}

TEST(ParseDiag, AListenerWithItsFileAndWhoWaits) {
    std::vector<UnixSocket> all;
    const auto part = parse_unix_diag(one_listener(), all);
    EXPECT_FALSE(part.done);
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(all[0].name, "/run/app.sock");
    EXPECT_EQ(all[0].file, (FileKey{0x1b, 92}));
    EXPECT_EQ(all[0].waiting, (std::vector<std::uint64_t>{5, 6}));
    EXPECT_EQ(all[0].receive, 2u);
    EXPECT_EQ(all[0].send, 128u);
}

TEST(ParseDiag, TheEndAndARefusalAreTold) {
    std::vector<UnixSocket> all;
    const std::int32_t error = -ENOENT;
    Bytes body;
    append(body, &error, sizeof error);
    EXPECT_EQ(parse_unix_diag(message(NLMSG_ERROR, body), all).error, ENOENT);
    const std::int32_t none_such = INT32_MIN;  // has no negative
    std::memcpy(body.data(), &none_such, sizeof none_such);
    EXPECT_GT(parse_unix_diag(message(NLMSG_ERROR, body), all).error, 0);
    EXPECT_TRUE(parse_unix_diag(message(NLMSG_DONE, Bytes(4)), all).done);
    EXPECT_EQ(parse_unix_diag(message(NLMSG_DONE, Bytes(4)), all).error, 0);
}

TEST(ParseDiag, NoCutAndNoLengthLeadsOutOfTheDatagram) {
    const auto whole = one_listener();
    for (std::size_t n = 0; n < whole.size(); ++n) {
        std::vector<UnixSocket> all;
        parse_unix_diag(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n)), all);
        EXPECT_TRUE(all.empty()) << n;
    }
    for (std::size_t at = 0; at < whole.size(); ++at)
        for (const int value : {0, 1, 0xff}) {
            auto bent = whole;
            bent[at] = static_cast<std::byte>(value);
            std::vector<UnixSocket> all;
            std::vector<InetSocket> inet;
            parse_unix_diag(bent, all);
            parse_inet_diag(bent, false, inet);
        }
}

// What the kernel itself says of sockets that we know.
TEST(DumpSockets, FindsOurOwn) {
    test::TempDir dir;
    const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un a{.sun_family = AF_UNIX, .sun_path = {}};
    std::strncpy(a.sun_path, (dir / "s").c_str(), sizeof a.sun_path - 1);
    ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&a), sizeof a), 0);
    ASSERT_EQ(::listen(listener, 3), 0);
    const int client = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::connect(client, reinterpret_cast<sockaddr*>(&a), sizeof a), 0);
    struct stat there{}, ours{}, path{};
    ::fstat(listener, &there), ::fstat(client, &ours), ::stat(a.sun_path, &path);

    NetNamespace ns;
    if (!dump_sockets(ns)) GTEST_SKIP() << "no unix_diag or inet_diag here";
    const auto found = std::ranges::find(ns.unix_sockets, there.st_ino, &UnixSocket::ino);
    ASSERT_NE(found, ns.unix_sockets.end());
    EXPECT_EQ(found->name, a.sun_path);
    EXPECT_EQ(found->state, state_listen);
    EXPECT_EQ(found->file.ino, path.st_ino);
    EXPECT_EQ(found->receive, 1u);
    EXPECT_EQ(found->send, 3u);
    EXPECT_EQ(found->waiting, std::vector<std::uint64_t>{ours.st_ino});
    ::close(client), ::close(listener);
}

}  // namespace
}  // namespace wye::sys
