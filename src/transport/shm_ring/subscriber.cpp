// The reading end of a publisher that is another user's.
#include "wye/transport/shm_ring/publisher.hpp"

#include "io/unix_name.hpp"
#include "os/errno.hpp"
#include "os/fork.hpp"
#include "os/unforked.hpp"
#include "os/wait.hpp"
#include "transport/shm_ring/sealed.hpp"
#include "transport/shm_ring/state.hpp"

#include <vector>

namespace wye {

using ring::Fate, ring::Kind, ring::Look;
using namespace std::chrono_literals;

namespace shm {

struct SubscriberState {
    std::string path;
    sys::Unforked socket;
    sys::Mapping pages, page;
    ring::LaneReader lane;
    std::vector<std::byte> copy;
    Patience patience;
    std::uint64_t lost = 0;
    bool over = false;    // the publisher hung up
    bool polled = false;  // by the caller
    std::uint64_t generation = sys::fork_generation();

    ring::Bell& bell() const noexcept { return *reinterpret_cast<ring::Bell*>(page.data()); }
    Result<> begin(const ShmSubscribeOptions&, Deadline);
    /// The next message, in `into` or else in `copy`.
    Result<MutBytes> recv(std::optional<MutBytes> into, Deadline);

private:
    using Got = std::optional<MutBytes>;
    Result<> connect(const ShmSubscribeOptions&, Deadline);
    Result<> take_lane(Fd, std::size_t most);
    Result<> take_page(Fd);
    void join(const ring::Place& in, std::uint64_t history);
    std::unexpected<Error> wrong(const std::string& what) const { return refuse(Errc::mismatch, path + ": " + what); }

    Result<Got> get(const Got& into);
    Result<Got> look_for_a_while(const Got& into);
    Result<Got> announce_and_get(const Got& into, bool& heard);
    void hear() noexcept;
    std::unexpected<Error> the_end() const;
};

// ---------------------------------------------------------------- being let in

Result<> SubscriberState::connect(const ShmSubscribeOptions& o, Deadline d) {
    if (const long r = socket.made_by([] { return sys::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0); }); r < 0)
        return sys::fail(r, "socket", path);
    Fd directory;
    WYE_TRY(const auto to, unix_address(path, directory));
    if (auto r = sys::connect(socket.get(), to, d, path); !r) {
        if (r.error().sys() == EPROTOTYPE) return wrong("listens with another type of socket: is no publisher");
        return r;
    }
    ucred who{};
    socklen_t n = sizeof who;
    if (const long r = sys::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &who, &n); r < 0)
        return sys::fail(r, "getsockopt", path);
    if (o.publisher && *o.publisher != who.uid)
        return refuse(Errc::denied, path + ": its publisher is user " + std::to_string(who.uid) + ", not " +
                                        std::to_string(*o.publisher));
    return {};
}

Result<> SubscriberState::begin(const ShmSubscribeOptions& o, Deadline d) {
    WYE_CHECK(connect(o, d));
    Greeting words{.magic = 0, .version = 0};
    std::array<Fd, greeting_fds> fds;
    for (;;) {
        GreetingRoom room(words);
        const long r = sys::recvmsg(socket.get(), &room.m, MSG_DONTWAIT);
        if (r == -EINTR) continue;
        if (r == -EAGAIN) {
            WYE_CHECK(sys::wait_ready(socket.get(), POLLIN, d));
            continue;
        }
        if (r == 0 || r == -ECONNRESET) return fail(Errc::closed, "recvmsg", path);
        if (r < 0) return sys::fail(r, "recvmsg", path);
        const auto* c = CMSG_FIRSTHDR(&room.m);
        if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
            for (std::size_t i = 0; i < greeting_fds && CMSG_LEN((i + 1) * sizeof(int)) <= c->cmsg_len; ++i) {
                int fd;
                std::memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
                fds[i] = Fd(fd);
            }
        if (r != sizeof words || words.magic != Greeting{}.magic) return wrong("who listens there is no publisher");
        if (words.version != ring::layout_version) return wrong("is of another version");
        if (words.no_place != 0) return refuse(Errc::exhausted, path + ": has as many subscribers as it lets in");
        if (room.m.msg_flags & MSG_CTRUNC) return refuse(Errc::exhausted, path + ": no descriptor is free for it");
        break;
    }
    if (fds[1] == nullptr) return wrong("gave no lane");
    WYE_CHECK(take_lane(std::move(fds[0]), o.most_bytes));
    WYE_CHECK(take_page(std::move(fds[1])));
    join({words.position, words.number}, o.history);
    return {};
}

// First its seals: what has them is memory, and is asked nothing that somebody could delay.
Result<> SubscriberState::take_lane(Fd fd, std::size_t most) {
    struct stat s{};
    if (sys::seals_of(fd.get()) != lane_seals) return wrong("its lane is no memfd that only it can write to");
    if (const long r = sys::fstat(fd.get(), &s); r < 0) return sys::fail(r, "fstat", path);
    const auto size = static_cast<std::size_t>(s.st_size);
    if (size < sealed_bytes(32) || size > sealed_bytes(most / ring::granule)) return wrong("its lane's size cannot be");
    WYE_TRY(pages, sys::Mapping::of(fd.get(), size, false));
    ring::Geometry g;
    std::memcpy(&g, pages.data(), sizeof g);
    if (g.version != ring::layout_version) return wrong("is of another version");
    if (!std::has_single_bit(g.granules) || size != sealed_bytes(g.granules))
        return wrong("its lane's header contradicts its size");
    const auto expected = sealed_geometry(g.granules);
    if (std::memcmp(&g, &expected, sizeof g) != 0)
        return wrong("made by another version, or for another kind of processor");
    lane = ring::LaneReader(lane_of(pages.data(), g.granules), {});
    return {};
}

