#include "pattern/hub/topic_hub.hpp"

#include "wye/pattern/topic.hpp"

#include <algorithm>

namespace wye::hub {
namespace {

constexpr std::size_t at_once = 256 << 10;  // to one subscriber, before the next has its turn

}  // namespace

Result<std::unique_ptr<TopicHub>> TopicHub::open(const Uri& uri, Create create, unsigned permissions, std::size_t depth,
                                                 std::size_t max_message) {
    const auto least = 2 * (max_message + most_front + 8);
    std::unique_ptr<TopicHub> t(new TopicHub(std::max(depth, least)));
    WYE_TRY(t->hub_,
            Hub::open(uri, create, permissions, {.pattern = Pattern::pub_sub, .max_message = max_message}, *t));
    WYE_CHECK(t->hub_->start());
    return t;
}

// ---------------------------------------------------------------- publishing

template <class F>
void TopicHub::each_reader(F&& f) {
    if (local_) f(*local_);
    for (auto* c : members_) f(of(*c).reader);
}

// Nobody has waited yet.
constexpr auto not_yet = Clock::time_point::max();

// Whoever may not be overtaken stands where these bytes would come. Those whose patience is at an end may be, from now
// on.
bool TopicHub::blocked(std::size_t bytes, Clock::time_point since) {
    const auto least = log_.begin_after(bytes);
    if (least <= floor_) return false;
    floor_ = log_.end().at;
    patience_ = Clock::time_point::max();
    bool held = false;
    std::optional<Clock::time_point> now;
    each_reader([&](Reader& r) {
        if (!r.may_hold_up()) return;
        if (r.place.at < least && r.slow == Slow::demote) {
            const auto until = since == not_yet ? not_yet : since + r.patience;
            if (!now) now = Clock::now();
            if (*now >= until) {
                r.slow = Slow::drop_oldest;
                return;
            }
            patience_ = std::min(patience_, until);
        }
        floor_ = std::min(floor_, r.place.at);
        held = held || r.place.at < least;
    });
    return held;
}

void TopicHub::put(const Front& f, Bytes body) {
    log_.put(f, body);
    for (auto* c : members_) hub_->dirty(*c);
    if (!local_) return;
    hub_->tell();
    bell_->ring(true);
}

Result<> TopicHub::publish(std::string_view topic, Bytes body, std::string_view id, std::uint64_t sequence,
                           Deadline d) {
    if (body.size() > max_message()) return fail(Errc::too_big, "publish");
    if (!topic.empty()) WYE_CHECK(check_topic(topic));
    Front f;
    make_front({.kind = Kind::sample, .words = {sequence}, .text = topic, .body = body}, f);
    const auto bytes = f.size + body.size() + f.padding;
    auto lock = hub_->locked();
    if (!id.empty() && recent_.has(id)) return {};
    if (blocked(bytes, not_yet)) {
        const auto since = Clock::now();
        while (blocked(bytes, since)) {
            hub_->push();
            if (!blocked(bytes, since)) break;
            if (!hub_->wait(lock, d.sooner(Deadline::at(patience_))) && d.passed()) return fail(Errc::timed_out);
        }
    }
    put(f, body);
    if (!id.empty()) recent_.add(id);
    hub_->kick(bytes);
    return {};
}

Result<> TopicHub::wait_subscribers(unsigned n, Deadline d) {
    Hub::Lock lock(hub_->mutex);
    while (subscribers() < n)
        if (!hub_->wait(lock, d)) return fail(Errc::timed_out);
    return {};
}

Result<> TopicHub::flush(Deadline d) {
    Hub::Lock lock(hub_->mutex);
    for (;;) {
        hub_->push();
        const bool left = std::ranges::all_of(members_, [&](Conn* c) {
            auto& r = of(*c).reader;
            r.pass_over(log_);
            return c->broken || (c->out.empty() && (r.slow == Slow::latest || r.place.at == log_.end().at));
        });
        if (left) return {};
        if (!hub_->wait(lock, d)) return fail(Errc::timed_out);
    }
}

// ---------------------------------------------------------------- the subscriber that listens

void TopicHub::join(Reader& r, Bell& b, std::uint64_t history) {
    const Hub::Lock lock(hub_->mutex);
    r.go_back(log_, history);
    local_ = &r, bell_ = &b;
    floor_ = 0;
    moved();  // a publisher may have come before it, and wait for a subscriber
}

void TopicHub::leave_local() {
    const Hub::Lock lock(hub_->mutex);
    local_ = nullptr;
    moved();
}

Result<> TopicHub::fetch(Pile& into, std::uint64_t& lost, Deadline d) {
    Hub::Lock lock(hub_->mutex);
    auto& r = *local_;
    for (;;) {
        if (r.slow == Slow::latest) r.to_newest(log_);
        r.pass_over(log_);
        lost += std::exchange(r.missed, 0);
        if (r.place.at != log_.end().at) break;
        bell_->ring(false);
        if (!hub_->wait(lock, d)) return fail(Errc::timed_out);
    }
    do {
        const auto n = log_.size_at(r.place.at);
        log_.copy(r.place.at, r.place.at + n, into.room(n));
        into.added(n);
        r.place = log_.next(r.place);
        r.pass_over(log_);
    } while (r.place.at != log_.end().at && into.size() < at_once / 4 && r.slow != Slow::latest);
    moved();
    return {};
}

// ---------------------------------------------------------------- those that connect

Result<> TopicHub::join(Conn& c) {
    auto m = std::make_unique<Member>();
    const auto& h = *c.hello;
    if (h.role == Role::publisher) {
        m->least = static_cast<unsigned>(h.history);
    } else {
        m->reader.filter = h.filter;
        m->reader.slow = h.slow, m->reader.patience = h.patience;
        m->reader.go_back(log_, h.history);
        floor_ = 0;
        members_.push_back(&c);
        hub_->dirty(c);
        hub_->tell();
        moved();
    }
    c.state = std::move(m);
    return {};
}

void TopicHub::leave(Conn& c) {
    std::erase(members_, &c);
    std::erase(held_, c.number);
    moved();
}

Result<bool> TopicHub::frame(Conn& c, const Frame& f) {
    auto& m = of(c);
    if (c.hello->role == Role::publisher && f.kind == Kind::publish) return published(c, f);
    if (c.hello->role != Role::subscriber) return fail(Errc::corrupt, "frame");
    if (f.kind == Kind::ready)
        m.ready = true;
    else if (f.kind == Kind::ask)
        m.asked = true;
    else
        return fail(Errc::corrupt, "frame");
    hub_->dirty(c);
    return true;
}

Result<bool> TopicHub::published(Conn& c, const Frame& f) {
    auto& m = of(c);
    if (!f.text.empty()) WYE_CHECK(check_topic(f.text));
    if (!f.id.empty() && recent_.has(f.id)) return true;
    Front front;
    make_front({.kind = Kind::sample, .words = {f.words[0]}, .text = f.text, .body = f.body}, front);
    const auto bytes = front.size + f.body.size() + front.padding;
    bool later = subscribers() < m.least;
    if (!later && blocked(bytes, not_yet)) {
        hub_->push();  // room for it may only not have been used
        if (!m.held) m.held = Clock::now();
        later = blocked(bytes, *m.held);
    }
    if (later) {
        held_.push_back(c.number);
        return false;
    }
    m.held.reset();
    m.least = 0;
    put(front, f.body);
    if (!f.id.empty()) recent_.add(f.id);
    return true;
}

// Somebody went on: there may be room for what waits.
void TopicHub::moved() {
    hub_->tell();
    for (const auto number : std::exchange(held_, {}))
        if (auto* c = hub_->find(number)) hub_->resume(*c);
}

Clock::time_point TopicHub::next_due() { return held_.empty() ? Clock::time_point::max() : patience_; }

void TopicHub::due(Clock::time_point now) {
    if (!held_.empty() && patience_ <= now) moved();
}

std::size_t TopicHub::gather(Conn& c, iovec* v, std::size_t room) {
    if (c.hello->role != Role::subscriber) return 0;
    auto& m = of(c);
    auto& r = m.reader;
    if (r.slow == Slow::latest) {
        if (!m.ready && !m.asked) return 0;
        r.to_newest(log_);
    }
    r.pass_over(log_);
    if (r.missed > 0) {
        c.out.add({.kind = Kind::lost, .words = {std::exchange(r.missed, 0)}});
        return 0;
    }
    const auto end = log_.end().at;
    if (r.slow == Slow::latest) {
        if (r.place.at == end && m.asked) c.out.add({.kind = Kind::nothing});
        m.asked = false;
        if (r.place.at == end) return 0;
        m.ready = false;
        return log_.pieces(r.place.at, log_.next(r.place).at, v);
    }
    if (r.place.at == end) return 0;
    if (r.everything()) return log_.pieces(r.place.at, std::min(end, r.place.at + at_once), v);
    std::size_t n = 0, bytes = 0;
    for (auto p = r.place; p.at != end && n + 2 <= room && bytes < at_once; p = log_.next(p))
        if (r.wants(log_, p.at)) {
            const auto size = log_.size_at(p.at);
            n += log_.pieces(p.at, p.at + size, v + n);
            bytes += size;
        }
    return n;
}

void TopicHub::sent(Conn& c, std::size_t n) {
    auto& r = of(c).reader;
    if (r.everything() && r.place.at + n == log_.end().at) {
        r.place = log_.end();
        n = 0;
    }
    while (n > 0) {
        r.pass_over(log_);
        const auto size = log_.size_at(r.place.at);
        if (n < size) {  // the rest of a frame that was begun is kept, so that a reader stands between two always
            log_.copy(r.place.at + n, r.place.at + size, c.out.room(size - n));
            c.out.added(size - n);
        }
        n -= std::min(n, size);
        r.place = log_.next(r.place);
    }
    moved();
}

}  // namespace wye::hub
