#include "os/errno.hpp"

#include <cerrno>

namespace wye::sys {

Errc classify(int e) noexcept {
    switch (e) {
        case EAGAIN:
        case ETIMEDOUT:
            return Errc::timed_out;
        case EPIPE:
        case ESHUTDOWN:
        case EIDRM:
        case ENOTCONN:
            return Errc::closed;
        case ECONNRESET:
        case ECONNABORTED:
            return Errc::peer_died;
        case ENOENT:
        case ENXIO:
        case ECONNREFUSED:
        case ENODEV:
        case EHOSTUNREACH:
        case ENETUNREACH:
        case ESRCH:
            return Errc::not_found;
        case EEXIST:
            return Errc::already_exists;
        case EADDRINUSE:
        case EBUSY:
        case ETXTBSY:
            return Errc::busy;
        case EACCES:
        case EPERM:
        case EROFS:
            return Errc::denied;
        case EMSGSIZE:
        case E2BIG:
        case EFBIG:
            return Errc::too_big;
        case EMFILE:
        case ENFILE:
        case ENOMEM:
        case ENOBUFS:
        case ENOSPC:
        case EDQUOT:
        case ETOOMANYREFS:
            return Errc::exhausted;
        case EOPNOTSUPP:
        case ENOSYS:
        case EAFNOSUPPORT:
        case EPROTONOSUPPORT:
            return Errc::unsupported;
        case ENAMETOOLONG:
        case EINVAL:
        case EDESTADDRREQ:
            return Errc::bad_address;
        case ENOTDIR:
        case EISDIR:
        case ENOTSOCK:
        case EPROTOTYPE:
        case EBADF:
            return Errc::mismatch;
        default:
            return Errc::failed;
    }
}

}  // namespace wye::sys
