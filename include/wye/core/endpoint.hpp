#pragma once
#include "wye/base/bytes.hpp"
#include "wye/base/deadline.hpp"
#include "wye/base/error.hpp"
#include "wye/core/loan.hpp"
#include "wye/core/traits.hpp"

#include <concepts>

namespace wye {

enum class Mode : std::uint8_t { read, write, both };
enum class Create : std::uint8_t { never, if_missing, exclusive };

/// What travels beside a message where the traits have it; ignored fields are zero.
struct Meta {
    unsigned priority = 0;  ///< posix-mq: 0 (lowest) to 32767
    long type = 0;          ///< sysv-mq: sent, > 0 (0 sends 1); asked for, 0 any, n exactly n, -n the lowest up to n
};

// An endpoint is a concrete class with compile-time traits and no base class. A pattern asks for what it needs
// (`requires Lender<E>`); asking for the impossible does not compile. Unless a room's header says otherwise, one
// thread at a time may send and one may recv on an endpoint; open another for a third.

template <class E>
concept Endpoint = requires {
    { E::traits } -> std::convertible_to<Traits>;
};

template <class E>
concept Sender = Endpoint<E> && requires(E& e, Bytes b, Deadline d) {
    { e.send(b, d) } -> std::same_as<Result<>>;
};

template <class E>
concept Receiver = Endpoint<E> && requires(E& e, MutBytes b, Deadline d) {
    { e.recv(b, d) } -> std::same_as<Result<MutBytes>>;
};

/// Can give a message where it lies, in a buffer of its own, from which recv() would copy it into the caller's place:
/// with the same promises, and no place to be too small. The view stays until the next call that receives on this
/// endpoint (a send() may come between), or until the endpoint is moved or dropped. The buffer grows to the largest
/// message that came. Of a raw stream it is what was there, max_message() bytes at most.
template <class E>
concept Viewer = Receiver<E> && requires(E& e, Deadline d) {
    { e.recv_view(d) } -> std::same_as<Result<Bytes>>;
};

/// Meta can be sent and seen.
template <class E>
concept Tagged = requires(E& e, Bytes b, MutBytes m, Meta& meta, Deadline d) {
    { e.send(b, meta, d) } -> std::same_as<Result<>>;
    { e.recv(m, meta, d) } -> std::same_as<Result<MutBytes>>;
};

/// Can say "no more from me" and still listen.
template <class E>
concept HalfCloser = requires(E& e) {
    { e.close_write() } -> std::same_as<Result<>>;
};

template <class E>
concept Lender = Sender<E> && E::traits.loans && requires(E& e, std::size_t n, Deadline d) {
    { e.loan(n, d) } -> std::same_as<Result<Loan>>;
};

template <class E>
concept Leaser = Receiver<E> && E::traits.loans && requires(E& e, Deadline d) {
    { e.take(d) } -> std::same_as<Result<Lease>>;
};

template <class E>
concept Pollable = Endpoint<E> && E::traits.pollable && requires(const E& e) {
    { e.native_handle() } -> std::same_as<int>;
};

}  // namespace wye
