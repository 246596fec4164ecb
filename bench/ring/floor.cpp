// What the machine gives: F, a cache line to and fro between two processors; W, waking by a futex; a raw hand-over of
// so many bytes; copying them here.
#include "cases.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>

namespace wye::bench {
namespace {

struct Line {
    alignas(128) std::atomic<std::uint64_t> turn;
};

template <bool politely>
struct RawLine {
    struct Both {
        Line there, back;
    };
    Both& both = shared<Both>();
    explicit RawLine(const Args&) {}
    struct Link {
        std::atomic<std::uint64_t>&out, &in;
        std::uint64_t sent = 0, received = 0;
        void send(std::span<const std::byte>) { out.store(++sent, std::memory_order_release); }
        void recv(std::span<std::byte>) {
            while (in.load(std::memory_order_acquire) == received)
                if constexpr (politely) relax();
            ++received;
        }
    };
    Link open(Side s) const {
        return s == Side::parent ? Link{both.there.turn, both.back.turn} : Link{both.back.turn, both.there.turn};
    }
};

/// Copied into a buffer that both have, a flag, copied out.
struct RawCopy {
    static constexpr std::size_t most = std::size_t{4} << 20;
    struct Way {
        Line full;
        alignas(4096) std::byte bytes[most];
    };
    struct Both {
        Way there, back;
    };
    Both& both = shared<Both>();
    explicit RawCopy(const Args& a) {
        if (a.number("bytes", 48) > most) give_up("up to 4 MiB");
    }
    struct Link {
        Way &out, &in;
        std::uint64_t sent = 0, received = 0;
        void send(std::span<const std::byte> b) {
            copy_bytes(out.bytes, b.data(), b.size());
            out.full.turn.store(++sent, std::memory_order_release);
        }
        void recv(std::span<std::byte> b) {
            while (in.full.turn.load(std::memory_order_acquire) == received) relax();
            ++received;
            copy_bytes(b.data(), in.bytes, b.size());
        }
    };
    Link open(Side s) const { return s == Side::parent ? Link{both.there, both.back} : Link{both.back, both.there}; }
};

long futex(std::atomic<std::uint32_t>& word, int op, std::uint32_t value) {
    return syscall(SYS_futex, &word, op, value, nullptr, nullptr, 0);
}

/// One line with the message and its number, then FUTEX_WAKE; the other sleeps in FUTEX_WAIT.
struct RawWake {
    struct Both {
        alignas(128) std::atomic<std::uint32_t> number;
        std::uint64_t bytes;
    };
    Both& both = shared<Both>();
    explicit RawWake(const Args&) {}
    struct Link {
        Both& both;
        std::uint32_t received = 0;
        void send(std::span<const std::byte> b) {
            std::memcpy(&both.bytes, b.data(), sizeof both.bytes);
            both.number.fetch_add(1, std::memory_order_release);
            futex(both.number, FUTEX_WAKE, 1);
        }
        void recv(std::span<std::byte> b) {
            while (both.number.load(std::memory_order_acquire) == received) futex(both.number, FUTEX_WAIT, received);
            ++received;
            std::memcpy(b.data(), &both.bytes, sizeof both.bytes);
        }
    };
    Link open(Side) const { return {both}; }
};

void copy(const Args& a) {
    const auto size = a.number("bytes", 4096);
    std::vector<std::byte> from(size, std::byte{1}), to(size);
    pin(a, Side::parent);
    print_ns(ns_each(16, 100, [&] {
        copy_bytes(to.data(), from.data(), size);
        touched(to.data());
    }));
}

const Cases cases{{"floor", ping_pong<RawLine<false>>},
                  {"floor-pause", ping_pong<RawLine<true>>},
                  {"floor-copy", ping_pong<RawCopy>},
                  {"floor-wake", wake<RawWake>},
                  {"copy", copy}};

}  // namespace
}  // namespace wye::bench
