#include "transport/nats/client/library.hpp"

#include "os/shared_library.hpp"

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

Result<const Library*> load(bool anew) {
    auto library = sys::load_library(WYE_NATS_LIBRARY, anew);
    if (!library)
        return refuse(Errc::unsupported, "nats: the client library is missing (libnats): " + library.error().message());
    // Never deleted: libnats' threads may be in its functions until the process ends.
    auto all = std::make_unique<Library>();
#define WYE_NATS_LOAD(name)                                         \
    {                                                               \
        WYE_TRY(void* const at, sys::function_in(*library, #name)); \
        all->name = reinterpret_cast<decltype(all->name)>(at);      \
    }
    WYE_NATS_CALLS(WYE_NATS_LOAD)
#undef WYE_NATS_LOAD
    return all.release();
}

// So that lib() can be asked before it is opened, by what is dropped without having been used.
constexpr Library nothing{};

}  // namespace

std::atomic<const Library*> loaded::now{&nothing};

Result<> open_library() {
    static std::mutex mutex;
    static bool opened = false;
    static std::uint64_t generation = 0;
    const std::lock_guard guard(mutex);
    if (opened && generation == sys::fork_generation()) return {};
    WYE_TRY(const auto* const loaded_now, load(opened));
    loaded::now.store(loaded_now, std::memory_order_release);
    const sys::NoSigpipe keep(true);
    if (const auto s = lib().nats_Open(-1); s != NATS_OK) return fail(s, "nats_Open");
    opened = true;
    generation = sys::fork_generation();
    return {};
}

Error error(natsStatus s, const char* op, std::string_view subject, std::string_view more) {
    std::string text = "nats: " + std::string(op);
    if (!subject.empty()) text += "(\"" + std::string(subject) + "\")";
    text += ": ";
    natsStatus of = NATS_OK;
    const char* last = lib().nats_GetLastError(&of);
    text += !more.empty() ? std::string(more) : last && *last && of == s ? last : lib().natsStatus_GetText(s);
    return Error::saying(kind_of(s), text);
}

}  // namespace wye::nats
