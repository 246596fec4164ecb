// libnats, made to behave in a program that is not its own: SIGPIPE and fork().
#pragma once
#include "wye/base/error.hpp"

#include "os/fork.hpp"
#include "os/sigpipe.hpp"

#include <nats/nats.h>

#include <chrono>
#include <memory>
#include <string>

namespace wye::nats {

/// Opened once a process, and never closed: others in this program may use it too. Errc::unsupported in the child of a
/// process that had opened it, whose threads are not there.
Result<> open_library();

/// What a failed call was, with the library's own words where it has some.
Error error(natsStatus, const char* op, std::string_view subject = {}, std::string_view more = {});
inline std::unexpected<Error> fail(natsStatus s, const char* op, std::string_view subject = {},
                                   std::string_view more = {}) {
    return std::unexpected(error(s, op, subject, more));
}

template <class T, void (*Destroy)(T*)>
struct Destroyer {
    void operator()(T* p) const noexcept { Destroy(p); }
};
template <class T, void (*Destroy)(T*)>
using Owned = std::unique_ptr<T, Destroyer<T, Destroy>>;
using Options = Owned<natsOptions, natsOptions_Destroy>;
using Msg = Owned<natsMsg, natsMsg_Destroy>;

/// libnats waits in milliseconds; rounded up, so that a wait does not end before its deadline.
template <class Duration>
int64_t milliseconds_of(Duration d) {
    return std::chrono::ceil<std::chrono::milliseconds>(d).count();
}

}  // namespace wye::nats
