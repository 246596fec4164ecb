// What every kind of socket needs: addresses, options, and connect and accept with a deadline.
#pragma once
#include "wye/base/deadline.hpp"
#include "wye/base/error.hpp"
#include "wye/os/fd.hpp"

#include "os/syscall.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/un.h>

#include <cstring>

namespace wye::sys {

struct Address {
    sockaddr_storage storage;  // not zeroed: 13 ns a message
    socklen_t size = 0;

    Address() noexcept { storage.ss_family = AF_UNSPEC; }
    const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
    sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
    int family() const noexcept { return storage.ss_family; }
};

/// A value or -errno, as every call here.
long option(int fd, int level, int name) noexcept;
long set_option(int fd, int level, int name, int value) noexcept;

/// `socket` is fresh, ours alone, and non-blocking; blocking when this has succeeded.
/// Errc::timed_out also while a Unix listener's backlog is full.
Result<> connect(int socket, const Address&, Deadline, std::string_view subject);

/// `listener` is non-blocking. Connections that were given up while they waited are passed over. Without a free
/// descriptor it waits a second at most for one (the connection stays in the backlog), and then says Errc::exhausted: a
/// caller who tries again and again does not spin.
Result<Fd> accept(int listener, Deadline);

}  // namespace wye::sys
