// Sockets.
#include "factory.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

namespace wye::factory {
namespace {

sockaddr_un address(const std::string& path) {
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    std::strncpy(a.sun_path, path.c_str(), sizeof a.sun_path - 1);
    return a;
}
int listener(const std::string& path, int backlog = 1) {
    const auto fd = static_cast<int>(must(::socket(AF_UNIX, SOCK_STREAM, 0), "socket"));
    const auto a = address(path);
    must(::bind(fd, reinterpret_cast<const sockaddr*>(&a), sizeof a), "bind");
    must(::listen(fd, backlog), "listen");
    return fd;
}
int client(const std::string& path) {
    const auto fd = static_cast<int>(must(::socket(AF_UNIX, SOCK_STREAM, 0), "socket"));
    const auto a = address(path);
    must(::connect(fd, reinterpret_cast<const sockaddr*>(&a), sizeof a), "connect");
    return fd;
}

constexpr Scene all[] = {
    {"listen", "PATH", "a Unix listener", [](const Words& w) { listener(w[0]); }},
    {"listen-other-net", "PATH", "a Unix listener in another network namespace",
     [](const Words& w) {
         must(::unshare(CLONE_NEWNET), "unshare");
         listener(w[0]);
     }},
    {"listen-left-net", "PATH",
     "a Unix listener of a network namespace that its process has left, and nobody else is in",
     [](const Words& w) {
         const auto home = static_cast<int>(must(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), "open"));
         must(::unshare(CLONE_NEWNET), "unshare");
         listener(w[0]);
         must(::setns(home, CLONE_NEWNET), "setns");
         ::close(home);
     }},
    {"listen-renamed", "PATH NEW", "a Unix listener whose file was renamed",
     [](const Words& w) {
         listener(w[0]);
         must(::rename(w[0].c_str(), w[1].c_str()), "rename");
     }},
    {"listen-full", "PATH", "a Unix listener with one client accepted and two waiting, which are all it lets wait",
     [](const Words& w) {
         const int fd = listener(w[0], 1);
         client(w[0]);
         must(::accept(fd, nullptr, nullptr), "accept");
         client(w[0]), client(w[0]);
     }},
    {"bound-gone", "PATH", "a socket file that nobody is bound to", [](const Words& w) { ::close(listener(w[0])); }},
    {"pair", "", "a socket pair, an end each in two processes",
     [](const Words&) {
         int ends[2];
         must(::socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), "socketpair");
         copy();
     }},
    {"tcp", "PORT", "a TCP listener on the loopback, and a connection to it",
     [](const Words& w) {
         const auto fd = static_cast<int>(must(::socket(AF_INET, SOCK_STREAM, 0), "socket"));
         sockaddr_in a{};
         a.sin_family = AF_INET, a.sin_port = htons(static_cast<std::uint16_t>(std::atoi(w[0].c_str())));
         a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
         must(::bind(fd, reinterpret_cast<const sockaddr*>(&a), sizeof a), "bind");
         must(::listen(fd, 5), "listen");
         const auto out = static_cast<int>(must(::socket(AF_INET, SOCK_STREAM, 0), "socket"));
         must(::connect(out, reinterpret_cast<const sockaddr*>(&a), sizeof a), "connect");
         must(::accept(fd, nullptr, nullptr), "accept");
     }},
};

}  // namespace
std::span<const Scene> socket_scenes() { return all; }
}  // namespace wye::factory
