// A connected pair on one thread, a message sent and then received: bare system calls, the room's class, and the erased
// Channel.
#pragma once
#include "wye/core/channel.hpp"
#include "wye/core/framing.hpp"

#include "receive.hpp"

#include <benchmark/benchmark.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

namespace wye::bench {

/// Bare system calls that do the same work: with the length in front of the message, as a byte stream needs it (read
/// into room for many, since nobody knows the length before, and a call for the length alone would double the cost); a
/// packet; or a packet with the name of its sender, which answering takes (dgram, udp), and telling an empty one from
/// the end (seqpacket).
enum class Raw { framed, packet, named };

inline void raw_loop(benchmark::State& state, int from, int to, Raw how, std::size_t size) {
    std::vector<std::byte> message(size), room(64 * 1024);
    for (auto _ : state) {
        bool good;
        if (how == Raw::framed) {
            auto header = FrameHeader{.length = static_cast<std::uint32_t>(size)}.encode();
            iovec v[2] = {{header.data(), header.size()}, {message.data(), size}};
            msghdr m{};
            m.msg_iov = v;
            m.msg_iovlen = 2;
            const auto wire = static_cast<ssize_t>(FrameHeader::size + size);
            good = ::sendmsg(from, &m, MSG_NOSIGNAL) == wire && ::read(to, room.data(), room.size()) == wire;
        } else {
            sockaddr_storage name;
            socklen_t length = sizeof name;
            auto* wanted = how == Raw::named ? reinterpret_cast<sockaddr*>(&name) : nullptr;
            good = ::send(from, message.data(), size, MSG_NOSIGNAL) == static_cast<ssize_t>(size) &&
                   ::recvfrom(to, room.data(), room.size(), 0, wanted, wanted ? &length : nullptr) ==
                       static_cast<ssize_t>(size);
        }
        if (!good) return state.SkipWithError("a transfer failed");
        benchmark::DoNotOptimize(room.data());
    }
}

template <By by, class E>
void wye_loop(benchmark::State& state, E& from, E& to, Raw how, std::size_t size) {
    // Packets of any size may come: the room is what the header says it should be, as `raw` has it.
    std::vector<std::byte> message(size), room(how == Raw::framed ? size : to.max_message());
    for (auto _ : state) {
        if (!from.send(message, Deadline::never())) return state.SkipWithError("send failed");
        const auto got = receive<by>(to, room);
        if (!got || got->size() != size) return state.SkipWithError("recv failed");
        benchmark::DoNotOptimize(got->data());
    }
}

/// `make` gives a connected pair (a std::pair of the room's class). Each loop has one of its own.
template <class Make>
void add(const std::string& name, Raw how, Make make) {
    for (const std::size_t size : {std::size_t{64}, std::size_t{4096}}) {
        const auto tail = name + "/" + std::to_string(size);
        benchmark::RegisterBenchmark(("raw/" + tail).c_str(), [=](benchmark::State& s) {
            auto [a, b] = make();
            raw_loop(s, a.native_handle(), b.native_handle(), how, size);
        });
        benchmark::RegisterBenchmark(("wye/" + tail).c_str(), [=](benchmark::State& s) {
            auto [a, b] = make();
            wye_loop<By::recv>(s, a, b, how, size);
        });
        benchmark::RegisterBenchmark(("view/" + tail).c_str(), [=](benchmark::State& s) {
            auto [a, b] = make();
            wye_loop<By::view>(s, a, b, how, size);
        });
        benchmark::RegisterBenchmark(("channel/" + tail).c_str(), [=](benchmark::State& s) {
            auto [a, b] = make();
            Channel from(std::move(a)), to(std::move(b));
            wye_loop<By::recv>(s, from, to, how, size);
        });
    }
}

}  // namespace wye::bench
