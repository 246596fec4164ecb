#pragma once
#include "wye/core/endpoint.hpp"
#include "wye/core/framing.hpp"

#include <memory>

namespace wye {

/// Any endpoint, chosen by URI at run time: `wye::open("unix:/run/app.sock")`. Costs one virtual call over the
/// concrete class (`./dev bench` prints the nanoseconds). Move-only; its threads are its endpoint's.
class Channel {
public:
    template <Endpoint E>
        requires(!std::same_as<E, Channel>)
    explicit(false) Channel(E endpoint) : self_(std::make_unique<Holder<E>>(std::move(endpoint))) {}  // NOLINT

    /// What this very endpoint can do: a datagram socket, for one, differs from its room's stream.
    const Traits& traits() const noexcept { return self_->traits(); }

    /// The largest message this endpoint takes, as the kernel or the URI's `?max=` has it now.
    std::size_t max_message() const { return self_->max_message(); }

    /// Errc::too_big before anything is sent. After Errc::timed_out nothing of the message was delivered.
    [[nodiscard]] Result<> send(Bytes b, Deadline d = Deadline::never()) { return self_->send(b, d); }
    /// With a priority or a type; Errc::unsupported where the traits have neither.
    [[nodiscard]] Result<> send(Bytes b, Meta m, Deadline d = Deadline::never()) { return self_->send(b, m, d); }

    /// Waits for one message and returns the part of `into` it filled. Errc::too_big leaves the message where it is:
    /// size `into` with max_message().
    [[nodiscard]] Result<MutBytes> recv(MutBytes into, Deadline d = Deadline::never()) { return self_->recv(into, d); }
    [[nodiscard]] Result<MutBytes> recv(MutBytes into, Meta& m, Deadline d = Deadline::never()) {
        return self_->recv(into, m, d);
    }

    /// One message where it lies, until the next recv() or recv_view() of this channel: no copy where the endpoint is a
    /// Viewer, elsewhere in a buffer that the channel keeps. Needs no place, and never leaves a message for want of
    /// one.
    [[nodiscard]] Result<Bytes> recv_view(Deadline d = Deadline::never()) { return self_->recv_view(d); }
    [[nodiscard]] Result<Bytes> recv_view(Meta& m, Deadline d = Deadline::never()) { return self_->recv_view(m, d); }

    [[nodiscard]] Result<Loan> loan(std::size_t n, Deadline d = Deadline::never()) { return self_->loan(n, d); }
    [[nodiscard]] Result<Lease> take(Deadline d = Deadline::never()) { return self_->take(d); }

    /// Where one listens (`?listen`): waits for the peer that send() and recv() would wait for. Elsewhere it is there.
    [[nodiscard]] Result<> wait_peer(Deadline d = Deadline::never()) { return self_->wait_peer(d); }

    /// No more will be sent: the other end reads what there is and then Errc::closed, while we may still recv().
    [[nodiscard]] Result<> close_write() { return self_->close_write(); }

    /// close_write(), and where the other end is a process of ours, waits until it has ended well.
    [[nodiscard]] Result<> finish(Deadline d = Deadline::never()) { return self_->finish(d); }

    /// Lets go of it now: after a fork(), of the end that this process does not use. Nothing may be asked of it
    /// afterwards.
    void close() noexcept { self_.reset(); }

    /// For poll and epoll: readable when a recv() may find something; -1 where the traits say it is not pollable.
    int native_handle() const { return self_->native_handle(); }

    /// A descriptor whose bytes are what this endpoint reads (or writes), framing and all, for splice(2); -1 when there
    /// is none or when bytes already wait in the endpoint's own buffer.
    struct RawHandles {
        int read = -1, write = -1;
        Framing framing = Framing::raw;
    };
    RawHandles raw_handles() const { return self_->raw_handles(); }

private:
    struct Erased {
        virtual ~Erased() = default;
        virtual const Traits& traits() const noexcept = 0;
        virtual std::size_t max_message() const = 0;
        virtual Result<> send(Bytes, Deadline) = 0;
        virtual Result<> send(Bytes, Meta, Deadline) = 0;
        virtual Result<MutBytes> recv(MutBytes, Deadline) = 0;
        virtual Result<MutBytes> recv(MutBytes, Meta&, Deadline) = 0;
        virtual Result<Bytes> recv_view(Deadline) = 0;
        virtual Result<Bytes> recv_view(Meta&, Deadline) = 0;
        virtual Result<Loan> loan(std::size_t, Deadline) = 0;
        virtual Result<Lease> take(Deadline) = 0;
        virtual Result<> wait_peer(Deadline) = 0;
        virtual Result<> close_write() = 0;
        virtual Result<> finish(Deadline) = 0;
        virtual int native_handle() const = 0;
        virtual RawHandles raw_handles() const = 0;
    };

