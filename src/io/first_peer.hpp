// `?listen` where there are connections: one endpoint that listens, and is the first connection from then on.
#pragma once
#include "wye/core/channel.hpp"

#include <optional>

namespace wye {

/// Listens until the first peer has come, and then listens no more: a second is refused by the kernel and does not wait
/// in vain. Whoever sends and receives on two threads calls wait_peer() before them.
template <class Listener, class Socket>
class FirstPeer {
public:
    static constexpr Traits traits = Socket::traits;
    explicit FirstPeer(Listener l) : listener_(std::move(l)), max_message_(listener_->max_message()) {
        if constexpr (requires { listener_->own_traits(); }) own_ = &listener_->own_traits();
    }

    Result<> wait_peer(Deadline d) {
        if (peer_) [[likely]]
            return {};
        WYE_TRY(auto met, listener_->accept(d));
        peer_.emplace(std::move(met));
        listener_.reset();
        return no_more_ ? peer_->close_write() : Result<>();
    }
    Result<> send(Bytes b, Deadline d) {
        if (no_more_) return fail(Errc::closed, "send");
        WYE_CHECK(wait_peer(d));
        return peer_->send(b, d);
    }
    Result<MutBytes> recv(MutBytes into, Deadline d) {
        WYE_CHECK(wait_peer(d));
        return peer_->recv(into, d);
    }
    Result<Bytes> recv_view(Deadline d) {
        WYE_CHECK(wait_peer(d));
        return peer_->recv_view(d);
    }
    /// Before the first peer: said to it as soon as it comes.
    Result<> close_write() {
        no_more_ = true;
        return peer_ ? peer_->close_write() : Result<>();
    }
    std::size_t max_message() const noexcept { return peer_ ? peer_->max_message() : max_message_; }
    /// The listener's until the first peer has come: readable when it has.
    int native_handle() const noexcept { return peer_ ? peer_->native_handle() : listener_->native_handle(); }
    Channel::RawHandles raw_handles() const noexcept { return peer_ ? peer_->raw_handles() : Channel::RawHandles(); }
    const Traits& own_traits() const noexcept { return *own_; }

private:
    std::optional<Listener> listener_;
    std::optional<Socket> peer_;
    std::size_t max_message_;
    const Traits* own_ = &traits;
    bool no_more_ = false;
};

}  // namespace wye
