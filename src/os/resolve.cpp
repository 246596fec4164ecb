#include "os/resolve.hpp"

#include "os/errno.hpp"

#include <netdb.h>

#include <algorithm>
#include <memory>

namespace wye::sys {
namespace {

unsigned port_of(const Address& a) noexcept {
    if (a.family() == AF_INET6) return ntohs(reinterpret_cast<const sockaddr_in6*>(&a.storage)->sin6_port);
    return ntohs(reinterpret_cast<const sockaddr_in*>(&a.storage)->sin_port);
}

Errc kind_of(int gai) noexcept {
    switch (gai) {
        case EAI_MEMORY:
            return Errc::exhausted;
        case EAI_FAMILY:
        case EAI_SOCKTYPE:
        case EAI_SERVICE:
            return Errc::unsupported;
        default:
            return Errc::not_found;
    }
}

}  // namespace

Result<std::vector<Address>> resolve(const std::string& host, const std::string& port, int type, bool passive) {
    addrinfo hints{};
    hints.ai_socktype = type;
    hints.ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0);
    addrinfo* found = nullptr;
    const int r = ::getaddrinfo(host.empty() ? nullptr : host.c_str(), port.c_str(), &hints, &found);
    if (r == EAI_SYSTEM) return sys::fail(-errno, "getaddrinfo", host);
    if (r != 0) return refuse(kind_of(r), host + ": " + ::gai_strerror(r));
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
    std::vector<Address> all;
    for (const auto* i = found; i; i = i->ai_next) {
        Address a;
        if (i->ai_addrlen > sizeof a.storage) continue;
        std::memcpy(&a.storage, i->ai_addr, i->ai_addrlen);
        a.size = i->ai_addrlen;
        all.push_back(a);
    }
    if (all.empty()) return wye::fail(Errc::not_found, "getaddrinfo", host);
    if (passive && host.empty()) std::ranges::sort(all, {}, [](const Address& a) { return a.family() != AF_INET6; });
    return all;
}

std::string to_text(const Address& a) {
    char host[NI_MAXHOST] = "?";
    (void)::getnameinfo(a.get(), a.size, host, sizeof host, nullptr, 0, NI_NUMERICHOST);
    const auto port = std::to_string(port_of(a));
    return a.family() == AF_INET6 ? "[" + std::string(host) + "]:" + port : std::string(host) + ":" + port;
}

long local_port(int fd) noexcept {
    Address a;
    a.size = sizeof a.storage;
    const long r = sys::getsockname(fd, a.get(), &a.size);
    return r < 0 ? r : static_cast<long>(port_of(a));
}

unsigned free_port(const std::string& host, int type) {
    const auto at = resolve(host, "0", type, true);
    if (!at) return 0;
    const long made = sys::socket(at->front().family(), type, 0);
    const Fd fd(made < 0 ? -1 : static_cast<int>(made));
    if (fd == nullptr || sys::bind(fd.get(), at->front().get(), at->front().size) < 0) return 0;
    const long port = local_port(fd.get());
    return port > 0 ? static_cast<unsigned>(port) : 0;
}

}  // namespace wye::sys
