// The writing end for subscribers of other users.
#include "wye/transport/shm_ring/publisher.hpp"

#include "wye/transport/shm_ring/bell.hpp"

#include "io/unix_name.hpp"
#include "os/errno.hpp"
#include "os/fork.hpp"
#include "os/group.hpp"
#include "os/unforked.hpp"
#include "os/wait.hpp"
#include "transport/shm_ring/sealed.hpp"

#include <new>
#include <vector>

namespace wye {

using ring::Fate, ring::Kind;

namespace shm {

/// A subscriber, as far as the publisher knows it: where to wake it, and whether it wants to be. It may write anything
/// into its page: one word of that is looked at, and put back.
struct Guest {
    sys::Unforked socket;
    sys::Mapping page;
    ring::Bell& bell() const noexcept { return *reinterpret_cast<ring::Bell*>(page.data()); }
};

struct PublisherState {
    std::string path;
    std::size_t max_message = 0;
    unsigned most_subscribers = 0;
    sys::FilePages pages;
    ring::LaneWriter lane;
    sys::Unforked listener;
    std::unique_ptr<UnixName> name;  // behind the listener: the path goes before the socket does
    std::vector<Guest> guests;
    std::vector<pollfd> asked;
    bool fences = sys::register_for_fences() < 0;
    bool somebody_left = false;  // a wake found nobody
    std::uint64_t look_at = 0;   // the position from which on send() looks who came and went
    std::uint64_t generation = sys::fork_generation();

    PublisherState() = default;
    PublisherState(const PublisherState&) = delete;
    PublisherState& operator=(const PublisherState&) = delete;
    ~PublisherState() {
        if (ours() && pages.pages.data())
            header().fate.store(static_cast<std::uint32_t>(Fate::left), ring::order::give_back);
    }

    bool ours() const noexcept { return generation == sys::fork_generation(); }
    Result<> check(std::size_t n) const;
    ring::LaneHeader& header() const noexcept { return *lane.lane().header; }
    Result<> begin(const ShmPublishOptions&);
    Result<> listen(const ShmPublishOptions&);
    void put(Bytes b) noexcept;
    void wake_sleepers() noexcept;
    void look_now_and_then() noexcept;
    Result<unsigned> look();

private:
    void drop_who_left();
    Result<bool> let_in();
    bool greet(int socket, Greeting&, std::span<const int> fds) noexcept;
};

Result<> PublisherState::begin(const ShmPublishOptions& o) {
    if (!std::has_single_bit(o.bytes) || o.bytes < 2048 || o.bytes > std::size_t{1} << 30)
        return refuse(Errc::unsupported,
                      path + ": " + std::to_string(o.bytes) + ": a lane has a power of two of bytes, 2K to 1G");
    const auto granules = o.bytes / ring::granule;
    const auto longest = ring::longest_record(granules);
    if (o.max_message > longest)
        return refuse(Errc::unsupported, path + ": a lane of " + std::to_string(o.bytes) + " bytes takes messages of " +
                                             std::to_string(longest));
    max_message = o.max_message != 0 ? o.max_message : longest;
    most_subscribers = o.most_subscribers;
    WYE_TRY(pages, sealed_memory("wye-publisher", sealed_bytes(granules), lane_seals));
    auto* head = new (pages.pages.data()) SealedHead{};
    const auto view = lane_of(pages.pages.data(), granules);
    ring::begin_lane(view, 0);
    head->geometry = sealed_geometry(granules);
    lane = ring::LaneWriter(view);
    header().fate.store(static_cast<std::uint32_t>(Fate::here), ring::order::relaxed);
    return listen(o);
}

Result<> PublisherState::listen(const ShmPublishOptions& o) {
    UnixNamePlan plan{.permissions = o.mode};
    if (!o.group.empty()) {
        WYE_TRY(plan.group, sys::group_of(o.group));
    }
    if (path.starts_with("@"))
        return refuse(Errc::unsupported, path + ": an abstract name has no permissions; a publisher needs a path");
    if (const long r = listener.made_by([] { return sys::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0); }); r < 0)
        return sys::fail(r, "socket", path);
    // Nothing is ever read from a subscriber. A descriptor that it sends would be closed by us, and that can take as
    // long as its owner likes (a socket that lingers); whoever connects inherits this. Older kernels do not know it.
    (void)sys::set_option(listener.get(), SOL_SOCKET, SO_PASSRIGHTS, 0);
    WYE_TRY(name, bind_unix(listener.get(), path, plan));
    return {};
}

Result<> PublisherState::check(std::size_t n) const {
    if (!ours()) return refuse(Errc::unsupported, path + ": was opened before fork(), and its publisher is the parent");
    if (n > max_message) return fail(Errc::too_big, "send", path);
    return {};
}

// There is always room: nobody is waited for.
void PublisherState::put(Bytes b) noexcept {
    const auto nobody = [](std::uint64_t tail) noexcept { return tail; };
    (void)lane.put(Kind::bytes, b.size(), nobody, ring::CopyOf{b});
}

void PublisherState::wake_sleepers() noexcept {
    if (fences)
        ring::fence(ring::order::look_for_sleepers);
    else
        std::atomic_signal_fence(std::memory_order_seq_cst);
    for (const auto& g : guests) {
        if (!ring::somebody_sleeps(g.bell())) [[likely]]
            continue;
        ring::wake_by(g.bell(), 1, [&](auto&, int) {
            // No room: it has not read the last ones, and is awake as soon as it wants to be.
            const long r = sys::sendto(g.socket.get(), "", 1, MSG_DONTWAIT, nullptr, 0);
            somebody_left |= r == -EPIPE || r == -ECONNRESET;
            return 0;
        });
    }
}

void PublisherState::look_now_and_then() noexcept {
    if (!somebody_left && ring::distance(look_at, lane.tail().position) < 0) [[likely]]
        return;
    (void)look();  // what hinders it, admit() says
}

Result<unsigned> PublisherState::look() {
    // Of a small lane not each eighth: two system calls are as much as a hundred messages.
    look_at = lane.tail().position + std::max<std::uint64_t>(ring::lump_of(lane.lane().granules), 1024);
    drop_who_left();
    constexpr unsigned most = 16;  // at once: who connects again and again does not keep us here
    unsigned n = 0;
    for (unsigned i = 0; i < most; ++i) {
        const auto came = let_in();
        if (!came && came.error().is(Errc::timed_out)) break;
        if (!came) return n > 0 ? Result<unsigned>(n) : std::unexpected(came.error());
        n += *came;
    }
    return n;
}

void PublisherState::drop_who_left() {
    somebody_left = false;
    asked.clear();
    for (const auto& g : guests) asked.push_back({.fd = g.socket.get(), .events = 0, .revents = 0});
    const timespec now{};
    if (asked.empty() || sys::ppoll(asked.data(), asked.size(), &now) <= 0) return;
    for (std::size_t i = asked.size(); i-- > 0;)
        if (asked[i].revents != 0) guests.erase(guests.begin() + static_cast<std::ptrdiff_t>(i));
}

bool PublisherState::greet(int socket, Greeting& words, std::span<const int> fds) noexcept {
    GreetingRoom room(words);
    if (fds.empty()) {
        room.m.msg_control = nullptr, room.m.msg_controllen = 0;
    } else {
        auto* c = CMSG_FIRSTHDR(&room.m);
        c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(fds.size_bytes());
        std::memcpy(CMSG_DATA(c), fds.data(), fds.size_bytes());
    }
    return sys::sendmsg(socket, &room.m, MSG_DONTWAIT) == sizeof words;
}

// One of those who wait; false: it is not in.
Result<bool> PublisherState::let_in() {
    Guest guest;
    Error why(Errc::failed);
    const long r = guest.socket.made_by([&]() -> long {
        auto fd = sys::accept(listener.get(), Deadline::now());
        if (fd) return fd->release();
        why = std::move(fd).error();
        return -1;
    });
    if (r < 0) return std::unexpected(std::move(why));
    Greeting words{.position = lane.tail().position, .number = lane.tail().number};
    if (guests.size() >= most_subscribers) {
        words.no_place = 1;
        (void)greet(guest.socket.get(), words, {});
        return false;
    }
    WYE_TRY(auto page, sealed_memory("wye-subscriber", page_bytes, page_seals));
    new (page.pages.data()) ring::Bell{};
    const int fds[greeting_fds] = {pages.fd.get(), page.fd.get()};
    if (!greet(guest.socket.get(), words, fds)) return false;
    guest.page = std::move(page.pages);
    guests.push_back(std::move(guest));
    return true;
}

void Free::operator()(PublisherState* s) const noexcept { delete s; }

}  // namespace shm