Result<> SubscriberState::take_page(Fd fd) {
    struct stat s{};
    if (sys::seals_of(fd.get()) != page_seals) return wrong("its page is no memfd of a fixed size");
    if (const long r = sys::fstat(fd.get(), &s); r < 0) return sys::fail(r, "fstat", path);
    if (s.st_size != page_bytes) return wrong("its page is of another size");
    WYE_TRY(page, sys::Mapping::of(fd.get(), page_bytes));
    return {};
}

// From where we were let in, as if we had been here since; or before that, as far as it is still there.
void SubscriberState::join(const ring::Place& in, std::uint64_t history) {
    const auto view = lane.lane();
    lane = ring::LaneReader(view, in);
    for (int tries = 0; history > 0 && tries < 50; ++tries) {
        auto from = ring::oldest_checkpoint(view, 1);
        if (!from || ring::distance(from->number, in.number) <= 0) return;
        auto start = *from;
        ring::walk(view, *from, [&, first = in.number - history](const ring::Message& m, std::uint64_t number) {
            if (number == first) start = {m.position, number};
        });
        const ring::LaneReader back(view, start);
        if (!back.intact(start.position)) continue;
        lane = back;
        return;
    }
}

// ---------------------------------------------------------------- reading

Result<SubscriberState::Got> SubscriberState::get(const Got& into) {
    for (int tries = 0; tries < 16; ++tries) {
        ring::Message m;
        const auto look = lane.next(m);
        if (!lane.intact(lane.at().position)) {
            lost += lane.resume();
            continue;
        }
        if (look == Look::nothing) return Got();
        if (look == Look::corrupt || m.kind != Kind::bytes)
            return refuse(Errc::corrupt, path + ": what lies there is no message");
        if (into && m.length > into->size()) return fail(Errc::too_big, "recv", path);
        if (!into) copy.resize(std::max<std::size_t>(copy.size(), m.length));
        std::byte* to = into ? into->data() : copy.data();
        ring::copy_shared(to, m.data, m.length);
        if (!lane.intact(m.position)) continue;
        lane.pass(m);
        return Got({to, m.length});
    }
    return Got();
}

Result<SubscriberState::Got> SubscriberState::look_for_a_while(const Got& into) {
    using Clock = std::chrono::steady_clock;
    const auto begin = Clock::now();
    do {
        for (int i = 0; i < 32; ++i) {
            if (lane.here()) return patience.learn(true), get(into);
            ring::pause();
        }
    } while (Clock::now() - begin < patience.budget());
    patience.learn(false);
    return get(into);
}

// What the publisher said on the socket: that something came, or nothing, for ever.
void SubscriberState::hear() noexcept {
    char away[64];
    while (!over) {
        const long r = sys::recvfrom(socket.get(), away, sizeof away, MSG_DONTWAIT, nullptr, nullptr);
        if (r == -EAGAIN) return;
        over = r <= 0 && r != -EINTR;
    }
}

Result<SubscriberState::Got> SubscriberState::announce_and_get(const Got& into, bool& heard) {
    (void)ring::announce(bell());
    heard = sys::fence_everywhere() == 0;
    return get(into);
}

std::unexpected<Error> SubscriberState::the_end() const {
    const auto fate = static_cast<Fate>(lane.lane().header->fate.load(ring::order::reuse));
    return fail(fate == Fate::left ? Errc::closed : Errc::peer_died, "recv", path);
}

Result<MutBytes> SubscriberState::recv(Got into, Deadline d) {
    if (generation != sys::fork_generation())
        return refuse(Errc::unsupported, path + ": was opened before fork(); the child opens its own");
    WYE_TRY(auto got, get(into));
    if (!got && !d.is_now()) {
        WYE_TRY(got, look_for_a_while(into));
    }
    while (!got) {
        bool heard = true;
        hear();  // first: what it wrote before it hung up is there to be seen
        // Announced where somebody will sleep, here or in the caller's poll(2); then looked again.
        const bool sleeps = !over && (polled || !d.passed());
        WYE_TRY(got, sleeps ? announce_and_get(into, heard) : get(into));
        if (got) break;
        if (over) return the_end();
        if (d.passed()) return fail(Errc::timed_out);
        // Without the heavy fence (a sandbox) its wake may have missed us.
        const auto awake = sys::wait_ready(socket.get(), POLLIN, heard ? d : d.sooner(1ms));
        if (!awake && !awake.error().is(Errc::timed_out)) return std::unexpected(awake.error());
        WYE_TRY(got, get(into));
    }
    return *got;
}

void Free::operator()(SubscriberState* s) const noexcept { delete s; }

}  // namespace shm

ShmSubscriber::ShmSubscriber(shm::SubscriberState* s) noexcept : state_(s) {}

Result<ShmSubscriber> ShmSubscriber::open(const std::string& path, ShmSubscribeOptions o, Deadline d) {
    auto s = std::make_unique<shm::SubscriberState>();
    s->path = path;
    WYE_CHECK(s->begin(o, d));
    return ShmSubscriber(s.release());
}

Result<MutBytes> ShmSubscriber::recv(MutBytes into, Deadline d) { return state_->recv(into, d); }
Result<Bytes> ShmSubscriber::recv_view(Deadline d) { return state_->recv(std::nullopt, d); }
std::uint64_t ShmSubscriber::lost() const noexcept { return state_->lost; }
std::size_t ShmSubscriber::max_message() const noexcept { return ring::longest_record(state_->lane.lane().granules); }
int ShmSubscriber::native_handle() const noexcept { return state_->polled = true, state_->socket.get(); }

}  // namespace wye
