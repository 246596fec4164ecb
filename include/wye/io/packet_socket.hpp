#pragma once
#include "wye/base/bytes.hpp"
#include "wye/base/deadline.hpp"
#include "wye/base/error.hpp"
#include "wye/os/fd.hpp"

#include <array>
#include <memory>
#include <utility>

namespace wye {

struct PacketOptions {
    std::size_t max_message = 0;  ///< the largest that send() takes
    /// The largest that can come. What is larger still is passed over with Errc::too_big.
    std::size_t largest = 0;
    /// A message of no bytes must be told from the end (seqpacket).
    bool has_end = false;
    /// Bound and not connected: hears everybody, and answers to whoever wrote last.
    bool answers = false;
    /// send() with a deadline cannot poll for room at a peer it is not connected to (unix datagrams).
    bool peer_can_be_full = false;
};

/// Messages over a socket that keeps them apart: what unix seqpacket, unix dgram and udp share.
///
/// A message larger than the place given to recv() is kept for the next recv(): it was read into room of our own, so
/// this costs no second system call. One thread may send while another receives.
class PacketSocket {
public:
    PacketSocket(Fd, PacketOptions);

    /// What travels beside a message: bytes for the kernel on sending, room for its answer on receiving.
    struct Beside {
        MutBytes room;
        std::size_t used = 0;
        bool cut = false;  ///< the room, or the process's table of descriptors, was too small
    };

    Result<> send(Bytes, Deadline, Bytes beside = {});
    Result<MutBytes> recv(MutBytes into, Deadline, Beside* = nullptr);
    Result<Bytes> recv_view(Deadline d, Beside* b = nullptr) {
        if (std::exchange(keeps_, false)) return Bytes(spill_.get(), kept_);
        return recv({spill(), options_.largest}, d, b);
    }
    /// Where one answers: until somebody has written.
    Result<> wait_peer(Deadline);
    Result<> close_write();

    std::size_t max_message() const noexcept { return options_.max_message; }
    bool has_end() const noexcept { return options_.has_end; }
    /// A message that recv() refused as too big is in our own room: poll does not see it.
    int native_handle() const noexcept { return fd_.get(); }

private:
    struct LastPeer;
    struct Arrival;
    struct Drop {
        void operator()(LastPeer*) const noexcept;
    };
    Result<std::size_t> receive(Arrival&, Deadline);
    Result<std::size_t> receive_beside(Arrival&, Deadline);
    bool told_of_reset(const Error&) noexcept;
    Result<> send_to_last(Bytes, Deadline, Bytes beside);
    std::byte* spill();

    Fd fd_;
    PacketOptions options_;
    std::unique_ptr<std::byte[]> spill_;
    std::size_t kept_ = 0;  // bytes of a refused message in spill_
    bool keeps_ = false;
    bool named_ = false;  // has_end: each message brings its sender's name, and the end brings none
    bool reset_ = false;  // the peer left with our messages unread: told after what it had sent
    bool write_closed_ = false;
    std::unique_ptr<LastPeer, Drop> last_;
};

}  // namespace wye