ShmPublisher::ShmPublisher(shm::PublisherState* s) noexcept : state_(s) {}

Result<ShmPublisher> ShmPublisher::open(const std::string& path, const ShmPublishOptions& o) {
    auto s = std::make_unique<shm::PublisherState>();
    s->path = path;
    WYE_CHECK(s->begin(o));
    return ShmPublisher(s.release());
}

Result<> ShmPublisher::send(Bytes b, Deadline) {
    auto& s = *state_;
    WYE_CHECK(s.check(b.size()));
    s.put(b);
    s.wake_sleepers();
    s.look_now_and_then();
    return {};
}

Result<std::size_t> ShmPublisher::send_many(std::span<const Bytes> all, Deadline) {
    auto& s = *state_;
    if (all.empty()) return 0;
    WYE_CHECK(s.check(all[0].size()));
    std::size_t n = 0;
    for (; n < all.size() && all[n].size() <= s.max_message; ++n) s.put(all[n]);
    s.wake_sleepers();
    s.look_now_and_then();
    return n;
}

Result<unsigned> ShmPublisher::admit(Deadline d) {
    auto& s = *state_;
    WYE_CHECK(s.check(0));
    for (;;) {
        WYE_TRY(const auto n, s.look());
        if (n > 0 || d.passed()) return n;
        if (auto r = sys::wait_ready(s.listener.get(), POLLIN, d); !r) {
            if (r.error().is(Errc::timed_out)) return 0u;
            return std::unexpected(std::move(r).error());
        }
    }
}

unsigned ShmPublisher::subscribers() const noexcept { return static_cast<unsigned>(state_->guests.size()); }
std::size_t ShmPublisher::max_message() const noexcept { return state_->max_message; }
int ShmPublisher::native_handle() const noexcept { return state_->listener.get(); }

}  // namespace wye
