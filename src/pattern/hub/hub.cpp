#include "pattern/hub/hub.hpp"

#include "os/errno.hpp"
#include "os/fork.hpp"
#include "os/signal_guard.hpp"

#include <algorithm>
#include <new>
#include <system_error>

namespace wye::hub {
namespace {

using namespace std::chrono_literals;
constexpr auto goodbye = 1s;  // for what is still to be sent when the hub ends
constexpr std::size_t most_pieces = 64;
constexpr int most_events = 64;

}  // namespace

// ---------------------------------------------------------------- life

Hub::Hub(std::unique_ptr<Door> door, Rules rules, Book& book)
    : door_(std::move(door)),
      rules_(rules),
      book_(book),
      scratch_(std::make_unique_for_overwrite<std::byte[]>(chunk)),
      generation_(sys::fork_generation()) {}

Result<std::unique_ptr<Hub>> Hub::open(const Uri& uri, Create create, unsigned permissions, Rules rules, Book& book) {
    WYE_TRY(auto door, listen(uri, create, permissions));
    std::unique_ptr<Hub> hub(new Hub(std::move(door), rules, book));
    WYE_CHECK(hub->set_up());
    return hub;
}

Result<> Hub::set_up() {
    const long e = sys::epoll_create();
    if (e < 0) return sys::fail(e, "epoll_create1");
    epoll_ = Fd(static_cast<int>(e));
    const long b = sys::eventfd();
    if (b < 0) return sys::fail(b, "eventfd");
    bell_ = Fd(static_cast<int>(b));
    for (const int fd : {door_->fd(), bell_.get()})
        if (const long r = sys::epoll_add(epoll_.get(), fd); r < 0) return sys::fail(r, "epoll_ctl");
    return {};
}

Result<> Hub::start() {
    const sys::NoSignals in_it;
    try {
        thread_ = std::thread([this] { run(); });
    } catch (const std::system_error&) {
        return fail(Errc::exhausted, "pthread_create");
    }
    return {};
}

Hub::~Hub() {
    if (sys::fork_generation() != generation_) {  // a copy: the connections are the parent's, as is the thread
        if (thread_.joinable()) thread_.detach();
        (void)new (std::nothrow) auto(std::move(conns_));
        return;
    }
    Lock lock(mutex);
    stop_ = true;
    wake();
    lock.unlock();
    if (thread_.joinable()) thread_.join();
    lock.lock();
    if (door_) (void)sys::epoll_remove(epoll_.get(), door_->fd());
    const auto waits = [&] {
        return std::ranges::any_of(conns_, [](const auto& c) { return c.second->hello && c.second->full; });
    };
    push();
    for (const Deadline d = goodbye; waits() && !d.passed();) turn(lock, d);
    for (auto& [fd, c] : conns_)
        if (c->hello && !c->full) send(*c, {.kind = Kind::bye});
    push();
    for (auto& [fd, c] : conns_) c->line->end();
}

void Hub::run() {
    Lock lock(mutex);
    while (!stop_) turn(lock, Deadline::never());
}

// ---------------------------------------------------------------- a round

void Hub::wake() noexcept {
    if (!asleep_) return;
    asleep_ = false;
    const std::uint64_t one = 1;
    (void)sys::write(bell_.get(), &one, sizeof one);
}

bool Hub::wait(Lock& lock, Deadline d) {
    if (d.passed()) return false;
    if (!runs()) {
        turn(lock, d);
        return true;
    }
    ++waiting_;
    if (d.is_never())
        changed_.wait(lock);
    else
        changed_.wait_for(lock, d.left());
    --waiting_;
    return true;
}

Clock::time_point Hub::next_due() {
    auto next = std::min({flush_, door_again_, book_.next_due()});
    if (!new_.empty())
        if (const auto* c = find(new_.front())) next = std::min(next, c->since + rules_.hello);
    return next;
}

void Hub::turn(Lock& lock, Deadline d) {
    epoll_event events[most_events];
    d = again_.empty() ? d.sooner(Deadline::at(next_due())) : Deadline::now();
    asleep_ = true;
    lock.unlock();
    const long n = sys::epoll_wait(epoll_.get(), events, most_events, d);
    take(lock);
    asleep_ = false;
    bool visitors = false;
    for (long i = 0; i < n; ++i) {
        const int fd = events[i].data.fd;
        if (const auto it = conns_.find(fd); it != conns_.end())
            serve(*it->second, events[i].events);
        else if (fd == bell_.get()) {
            std::uint64_t count;
            (void)sys::read(fd, &count, sizeof count);
        } else
            visitors = true;
    }
    for (const auto number : std::exchange(again_, {}))
        if (auto* c = find(number); c && !c->broken) {
            if (std::exchange(c->ended, false)) (void)sys::epoll_add(c->home, c->line->fd(), c->events = EPOLLIN);
            c->paused = false;
            watch(*c);
            c->in.took(consume(*c, c->in.bytes()));
            if (!c->paused) read(*c);
        }
    if (visitors) accept_all();
    expire();
    settle();
}

// What came of it leaves; who left over it is missed, and of that something may come to be sent again.
void Hub::settle() {
    do {
        push();
        sweep();
    } while (!dirty_.empty());
}

void Hub::expire() {
    // Asked without a clock where nothing has a time.
    if (next_due() == Clock::time_point::max()) return;
    const auto now = Clock::now();
    if (flush_ <= now) flush_ = Clock::time_point::max();
    if (door_again_ <= now) {
        door_again_ = Clock::time_point::max();
        (void)sys::epoll_add(epoll_.get(), door_->fd());
    }
    while (!new_.empty()) {
        auto* c = find(new_.front());
        if (c && !c->broken && now < c->since + rules_.hello) break;
        if (c) breaks(*c);
        new_.pop_front();
    }
    book_.due(now);
}

void Hub::breaks(Conn& c) {
    if (std::exchange(c.broken, true)) return;
    broken_.push_back(c.number);
    wake();
}

void Hub::sweep() {
    while (!broken_.empty())
        for (const auto number : std::exchange(broken_, {})) {
            auto* c = find(number);
            if (!c) continue;
            if (c->hello)
                book_.leave(*c);
            else
                std::erase(new_, number);
            c->line->end();
            by_number_.erase(number);
            conns_.erase(c->line->fd());
        }
}

Conn* Hub::find(std::uint64_t number) {
    const auto it = by_number_.find(number);
    return it == by_number_.end() ? nullptr : it->second;
}

// ---------------------------------------------------------------- coming

void Hub::accept_all() {
    for (int i = 0; i < most_events; ++i) {
        auto line = door_->accept();
        if (!line) {
            if (line.error().is(Errc::timed_out)) return;
            // Without a free descriptor the connection stays where it is, and would be told of again and again.
            (void)sys::epoll_remove(epoll_.get(), door_->fd());
            door_again_ = Clock::now() + 100ms;
            if (!new_.empty())
                if (auto* c = find(new_.front())) breaks(*c);
            return;
        }
        if (by_number_.size() >= rules_.most + rules_.most_new) continue;
        auto c = std::make_unique<Conn>();
        c->line = std::move(*line);
        c->number = ++numbers_;
        c->since = Clock::now();
        c->events = EPOLLIN;
        const int fd = c->line->fd();
        c->home = epoll_.get();
        if (sys::epoll_add(c->home, fd) < 0) continue;
        by_number_[c->number] = c.get();
        new_.push_back(c->number);
        auto& placed = *(conns_[fd] = std::move(c));
        read(placed);  // whoever means it has said hello already, and is not among those that the next may push out
        if (new_.size() > rules_.most_new)
            if (auto* oldest = find(new_.front())) breaks(*oldest), new_.pop_front();
        sweep();
    }
}

Result<> Hub::greet(Conn& c, const Frame& f) {
    auto hello = read_hello(f);
    if (hello && pattern_of(hello->role) != rules_.pattern)
        hello = refuse(Errc::mismatch, "this is a " + std::string(name(rules_.pattern)) + ", and a " +
                                           std::string(name(hello->role)) + " belongs to a " +
                                           std::string(name(pattern_of(hello->role))));
    if (hello && by_number_.size() - new_.size() >= rules_.most)
        hello = refuse(Errc::exhausted, "has its " + std::to_string(rules_.most) + " connections already");
    Result<> joined;
    if (hello) {
        c.hello = std::move(*hello);
        joined = book_.join(c);
    } else {
        joined = std::unexpected(std::move(hello).error());
    }
    if (joined) {
        std::erase(new_, c.number);
        send(c, {.kind = Kind::welcome, .words = {what_is_this(0), rules_.max_message}});
        if (desk_open_) move(c, desk_.get());
        return {};
    }
    c.hello.reset();
    if (joined.error().is(Errc::corrupt)) return joined;
    const auto why = joined.error().message();
    c.out.add({.kind = Kind::refused, .words = {std::uint64_t(joined.error().kind())}, .body = bytes_of(why)});
    pump(c);
    return joined;
}

// ---------------------------------------------------------------- reading

void Hub::serve(Conn& c, std::uint32_t events) {
    if (c.broken) return;
    if (events & EPOLLOUT) {
        c.full = false;
        watch(c);
        dirty(c);
    }
    if (!(events & ~std::uint32_t{EPOLLOUT})) return;
    if (!c.paused) return read(c);
    // Of no use now, and told of again and again: what it sent before is still to be read.
    c.ended = true;
    c.events = 0;
    (void)sys::epoll_remove(c.home, c.line->fd());
}

void Hub::read(Conn& c) {
    for (int rounds = 0; rounds < 4 && !c.paused && !c.broken; ++rounds) {
        const auto have = c.in.size();
        const bool large = have >= chunk / 2;
        if (!large && have) std::memcpy(scratch_.get(), c.in.bytes().data(), have);
        // Grows by as much as has come, whatever the frame claims.
        const MutBytes place = large ? MutBytes(c.in.room(have), have) : MutBytes(scratch_.get() + have, chunk - have);
        const long r = c.line->read(place, false);
        if (r == -EINTR) continue;
        if (r == -EAGAIN) return;
        if (r <= 0) return breaks(c);
        if (large) {
            c.in.added(static_cast<std::size_t>(r));
            c.in.took(consume(c, c.in.bytes()));
        } else {
            const Bytes all(scratch_.get(), have + static_cast<std::size_t>(r));
            const auto used = consume(c, all);
            c.in.clear();
            c.in.add(all.subspan(used));
        }
        if (static_cast<std::size_t>(r) < place.size() && !c.line->holds()) return;
    }
    if (c.line->holds() && !c.paused && !c.broken) again_.push_back(c.number);
}

std::size_t Hub::consume(Conn& c, Bytes all) {
    std::size_t used = 0;
    while (!c.broken && !c.paused) {
        Frame f;
        Bad bad;
        const auto size = cut(all.subspan(used), c.hello ? rules_.max_message : largest_hello, f, bad);
        if (bad != Bad::none) {
            breaks(c);
            break;
        }
        if (size == 0) break;
        const auto took = take(c, f);
        if (!took) {
            breaks(c);
            break;
        }
        if (!*took) {
            c.paused = true;
            watch(c);
            break;
        }
        used += size;
    }
    return used;
}

Result<bool> Hub::take(Conn& c, const Frame& f) {
    if (!c.hello) {
        WYE_CHECK(greet(c, f));
        return true;
    }
    if (f.kind != Kind::bye) return book_.frame(c, f);
    breaks(c);
    return true;
}

void Hub::resume(Conn& c) {
    again_.push_back(c.number);
    wake();
}

void Hub::watch(Conn& c) {
    const std::uint32_t wanted = (c.paused ? 0u : std::uint32_t{EPOLLIN}) | (c.full ? std::uint32_t{EPOLLOUT} : 0u);
    if (c.ended || wanted == c.events) return;
    c.events = wanted;
    (void)sys::epoll_change(c.home, c.line->fd(), wanted);
}

// ---------------------------------------------------------------- the desk

Result<> Hub::open_desk() {
    if (desk_ == nullptr) {
        const long e = sys::epoll_create(), b = sys::eventfd();
        if (e >= 0) desk_ = Fd(static_cast<int>(e));
        if (b >= 0) desk_bell_ = Fd(static_cast<int>(b));
        if (e < 0 || b < 0) return sys::fail(std::min(e, b), "epoll_create1");
        if (const long r = sys::epoll_add(desk_.get(), desk_bell_.get()); r < 0) return sys::fail(r, "epoll_ctl");
    }
    desk_open_ = true;
    for (auto& [fd, c] : conns_)
        if (c->hello) move(*c, desk_.get());
    return {};
}

void Hub::close_desk() {
    desk_open_ = false;
    for (auto& [fd, c] : conns_) move(*c, epoll_.get());
    wake_desk();
}

void Hub::move(Conn& c, int home) {
    if (c.home == home) return;
    const int fd = c.line->fd();
    if (!c.ended) {
        (void)sys::epoll_remove(c.home, fd);
        (void)sys::epoll_add(home, fd, c.events);
    }
    c.home = home;
}

void Hub::wake_desk() noexcept {
    if (!desk_asleep_ && !desk_polled_) return;
    desk_asleep_ = false;
    const std::uint64_t one = 1;
    (void)sys::write(desk_bell_.get(), &one, sizeof one);
}

bool Hub::turn_desk(Lock& lock, Deadline d) {
    epoll_event events[most_events];
    desk_asleep_ = true;
    lock.unlock();
    const long n = sys::epoll_wait(desk_.get(), events, most_events, d);
    lock.lock();
    desk_asleep_ = false;
    for (long i = 0; i < n; ++i) {
        const int fd = events[i].data.fd;
        if (const auto it = conns_.find(fd); it != conns_.end())
            serve(*it->second, events[i].events);
        else if (fd == desk_bell_.get()) {
            std::uint64_t count;
            (void)sys::read(fd, &count, sizeof count);
        }
    }
    settle();
    return n != 0;
}

// ---------------------------------------------------------------- writing

void Hub::kick(std::size_t bytes) {
    queued_ += bytes;
    if (flush_ != Clock::time_point::max() && queued_ < enough) return;  // the thread will come
    const auto now = Clock::now();
    if (!runs() || queued_ >= enough || now - pushed_ >= quiet) {
        push();
        pushed_ = now;
        if (!broken_.empty()) wake();
    } else if (flush_ == Clock::time_point::max()) {
        flush_ = now + lag;
        wake();
    }
}

void Hub::push() {
    queued_ = 0;
    for (std::size_t i = 0; i < dirty_.size(); ++i)
        if (auto* c = find(dirty_[i])) pump(*c);
    dirty_.clear();
}

void Hub::pump(Conn& c) {
    c.dirty = false;
    const auto is_full = [&] {
        c.full = true;
        watch(c);
    };
    if (c.line->owes() && !c.full && !c.broken) {
        const long r = c.line->write(nullptr, 0);
        if (r == -EAGAIN) return is_full();
        if (r < 0) return breaks(c);
    }
    while (!c.full && !c.broken) {
        iovec v[most_pieces];
        std::size_t n = 0, all = 0;
        const bool own = !c.out.empty();
        if (own)
            v[0] = {const_cast<std::byte*>(c.out.bytes().data()), c.out.size()}, n = 1;
        else if (c.hello)
            n = book_.gather(c, v, most_pieces);
        if (n == 0) {
            if (c.out.empty()) return;
            continue;
        }
        for (std::size_t i = 0; i < n; ++i) all += v[i].iov_len;
        const long r = c.line->write(v, static_cast<int>(n));
        if (r == -EINTR) continue;
        if (r < 0 && r != -EAGAIN) return breaks(c);
        const auto went = static_cast<std::size_t>(std::max(r, 0L));
        if (own)
            c.out.took(went);
        else if (went)
            book_.sent(c, went);
        if (went != all || c.line->owes()) is_full();
    }
}

}  // namespace wye::hub
