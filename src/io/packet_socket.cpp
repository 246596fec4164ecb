#include "wye/io/packet_socket.hpp"

#include "os/socket.hpp"
#include "os/transfer.hpp"

#include <algorithm>
#include <cstring>
#include <mutex>

namespace wye {
namespace {

// Up to here a copy costs less than recvmsg's header and second place do (measured: 100 ns, a copy of 4 KiB takes 60).
constexpr std::size_t copied_at_most = 8192;

// Beside a message, the credentials of its sender: proof that an empty one is a message and not the end.
constexpr std::size_t proof_size = CMSG_SPACE(sizeof(ucred));

}  // namespace

// Whoever wrote last. recv() writes it and send() reads it, on two threads perhaps.
struct PacketSocket::LastPeer {
    std::mutex mutex;
    sys::Address address;

    void set(const sys::Address& a) {
        // Only recv() writes, so it may read without the lock.
        if (a.size == address.size && std::memcmp(&a.storage, &address.storage, a.size) == 0) return;
        const std::lock_guard lock(mutex);
        address = a;
    }
    sys::Address get() {
        const std::lock_guard lock(mutex);
        return address;
    }
};

void PacketSocket::Drop::operator()(LastPeer* p) const noexcept { delete p; }

// One call's worth of receiving: where the bytes go, and what the kernel said.
struct PacketSocket::Arrival {
    MutBytes first, second;
    Beside* beside;
    bool wants_name;
    bool proven = false;  // not the end
    sys::Address from;
    // Not an aggregate: GCC would zero all of it first, which costs more than the rest of a call.
    Arrival(MutBytes into, Beside* b, bool wants) noexcept : first(into), beside(b), wants_name(wants) {}
};

PacketSocket::PacketSocket(Fd fd, PacketOptions o) : fd_(std::move(fd)), options_(o) {
    options_.largest = std::max(o.largest, o.max_message);
    if (o.answers) last_.reset(new LastPeer);
    if (!o.has_end) return;
    sys::Address peer;
    peer.size = sizeof peer.storage;
    named_ = sys::getpeername(fd_.get(), peer.get(), &peer.size) == 0 && peer.size > sizeof(sa_family_t);
    // Dearer by a tenth, hence only for a peer without a name.
    if (!named_) (void)sys::set_option(fd_.get(), SOL_SOCKET, SO_PASSCRED, 1);
}

std::byte* PacketSocket::spill() {
    if (!spill_) spill_ = std::make_unique_for_overwrite<std::byte[]>(options_.largest);
    return spill_.get();
}

// Inlined, for the reason that transfer.hpp gives.
[[gnu::always_inline]] inline Result<std::size_t> PacketSocket::receive(Arrival& a, Deadline deadline) {
    if (a.beside || !a.second.empty() || (options_.has_end && !named_)) return receive_beside(a, deadline);
    for (;;) {
        a.from.size = a.wants_name ? sizeof a.from.storage : 0;
        // MSG_TRUNC: the answer is the message's size, whatever the room.
        auto got = sys::message_by(fd_.get(), POLLIN, deadline, "recv", [&](int flags) {
            return sys::recvfrom(fd_.get(), a.first.data(), a.first.size(), flags | MSG_TRUNC,
                                 a.wants_name ? a.from.get() : nullptr, a.wants_name ? &a.from.size : nullptr);
        });
        a.proven = a.from.size > 0;
        if (got || !told_of_reset(got.error())) return got;
    }
}

// The kernel says so before it hands out what is queued, and only once.
bool PacketSocket::told_of_reset(const Error& e) noexcept {
    const bool told = options_.has_end && e.sys() == ECONNRESET;
    reset_ |= told;
    return told;
}

Result<std::size_t> PacketSocket::receive_beside(Arrival& a, Deadline deadline) {
    for (;;) {
        alignas(cmsghdr) std::byte proof[proof_size];
        iovec v[2] = {{a.first.data(), a.first.size()}, {a.second.data(), a.second.size()}};
        msghdr m{};
        auto got = sys::message_by(fd_.get(), POLLIN, deadline, "recvmsg", [&](int flags) {
            m = {};
            m.msg_iov = v;
            m.msg_iovlen = a.second.empty() ? 1 : 2;
            m.msg_control = a.beside ? a.beside->room.data() : proof;
            m.msg_controllen = a.beside ? a.beside->room.size() : options_.has_end ? sizeof proof : 0;
            m.msg_name = a.wants_name ? &a.from.storage : nullptr;
            m.msg_namelen = a.wants_name ? sizeof a.from.storage : 0;
            return sys::recvmsg(fd_.get(), &m, flags | MSG_TRUNC);
        });
        if (!got && told_of_reset(got.error())) continue;
        a.from.size = m.msg_namelen;
        a.proven = m.msg_namelen > 0 || m.msg_controllen > 0;
        if (a.beside && got) a.beside->used = m.msg_controllen, a.beside->cut = (m.msg_flags & MSG_CTRUNC) != 0;
        return got;
    }
}

Result<MutBytes> PacketSocket::recv(MutBytes into, Deadline deadline, Beside* beside) {
    if (keeps_) {
        if (kept_ > into.size()) return fail(Errc::too_big, "recv");
        copy_bytes(into.data(), spill_.get(), kept_);
        keeps_ = false;
        return into.first(kept_);
    }
    Arrival a(into, beside, options_.answers || (options_.has_end && named_));
    if (into.size() < options_.largest) {
        if (into.size() <= copied_at_most)
            a.first = {spill(), options_.largest};
        else
            a.second = {spill(), options_.largest};
    }
    WYE_TRY(const auto size, receive(a, deadline));
    if (size == 0 && options_.has_end && !a.proven) return fail(reset_ ? Errc::peer_died : Errc::closed, "recv");
    if (last_ && a.from.size > 0) last_->set(a.from);
    if (size > a.first.size() + a.second.size()) return fail(Errc::too_big, "recv");  // nobody could know: it is gone
    if (a.first.data() == into.data()) {
        if (size <= into.size()) return into.first(size);
        std::memmove(spill_.get() + into.size(), spill_.get(), size - into.size());
        std::memcpy(spill_.get(), into.data(), into.size());
    } else if (size <= into.size()) {
        copy_bytes(into.data(), spill_.get(), size);
        return into.first(size);
    }
    kept_ = size;
    keeps_ = true;
    return fail(Errc::too_big, "recv");
}

Result<> PacketSocket::wait_peer(Deadline deadline) {
    if (!last_ || last_->get().size > 0) return {};
    sys::Address from;
    const auto seen = sys::message_by(fd_.get(), POLLIN, deadline, "recv", [&](int flags) {
        from.size = sizeof from.storage;
        std::byte none;
        return sys::recvfrom(fd_.get(), &none, 0, flags | MSG_PEEK, from.get(), &from.size);
    });
    if (!seen) return std::unexpected(seen.error());
    if (from.size > sizeof(sa_family_t)) last_->set(from);
    return {};
}

Result<> PacketSocket::send(Bytes message, Deadline deadline, Bytes beside) {
    if (message.size() > options_.max_message) return fail(Errc::too_big, "send");
    if (write_closed_) return fail(Errc::closed, "send");
    if (last_) return send_to_last(message, deadline, beside);
    const int fd = fd_.get();
    const auto sent = sys::message_by(fd, POLLOUT, deadline, "send", [&](int flags) {
        if (beside.empty()) [[likely]]
            return sys::sendto(fd, message.data(), message.size(), flags, nullptr, 0);
        iovec v{const_cast<std::byte*>(message.data()), message.size()};
        msghdr m{};
        m.msg_iov = &v;
        m.msg_iovlen = 1;
        m.msg_control = const_cast<std::byte*>(beside.data());
        m.msg_controllen = beside.size();
        return sys::sendmsg(fd, &m, flags);
    });
    return sent ? Result<>() : std::unexpected(sent.error());
}

Result<> PacketSocket::send_to_last(Bytes message, Deadline deadline, Bytes beside) {
    WYE_CHECK(wait_peer(deadline));
    auto to = last_->get();
    if (to.size <= sizeof(sa_family_t))
        return refuse(Errc::unsupported, "whoever wrote last has no address to answer to");
    iovec v{const_cast<std::byte*>(message.data()), message.size()};
    msghdr m{};
    m.msg_name = &to.storage;
    m.msg_namelen = to.size;
    m.msg_iov = &v;
    m.msg_iovlen = 1;
    m.msg_control = const_cast<std::byte*>(beside.data());
    m.msg_controllen = beside.size();
    const int fd = fd_.get();
    if (options_.peer_can_be_full && !deadline.is_never() && !deadline.is_now()) {
        // poll(2) would call this socket writable, for it asks about our own buffer only.
        long r = sys::sendmsg(fd, &m, MSG_DONTWAIT);
        if (r == -EAGAIN || r == -EINTR) r = sys::interruptible(deadline, [&] { return sys::sendmsg(fd, &m, 0); });
        return r < 0 ? Result<>(sys::fail(r, "sendmsg")) : Result<>();
    }
    const auto sent =
        sys::message_by(fd, POLLOUT, deadline, "sendmsg", [&](int flags) { return sys::sendmsg(fd, &m, flags); });
    return sent ? Result<>() : std::unexpected(sent.error());
}

Result<> PacketSocket::close_write() {
    if (!options_.has_end) return fail(Errc::unsupported, "close_write");
    if (std::exchange(write_closed_, true)) return {};
    const long r = sys::shutdown(fd_.get(), SHUT_WR);
    return r < 0 && r != -ENOTCONN ? Result<>(sys::fail(r, "shutdown")) : Result<>();
}

}  // namespace wye
