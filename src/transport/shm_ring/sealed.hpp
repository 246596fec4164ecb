// What a publisher and its foreign subscribers agree on: the bytes of the memfd, and the one greeting.
#pragma once
#include "wye/os/fd.hpp"
#include "wye/transport/shm_ring/lane.hpp"

#include "os/file_pages.hpp"
#include "os/socket.hpp"

#include <array>

namespace wye::shm {

/// The publisher may go on writing, and nobody else may begin to; nobody may cut it off.
inline constexpr long lane_seals = F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
/// A subscriber's own page, which is written by both.
inline constexpr long page_seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
inline constexpr std::size_t page_bytes = 4096;

/// The beginning of the memfd, with the numbers of a broadcast without participants or cursors; its granules follow.
struct SealedHead {
    ring::Geometry geometry;
    ring::LaneHeader lane;
};
static_assert(offsetof(SealedHead, lane) == 128 && sizeof(SealedHead) == 768);

constexpr std::size_t sealed_bytes(std::uint64_t granules) noexcept {
    return sizeof(SealedHead) + granules * ring::granule;
}
inline ring::LaneView lane_of(std::byte* at, std::uint64_t granules) noexcept {
    auto* head = reinterpret_cast<SealedHead*>(at);
    return {&head->lane, reinterpret_cast<ring::Slot*>(head + 1), granules};
}
inline ring::Geometry sealed_geometry(std::uint64_t granules) noexcept {
    ring::Geometry g{};
    g.version = ring::layout_version;
    g.word_bytes = sizeof(void*) << 8 | (std::endian::native == std::endian::little ? 1 : 2);
    g.shape = ring::Shape::broadcast;
    g.lanes = 1, g.granules = static_cast<std::uint32_t>(granules);
    return g;
}

/// A new memfd with room for all of it, mapped to write, and sealed since. Its owner alone may open it again.
inline Result<sys::FilePages> sealed_memory(const char* name, std::size_t size, long seals) {
    const long made = sys::sealable_memfd(name);
    if (made < 0) return sys::fail(made, "memfd_create", name);
    sys::FilePages all{Fd(static_cast<int>(made)), {}};
    const int fd = all.fd.get();
    if (const long r = sys::fchmod(fd, 0600); r < 0) return sys::fail(r, "fchmod", name);
    WYE_CHECK(sys::give_room(fd, 0, size, name));
    WYE_TRY(all.pages, sys::Mapping::of(fd, size));
    if (const long r = sys::fcntl(fd, F_ADD_SEALS, seals); r < 0) return sys::fail(r, "fcntl(F_ADD_SEALS)", name);
    return all;
}

/// The only words that are said, with where the subscriber begins; what comes after them on the socket are bytes that
/// wake. With them come the memfd and the subscriber's page, in this order, unless there was no place.
struct Greeting {
    std::uint64_t magic = 0x7375'6270'2065'7977;  // "wye pbus"
    std::uint32_t version = ring::layout_version;
    std::uint32_t no_place = 0;
    std::uint64_t position = 0, number = 0;
};
static_assert(sizeof(Greeting) == 32);

inline constexpr std::size_t greeting_fds = 2;

/// Room for those descriptors and not one more: the kernel closes others by itself, and says so (MSG_CTRUNC).
struct GreetingRoom {
    alignas(cmsghdr) std::array<std::byte, CMSG_SPACE(greeting_fds * sizeof(int))> bytes{};
    static_assert(CMSG_SPACE(greeting_fds * sizeof(int)) == CMSG_LEN(greeting_fds * sizeof(int)));
    iovec v;
    msghdr m{};

    explicit GreetingRoom(Greeting& g) : v{&g, sizeof g} {
        m.msg_iov = &v, m.msg_iovlen = 1;
        m.msg_control = bytes.data(), m.msg_controllen = bytes.size();
    }
    GreetingRoom(const GreetingRoom&) = delete;
    GreetingRoom& operator=(const GreetingRoom&) = delete;
};

}  // namespace wye::shm
