// Descriptors on their way through a Unix socket. The traps are the kernel's: see the README of this room.
#pragma once
#include "wye/transport/unix.hpp"

#include "io/recv_by.hpp"
#include "os/socket.hpp"
#include "os/transfer.hpp"

#include <cstring>
#include <utility>
#include <vector>

namespace wye {

/// Room for as many as the kernel ever hands over at once. Less would not do: room for one descriptor takes two
/// (CMSG_SPACE rounds up), and what does not fit is dropped without a word but MSG_CTRUNC.
struct DescriptorRoom {
    static constexpr std::size_t most = 253;  // SCM_MAX_FD
    alignas(cmsghdr) std::byte bytes[CMSG_SPACE(most * sizeof(int)) + CMSG_SPACE(sizeof(ucred))];

    /// Laid out for sendmsg; returns what was used.
    Bytes pack(std::span<const int> fds) noexcept {
        if (fds.empty()) return {};
        const auto used = CMSG_SPACE(fds.size_bytes());
        std::memset(bytes, 0, used);
        auto* c = reinterpret_cast<cmsghdr*>(bytes);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(fds.size_bytes());
        std::memcpy(CMSG_DATA(c), fds.data(), fds.size_bytes());
        return Bytes(bytes).first(used);
    }

    /// Owns every descriptor that came.
    std::vector<Fd> unpack(std::size_t used) {
        std::vector<Fd> all;
        msghdr m{};
        m.msg_control = bytes;
        m.msg_controllen = used;
        for (auto* c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
            if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
            const auto n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
            for (std::size_t i = 0; i < n; ++i) {
                int fd;
                std::memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
                all.emplace_back(fd);
            }
        }
        return all;
    }
};

/// Descriptors that came and whose message has not been given out yet.
///
/// The kernel ends a read in the bytes that brought descriptors. So they belong to the last message that begins before
/// the end of that read: the one that lies around that place in the stream.
struct UnixSocket::Passing {
    struct Held {
        std::uint64_t place = 0;  // in the stream: the end of the read that brought them
        std::vector<Fd> fds;
        bool excess = false;  // there were more than allowed: they are closed
        bool any() const noexcept { return excess || !fds.empty(); }
    };

    explicit Passing(unsigned cap) : cap_(cap) {}

    /// Reads happen only while no message is complete: what is held from before belongs to the message under way, and
    /// what comes now may belong to the next. Hence two, and a peer cannot make us hold more than twice the cap.
    void came(std::vector<Fd> fds, std::uint64_t place) {
        if (fds.empty()) return;
        join(front_, std::exchange(fresh_, {}));
        fresh_.place = place;
        fresh_.fds = std::move(fds);
        limit(fresh_);
    }

    /// Those of the message that ends at `end` and began at `begin`; what lies before it was for a message passed over.
    Held of(std::uint64_t begin, std::uint64_t end) {
        Held all;
        for (auto* h : {&front_, &fresh_}) {
            if (!h->any() || h->place > end) continue;
            auto taken = std::exchange(*h, {});
            if (taken.place > begin) join(all, std::move(taken));
        }
        return all;
    }

    std::uint64_t read = 0;  // bytes of the stream so far
    bool broken = false;

private:
    void limit(Held& h) const {
        if (h.fds.size() <= cap_) return;
        h.fds.clear();
        h.excess = true;
    }
    void join(Held& to, Held from) const {
        if (!from.any()) return;
        to.place = from.place;
        to.excess |= from.excess;
        for (auto& f : from.fds) to.fds.push_back(std::move(f));
        if (to.excess) to.fds.clear();
        limit(to);
    }

    unsigned cap_;
    Held front_, fresh_;
};

}  // namespace wye
