// A publisher that means harm: its subscribers get errors or wrong bytes, and never a crash.
#include "os/socket.hpp"
#include "transport/shm_ring/publisher_test.hpp"
#include "transport/shm_ring/sealed.hpp"

#include <array>
#include <random>

namespace {

using namespace wye;
using namespace wye::test;

/// Answers one who connects with these words and descriptors.
struct FakePublisher {
    Fd listener{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
    explicit FakePublisher(const std::string& path) {
        sockaddr_un a{};
        a.sun_family = AF_UNIX;
        path.copy(a.sun_path, sizeof a.sun_path - 1);
        (void)::bind(listener.get(), reinterpret_cast<sockaddr*>(&a), sizeof a);
        (void)::listen(listener.get(), 4);
    }
    Fd answer(std::string words, const std::vector<int>& fds) const {
        Fd to(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
        iovec v{words.data(), words.size()};
        alignas(cmsghdr) std::array<char, 2048> room{};
        msghdr h{};
        h.msg_iov = &v, h.msg_iovlen = 1;
        const auto bytes = fds.size() * sizeof(int);
        if (!fds.empty()) {
            h.msg_control = room.data(), h.msg_controllen = CMSG_SPACE(bytes);
            auto* c = CMSG_FIRSTHDR(&h);
            c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(bytes);
            std::memcpy(CMSG_DATA(c), fds.data(), bytes);
        }
        (void)::sendmsg(to.get(), &h, MSG_NOSIGNAL);
        return to;
    }
};

std::string words_of(shm::Greeting g = {}) { return std::string(text_of(bytes_of(g))); }

sys::FilePages lane_of(std::size_t size, long seals, std::uint32_t granules) {
    auto all = or_throw(shm::sealed_memory("fake", size, seals));
    auto& head = *reinterpret_cast<shm::SealedHead*>(all.pages.data());
    head.geometry = shm::sealed_geometry(granules);
    return all;
}

TEST(ShmForeign, a_subscriber_insists_on_what_it_is_given) {
    const TempDir dir;
    const auto path = dir / "s";
    const FakePublisher fake(path);
    const auto before = open_descriptors().size();
    const auto size = shm::sealed_bytes(64);
    const auto lane = lane_of(size, shm::lane_seals, 64), open = lane_of(size, F_SEAL_SEAL, 64),
               writable = lane_of(size, shm::page_seals, 64), lies = lane_of(size, shm::lane_seals, 128),
               odd = lane_of(shm::sealed_bytes(65), shm::lane_seals, 65), small = lane_of(4096, shm::lane_seals, 2);
    const sys::FilePages page = or_throw(shm::sealed_memory("page", shm::page_bytes, shm::page_seals)),
                         short_page = or_throw(shm::sealed_memory("page", 64, shm::page_seals)),
                         open_page = or_throw(shm::sealed_memory("page", shm::page_bytes, F_SEAL_SEAL));
    auto old = lane_of(size, shm::lane_seals, 64);
    ++reinterpret_cast<shm::SealedHead*>(old.pages.data())->geometry.version;
    auto featured = lane_of(size, shm::lane_seals, 64);
    reinterpret_cast<shm::SealedHead*>(featured.pages.data())->geometry.features = 1;
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const Fd in(ends[0]), out(ends[1]);
    const auto of = [](const sys::FilePages& p) { return p.fd.get(); };
    const auto opened = [&](const std::string& words, const std::vector<int>& fds) {
        auto one = std::async(std::launch::async, [&] { return ShmSubscriber::open(path, {}, 5s); });
        const auto connection = fake.answer(words, fds);
        const auto r = one.get();
        return r ? std::string("taken") : std::string(name(r.error().kind()));
    };
    const auto mismatch = std::string(name(Errc::mismatch));
    const auto kept = open_descriptors().size();
    EXPECT_EQ(opened(words_of(), {of(lane), of(page)}), "taken");
    for (const sys::FilePages* bad :
         std::initializer_list<const sys::FilePages*>{&open, &writable, &lies, &odd, &small, &old, &featured, &page})
        EXPECT_EQ(opened(words_of(), {of(*bad), of(page)}), mismatch) << of(*bad);
    for (const auto* bad : {&short_page, &open_page, &lane})
        EXPECT_EQ(opened(words_of(), {of(lane), of(*bad)}), mismatch);
    EXPECT_EQ(opened(words_of(), {in.get(), of(page)}), mismatch);
    EXPECT_EQ(opened(words_of(), {of(lane), in.get()}), mismatch);
    EXPECT_EQ(opened(words_of(), {of(lane)}), mismatch);
    EXPECT_EQ(opened(words_of(), {}), mismatch);
    EXPECT_EQ(opened(words_of(), std::vector<int>(100, of(lane))), name(Errc::exhausted));
    EXPECT_EQ(opened("hello", {of(lane), of(page)}), mismatch);
    EXPECT_EQ(opened(words_of({.magic = 1}), {of(lane), of(page)}), mismatch);
    EXPECT_EQ(opened(words_of({.version = 99}), {of(lane), of(page)}), mismatch);
    EXPECT_EQ(opened(words_of({.no_place = 1}), {}), name(Errc::exhausted));
    EXPECT_EQ(open_descriptors().size(), kept) << "of " << before;
}

TEST(ShmForeign, a_lane_that_says_anything_is_an_error_or_wrong_bytes_and_no_crash) {
    const TempDir dir;
    const FakePublisher fake(dir / "s");
    auto lane = lane_of(shm::sealed_bytes(64), shm::lane_seals, 64);
    const auto page = or_throw(shm::sealed_memory("page", shm::page_bytes, shm::page_seals));
    const auto view = shm::lane_of(lane.pages.data(), 64);
    auto* words = reinterpret_cast<std::uint64_t*>(lane.pages.data()) + sizeof(ring::Geometry) / 8;
    const auto count = lane.pages.size() / 8 - sizeof(ring::Geometry) / 8;
    std::mt19937_64 any(11);
    std::byte room[64];
    std::uint64_t right = 0, wrong = 0, corrupt = 0;
    for (int round = 0; round < 300; ++round) {
        std::memset(words, 0, count * 8);
        ring::begin_lane(view, 0);
        ring::LaneWriter writer(view);
        auto one = std::async(std::launch::async, [&] { return ShmSubscriber::open(dir / "s", {}, 5s); });
        const auto connection = fake.answer(words_of(), {lane.fd.get(), page.fd.get()});
        auto s = or_throw(one.get());
        for (std::uint64_t i = 0; i < 200; ++i) {
            put(writer, payload(i, any() % 300), [](std::uint64_t tail) { return tail; });
            // What looks right at one place and is not at another goes furthest.
            constexpr std::uint64_t kinds[] = {0, 2, 63, 64, ~0ull, 1ull << 56, 1ull << 63, 1ull << 56 | 4000};
            const auto at = any() % count, of = any() % (2 * std::size(kinds));
            const auto word = of < std::size(kinds) ? kinds[of] : i + of;
            __atomic_store_n(words + at, word, __ATOMIC_RELAXED);
            const auto got = i % 2 ? s.recv_view(Deadline::now()) : [&]() -> Result<Bytes> {
                WYE_TRY(const auto into, s.recv(room, Deadline::now()));
                return into;
            }();
            ASSERT_LE(got ? got->size() : 0, s.max_message());
            if (!got)
                corrupt += got.error().is(Errc::corrupt);
            else
                ++(text_of(*got) == payload(i, got->size()) ? right : wrong);
        }
    }
    EXPECT_GT(std::min({right, wrong, corrupt}), 100u) << right << ", " << wrong << ", " << corrupt << ": too tame";
}

}  // namespace
