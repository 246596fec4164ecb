#include "transport/shm_ring/watch.hpp"

#include "io/shared_segment.hpp"
#include "os/epoll.hpp"
#include "os/errno.hpp"
#include "os/process_id.hpp"

#include <algorithm>

namespace wye::shm {

Result<Watch> Watch::open(const std::string& ring, std::uint32_t slot) {
    Watch w(SharedSegment::beside("bell", ring, slot));
    (void)sys::unlink(w.path_.c_str());  // of who had our place and was killed
    if (const long r = sys::mkfifo(w.path_.c_str(), 0600); r < 0) return sys::fail(r, "mkfifo", w.path_);
    const auto opened = [&](long r, Fd& fd, const char* op) -> Result<> {
        if (r < 0) return sys::fail(r, op, w.path_);
        fd = Fd(static_cast<int>(r));
        return {};
    };
    // Both ends: it never hangs up.
    WYE_CHECK(opened(sys::open(w.path_.c_str(), O_RDWR | O_NONBLOCK | O_NOFOLLOW), w.fifo_, "open"));
    WYE_CHECK(opened(sys::epoll_create(), w.epoll_, "epoll_create1"));
    if (const long r = sys::epoll_add(w.epoll_.get(), w.fifo_.get()); r < 0) return sys::fail(r, "epoll_ctl", w.path_);
    (void)sys::write(w.fifo_.get(), "", 1);  // nobody has looked yet
    return w;
}

Watch::~Watch() {
    if (!path_.empty()) (void)sys::unlink(path_.c_str());
}

void Watch::arm(const Participants& all, Participants::Mark self, std::uint32_t bells) {
    char away[64];
    while (sys::read(fifo_.get(), away, sizeof away) > 0) {}
    // Numbered: who rang for the last arming, and has yet to take it back, takes none of this one.
    auto& armed = all.armed(self.slot);
    for (auto was = armed.load(); !armed.compare_exchange_weak(was, (was + armings) | bells);) {}
    sees_all_ = ended_.empty();
    const auto us = all.who(self.slot);
    std::vector<std::uint32_t> here;
    for (std::uint32_t i = 0; i < all.slots(); ++i) {
        const auto who = all.who(i);
        if (!who || i == self.slot) continue;
        here.push_back(who->mark.word());
        if (std::ranges::find(peers_, here.back(), &Peer::mark) != peers_.end()) continue;
        if (std::ranges::find(ended_, here.back()) != ended_.end()) continue;
        auto process =
            us && who->pid_namespace == us->pid_namespace ? sys::watch_process(who->pid, who->started) : std::nullopt;
        if (!process || sys::epoll_add(epoll_.get(), process->get()) < 0)
            sees_all_ = false;  // or it is dead already: who waits looks
        else
            peers_.push_back({here.back(), std::move(*process)});
    }
    const auto gone = [&](std::uint32_t mark) { return std::ranges::find(here, mark) == here.end(); };
    std::erase_if(peers_, [&](const Peer& p) { return gone(p.mark); });
    std::erase_if(ended_, gone);
}

void Watch::forget_ended() {
    std::erase_if(peers_, [&](const Peer& p) {
        pollfd one{.fd = p.process.get(), .events = POLLIN, .revents = 0};
        constexpr timespec at_once{};
        if (sys::ppoll(&one, 1, &at_once) <= 0) return false;
        ended_.push_back(p.mark);
        return true;
    });
}

void Ringing::ring(const std::string& ring, const Participants& all, std::uint32_t bell) noexcept {
    for (std::uint32_t i = 0; i < all.slots(); ++i) {
        auto armed = all.armed(i).load();
        const auto who = all.who(i);
        if ((armed & bell) == 0 || !who) continue;
        auto known = std::ranges::find(known_, who->mark.word(), &Known::mark);
        if (known == known_.end()) {
            std::erase_if(known_, [&](const Known& k) { return Participants::Mark::of(k.mark).slot == i; });
            // For both ways, so that it never breaks: who died in this moment does not hear it.
            const auto path = SharedSegment::beside("bell", ring, i);
            const long r = sys::open(path.c_str(), O_RDWR | O_NONBLOCK | O_NOFOLLOW);
            if (r < 0) continue;
            known = known_.insert(known_.end(), {who->mark.word(), Fd(static_cast<int>(r))});
        }
        (void)sys::write(known->fifo.get(), "", 1);  // full: it is readable anyway
        // Last: who is killed in between leaves it armed, and the next one rings.
        all.armed(i).compare_exchange_strong(armed, armed & ~bell);
    }
}

void Ringing::everybody(const std::string& ring) noexcept {
    for (const auto& path : SharedSegment::all_beside("bell", ring).value_or(std::vector<std::string>())) {
        const long r = sys::open(path.c_str(), O_RDWR | O_NONBLOCK | O_NOFOLLOW);
        if (r >= 0) (void)sys::write(Fd(static_cast<int>(r)).get(), "", 1);
    }
}

}  // namespace wye::shm
