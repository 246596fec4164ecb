#include "transport/nats/client/library.hpp"

#include <atomic>
#include <mutex>

namespace wye::nats {
namespace {

Errc kind_of(natsStatus s) noexcept {
    switch (s) {
        case NATS_TIMEOUT:
            return Errc::timed_out;
        case NATS_NO_SERVER:
        case NATS_NOT_FOUND:
        case NATS_NO_RESPONDERS:
            return Errc::not_found;
        case NATS_CONNECTION_AUTH_FAILED:
        case NATS_NOT_PERMITTED:
        case NATS_SECURE_CONNECTION_WANTED:
        case NATS_SECURE_CONNECTION_REQUIRED:
        case NATS_SSL_ERROR:
            return Errc::denied;
        case NATS_CONNECTION_CLOSED:
        case NATS_INVALID_SUBSCRIPTION:
        case NATS_DRAINING:
            return Errc::closed;
        case NATS_IO_ERROR:
        case NATS_CONNECTION_DISCONNECTED:
        case NATS_STALE_CONNECTION:
            return Errc::peer_died;
        case NATS_MAX_PAYLOAD:
            return Errc::too_big;
        case NATS_ADDRESS_MISSING:
        case NATS_INVALID_SUBJECT:
        case NATS_INVALID_ARG:
        case NATS_INVALID_QUEUE_NAME:
            return Errc::bad_address;
        case NATS_NO_MEMORY:
        case NATS_INSUFFICIENT_BUFFER:
            return Errc::exhausted;
        case NATS_PROTOCOL_ERROR:
        case NATS_LINE_TOO_LONG:
            return Errc::mismatch;
        default:
            return Errc::failed;
    }
}

}  // namespace

Result<> open_library() {
    static std::mutex mutex;
    static bool opened = false;
    static std::uint64_t generation = 0;
    const std::lock_guard guard(mutex);
    if (opened && generation != sys::fork_generation())
        return refuse(Errc::unsupported,
                      "nats: this process is the child of a fork() of one that used NATS, whose threads it has not: "
                      "connect after the fork(), or exec");
    if (opened) return {};
    const sys::NoSigpipe keep(true);
    if (const auto s = nats_Open(-1); s != NATS_OK) return fail(s, "nats_Open");
    opened = true;
    generation = sys::fork_generation();
    return {};
}

Error error(natsStatus s, const char* op, std::string_view subject, std::string_view more) {
    std::string text = "nats: " + std::string(op);
    if (!subject.empty()) text += "(\"" + std::string(subject) + "\")";
    text += ": ";
    natsStatus of = NATS_OK;
    const char* last = nats_GetLastError(&of);
    text += !more.empty() ? std::string(more) : last && *last && of == s ? last : natsStatus_GetText(s);
    return Error::saying(kind_of(s), text);
}

}  // namespace wye::nats
