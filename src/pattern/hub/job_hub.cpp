#include "pattern/hub/job_hub.hpp"

#include <algorithm>

namespace wye::hub {
namespace {

constexpr std::size_t most_ahead = 256 << 10;  // bytes to one worker that the kernel has not taken
constexpr std::size_t kept_bytes = 512;        // the room of a job that small stays for the next
constexpr std::size_t most_marks = 8192;

}  // namespace

Result<std::unique_ptr<JobHub>> JobHub::open(const Uri& uri, Create create, unsigned permissions, JobRules rules) {
    std::unique_ptr<JobHub> j(new JobHub(rules));
    WYE_TRY(j->hub_, Hub::open(uri, create, permissions,
                               {.pattern = Pattern::work_queue, .max_message = rules.max_message}, *j));
    WYE_CHECK(j->hub_->start());
    return j;
}

// ---------------------------------------------------------------- jobs

void JobHub::enqueue(Bytes b, unsigned priority) {
    if (free_.empty()) {
        free_.push_back(static_cast<Index>(slots_.size()));
        slots_.emplace_back();
    }
    const auto i = free_.back();
    free_.pop_back();
    auto& s = slots_[i];
    s.bytes.assign(b.begin(), b.end());
    s.serial = ++serials_;
    s.priority = priority, s.deliveries = 0;
    wait(i, false);
}

void JobHub::wait(Index i, bool first) {
    auto& s = slots_[i];
    s.at = At::waiting;
    auto& q = queues_[s.priority];
    if (first)
        q.push_front(i);
    else
        q.push_back(i);
    ++waiting_, waiting_bytes_ += s.bytes.size();
    if (bell_) bell_->ring(true);
}

void JobHub::drop(Index i) {
    auto& s = slots_[i];
    s.at = At::nowhere;
    s.generation = (s.generation + 1) & 0xffffff;
    if (s.bytes.capacity() > kept_bytes) std::vector<std::byte>().swap(s.bytes);
    free_.push_back(i);
}

carrier::Job JobHub::job(Index i) const noexcept {
    const auto& s = slots_[i];
    return {s.bytes, s.deliveries, s.priority, token(i)};
}

// A job that somebody had before may be what ended him: it goes to whoever asks for one, and no other with it. Of the
// others some are put into the hands of who is quick, as long as there are plenty for all.
bool JobHub::may_have(const Taker& t, const Slot& s) const noexcept {
    if (t.conn && (t.conn->broken || t.conn->out.size() > most_ahead)) return false;
    if (t.hungry) return true;
    return t.want > 0 && s.deliveries == 0 && !t.alone && t.hand.size() < waiting_ / (4 * takers_);
}

void JobHub::dispatch() {
    bool gave = false;
    for (std::size_t refused = 0; waiting_ > 0 && refused < askers_.size();) {
        auto& t = *askers_.front();
        askers_.pop_front();
        if (t.want == 0) {
            t.listed = false;
            continue;
        }
        askers_.push_back(&t);
        auto q = queues_.begin();
        while (q->second.empty()) q = queues_.erase(q);
        const auto i = q->second.front();
        if (!may_have(t, slots_[i])) {
            ++refused;
            continue;
        }
        refused = 0;
        q->second.pop_front();
        --waiting_, waiting_bytes_ -= slots_[i].bytes.size();
        give(t, i);
        gave = true;
    }
    if (gave) room_came();
}

void JobHub::give(Taker& t, Index i) {
    auto& s = slots_[i];
    ++s.deliveries;
    --t.want;
    t.hungry = false;
    t.alone = s.deliveries > 1;
    into_hand(t, i, At::in_hand);
    if (t.conn) {
        hub_->send(*t.conn, {.kind = Kind::job, .words = {token(i), s.deliveries, s.priority}, .body = s.bytes});
    } else {
        t.ready.push_back(i);
        hub_->tell();
    }
}

void JobHub::into_hand(Taker& t, Index i, At at) {
    auto& s = slots_[i];
    s.at = at;
    s.holder = &t, s.place = static_cast<std::uint32_t>(t.hand.size());
    t.hand.push_back(i);
    ++in_hand_;
}

void JobHub::out_of_hand(Index i) {
    auto& hand = slots_[i].holder->hand;
    const auto place = slots_[i].place;
    hand[place] = hand.back();
    slots_[hand[place]].place = place;
    hand.pop_back();
    if (hand.empty()) slots_[i].holder->alone = false;
    --in_hand_;
}

JobHub::Slot* JobHub::in_hand(const Taker& t, std::uint64_t tok) {
    const auto i = tok & 0xffffff;
    if (i >= slots_.size()) return nullptr;
    auto& s = slots_[i];
    return (s.at == At::in_hand || s.at == At::dead_in_hand) && s.holder == &t && s.generation == tok >> 24 ? &s
                                                                                                            : nullptr;
}

// Out of somebody's hand: to those that wait, or to the dead.
void JobHub::back(Index i, std::chrono::microseconds delay) {
    auto& s = slots_[i];
    const bool was_dead = s.at == At::dead_in_hand;
    out_of_hand(i);
    if (was_dead) s.deliveries = 0;
    if (!was_dead && rules_.most_deliveries && s.deliveries >= rules_.most_deliveries) {
        s.at = At::dead;
        dead_.push_back(i);
        return hub_->tell();
    }
    if (delay.count() <= 0) return wait(i, true);
    s.at = At::later;
    later_.emplace(Clock::now() + std::min<std::chrono::microseconds>(delay, std::chrono::hours(24 * 365)), i);
    hub_->wake();
}

void JobHub::ask(Taker& t, std::uint64_t more, bool now) {
    t.want = std::min<std::uint64_t>(t.want + more, 1u << 16);
    if (now) t.hungry = true, t.want = std::max<std::uint64_t>(t.want, 1);
    if (t.want > 0 && !std::exchange(t.listed, true)) askers_.push_back(&t);
    dispatch();
}

void JobHub::finished(Taker& t, std::uint64_t tok) {
    if (!in_hand(t, tok)) return;
    const auto i = static_cast<Index>(tok & 0xffffff);
    out_of_hand(i);
    drop(i);
}

// ---------------------------------------------------------------- ours

Result<> JobHub::put(Bytes b, const carrier::Put& how, Deadline d) {
    if (b.size() > max_message()) return fail(Errc::too_big, "put");
    auto lock = hub_->locked();
    if (!how.id.empty() && ids_.has(how.id)) return {};
    while (!room_for(b.size()))
        if (!hub_->wait(lock, d)) return fail(Errc::timed_out);
    enqueue(b, how.priority);
    if (!how.id.empty()) ids_.add(how.id);
    dispatch();
    hub_->kick(b.size());
    return {};
}

carrier::Depth JobHub::depth() {
    const Hub::Lock lock(hub_->mutex);
    return {waiting_ + later_.size(), in_hand_, dead_.size()};
}

void JobHub::join(Taker& t, Bell& b) {
    const Hub::Lock lock(hub_->mutex);
    local_ = &t, bell_ = &b;
    ++takers_;
}

void JobHub::leave_local() {
    const Hub::Lock lock(hub_->mutex);
    std::erase(askers_, local_);
    while (!local_->hand.empty()) back(local_->hand.back(), {});
    local_ = nullptr, bell_ = nullptr;
    --takers_;
}

Result<carrier::Job> JobHub::take(Taker& t, Deadline d) {
    Hub::Lock lock(hub_->mutex);
    if (t.ready.empty()) ask(t, 0, true);
    while (t.ready.empty())
        if (!hub_->wait(lock, d)) {
            t.want = 0, t.hungry = false;
            bell_->ring(waiting_ > 0);
            return fail(Errc::timed_out);
        }
    const auto i = t.ready.front();
    t.ready.pop_front();
    return job(i);
}

Result<carrier::Job> JobHub::take_dead(Taker& t, Deadline d) {
    Hub::Lock lock(hub_->mutex);
    while (dead_.empty())
        if (!hub_->wait(lock, d)) return fail(Errc::timed_out);
    const auto i = dead_.front();
    dead_.pop_front();
    into_hand(t, i, At::dead_in_hand);
    return job(i);
}

Result<> JobHub::done(Taker& t, std::uint64_t tok) {
    const Hub::Lock lock(hub_->mutex);
    if (!in_hand(t, tok)) return fail(Errc::not_found, "done");
    finished(t, tok);
    return {};
}

Result<> JobHub::extend(Taker& t, std::uint64_t tok) {
    const Hub::Lock lock(hub_->mutex);
    return in_hand(t, tok) ? Result<>() : fail(Errc::not_found, "extend");
}

Result<> JobHub::give_back(Taker& t, std::uint64_t tok, std::chrono::microseconds delay) {
    const Hub::Lock lock(hub_->mutex);
    if (!in_hand(t, tok)) return fail(Errc::not_found, "give_back");
    back(static_cast<Index>(tok & 0xffffff), delay);
    dispatch();
    hub_->kick(0);
    return {};
}

// ---------------------------------------------------------------- those that connect

Result<> JobHub::join(Conn& c) {
    auto t = std::make_unique<Taker>();
    t->conn = &c;
    if (c.hello->role == Role::worker) ++takers_;
    c.state = std::move(t);
    return {};
}

void JobHub::leave(Conn& c) {
    auto& t = of(c);
    std::erase(askers_, &t);
    std::erase(held_, c.number);
    if (c.hello->role == Role::worker) --takers_;
    // The oldest comes to the front last.
    std::ranges::sort(t.hand, std::greater(), [&](Index i) { return slots_[i].serial; });
    for (std::uint32_t k = 0; k < t.hand.size(); ++k) slots_[t.hand[k]].place = k;
    for (const auto i : std::vector(t.hand)) {
        if (slots_[i].at == At::dead_in_hand) {
            out_of_hand(i);
            slots_[i].at = At::dead;
            dead_.push_back(i);
        } else {
            back(i, {});
        }
    }
    dispatch();
}

Result<bool> JobHub::frame(Conn& c, const Frame& f) {
    auto& t = of(c);
    const bool worker = c.hello->role == Role::worker;
    if (f.kind == Kind::ask_depth) {
        hub_->send(c, {.kind = Kind::depth, .words = {waiting_ + later_.size(), in_hand_, dead_.size()}});
        return true;
    }
    if (!worker) return f.kind == Kind::put ? arrived(c, f) : fail(Errc::corrupt, "frame");
    switch (f.kind) {
        case Kind::want:
            ask(t, f.words[0], f.flags & flag_now);
            return true;
        case Kind::unwant:
            hub_->send(c, {.kind = Kind::none, .words = {std::exchange(t.want, 0)}});
            t.hungry = false;
            return true;
        case Kind::done:
            finished(t, f.words[0]);
            return true;
        case Kind::give_back:
            if (in_hand(t, f.words[0]))
                back(static_cast<Index>(f.words[0] & 0xffffff),
                     std::chrono::microseconds(std::min<std::uint64_t>(f.words[1], 1ull << 48)));
            dispatch();
            return true;
        case Kind::ask_dead:
            dead_to(c);
            return true;
        default:
            return fail(Errc::corrupt, "frame");
    }
}

void JobHub::dead_to(Conn& c) {
    if (dead_.empty()) return hub_->send(c, {.kind = Kind::none, .flags = flag_dead, .words = {0}});
    const auto i = dead_.front();
    dead_.pop_front();
    into_hand(of(c), i, At::dead_in_hand);
    const auto& s = slots_[i];
    hub_->send(c,
               {.kind = Kind::job, .flags = flag_dead, .words = {token(i), s.deliveries, s.priority}, .body = s.bytes});
}

Result<bool> JobHub::arrived(Conn& c, const Frame& f) {
    auto& t = of(c);
    const auto number = f.words[0], mark = c.hello->mark;
    const auto last = puts_.find(mark);
    const bool known = (last != puts_.end() && number <= last->second) || (!f.id.empty() && ids_.has(f.id));
    if (!known && !room_for(f.body.size())) {
        const auto now = Clock::now();
        if (!t.held) t.held = now + std::chrono::microseconds(std::min<std::uint64_t>(f.words[1], 1ull << 48));
        if (*t.held > now) {
            held_.push_back(c.number);
            return false;
        }
        t.held.reset();
        hub_->send(c, {.kind = Kind::put_late, .words = {number}});
        return true;
    }
    t.held.reset();
    if (!known) {
        enqueue(f.body, static_cast<unsigned>(std::min<std::uint64_t>(f.words[2], ~0u)));
        if (!f.id.empty()) ids_.add(f.id);
        if (last == puts_.end()) {
            marks_.push_back(mark);
            if (marks_.size() > most_marks) puts_.erase(marks_.front()), marks_.pop_front();
        }
        puts_[mark] = number;
        dispatch();
    }
    hub_->send(c, {.kind = Kind::put_done, .words = {number}});
    return true;
}

void JobHub::room_came() {
    hub_->tell();
    for (const auto number : std::exchange(held_, {}))
        if (auto* c = hub_->find(number)) hub_->resume(*c);
}

// All that was made for it has left: there may be more for it.
std::size_t JobHub::gather(Conn& c, iovec*, std::size_t) {
    if (of(c).want > 0 && waiting_ > 0) dispatch();
    return 0;
}

Clock::time_point JobHub::next_due() {
    auto next = later_.empty() ? Clock::time_point::max() : later_.begin()->first;
    for (const auto number : held_)
        if (auto* c = hub_->find(number); c && of(*c).held) next = std::min(next, *of(*c).held);
    return next;
}

void JobHub::due(Clock::time_point now) {
    while (!later_.empty() && later_.begin()->first <= now) {
        const auto i = later_.begin()->second;
        later_.erase(later_.begin());
        wait(i, true);
    }
    dispatch();
    if (std::ranges::any_of(held_, [&](auto n) {
            auto* c = hub_->find(n);
            return !c || (of(*c).held && *of(*c).held <= now);
        }))
        room_came();
}

}  // namespace wye::hub