    template <class E>
    struct Holder final : Erased {
        explicit Holder(E e) : e_(std::move(e)) {}
        const Traits& traits() const noexcept override {
            if constexpr (requires {
                              { e_.own_traits() } -> std::same_as<const Traits&>;
                          })
                return e_.own_traits();
            else
                return E::traits;
        }
        std::size_t max_message() const override {
            if constexpr (requires { e_.max_message(); }) return e_.max_message();
            return E::traits.max_message;
        }
        Result<> send(Bytes b, Deadline d) override {
            if constexpr (Sender<E>) return e_.send(b, d);
            return fail(Errc::unsupported, "send");
        }
        Result<> send(Bytes b, Meta m, Deadline d) override {
            if constexpr (Tagged<E>) return e_.send(b, m, d);
            if (m.priority == 0 && m.type == 0) return send(b, d);
            return refuse(Errc::unsupported, std::string(E::traits.name) + " has no priorities or types");
        }
        Result<MutBytes> recv(MutBytes b, Deadline d) override {
            if constexpr (Receiver<E>) return e_.recv(b, d);
            return fail(Errc::unsupported, "recv");
        }
        Result<MutBytes> recv(MutBytes b, Meta& m, Deadline d) override {
            if constexpr (Tagged<E>) return e_.recv(b, m, d);
            WYE_CHECK(no_type(m));
            return recv(b, d);
        }
        Result<Bytes> recv_view(Deadline d) override {
            if constexpr (Viewer<E>) return e_.recv_view(d);
            if constexpr (Receiver<E>) return recv(own_room(), d);
            return fail(Errc::unsupported, "recv");
        }
        Result<Bytes> recv_view(Meta& m, Deadline d) override {
            if constexpr (requires {
                              { e_.recv_view(m, d) } -> std::same_as<Result<Bytes>>;
                          })
                return e_.recv_view(m, d);
            if constexpr (Tagged<E>) return recv(own_room(), m, d);
            WYE_CHECK(no_type(m));
            return recv_view(d);
        }
        Result<Loan> loan([[maybe_unused]] std::size_t n, [[maybe_unused]] Deadline d) override {
            if constexpr (Lender<E>) return e_.loan(n, d);
            return fail(Errc::unsupported, "loan");
        }
        Result<Lease> take([[maybe_unused]] Deadline d) override {
            if constexpr (Leaser<E>) return e_.take(d);
            return fail(Errc::unsupported, "take");
        }
        Result<> wait_peer([[maybe_unused]] Deadline d) override {
            if constexpr (requires {
                              { e_.wait_peer(d) } -> std::same_as<Result<>>;
                          })
                return e_.wait_peer(d);
            return {};
        }
        Result<> close_write() override {
            if constexpr (HalfCloser<E>) return e_.close_write();
            return fail(Errc::unsupported, "close_write");
        }
        Result<> finish([[maybe_unused]] Deadline d) override {
            if constexpr (requires {
                              { e_.finish(d) } -> std::same_as<Result<>>;
                          })
                return e_.finish(d);
            else if constexpr (HalfCloser<E>)
                return e_.close_write();
            else
                return {};
        }
        int native_handle() const override {
            if constexpr (Pollable<E>) return e_.native_handle();
            return -1;
        }
        RawHandles raw_handles() const override {
            if constexpr (requires {
                              { e_.raw_handles() } -> std::same_as<RawHandles>;
                          })
                return e_.raw_handles();
            return {};
        }
        static Result<> no_type(Meta& m) {
            if (m.type != 0) return refuse(Errc::unsupported, std::string(E::traits.name) + " has no types");
            m = {};
            return {};
        }
        // For the largest message there can be; touched only as far as messages reach.
        MutBytes own_room() {
            constexpr std::size_t most = std::size_t{1} << 30;
            const auto n = max_message();
            if (n > room_size_ && room_size_ < most) {
                room_size_ = n < most ? n : most;
                room_ = std::make_unique_for_overwrite<std::byte[]>(room_size_);
            }
            return {room_.get(), room_size_};
        }
        E e_;
        std::unique_ptr<std::byte[]> room_;
        std::size_t room_size_ = 0;
    };

    std::unique_ptr<Erased> self_;
};

}  // namespace wye
