// Producers and workers of a hub.
#include "pattern/hub/ends.hpp"
#include "pattern/hub/job_hub.hpp"
#include "pattern/hub/link.hpp"

#include <algorithm>

namespace wye::hub {
namespace {

using namespace std::chrono_literals;
constexpr auto answer = 5s;  // of a hub that lives
// A worker that is quick has some jobs put into its hands before it asks: as many as it does in this time.
constexpr std::chrono::nanoseconds ahead = 100us;
constexpr std::uint64_t most_ahead = 128;
// What it has done is told at once, or with what it does in this time.
constexpr std::chrono::nanoseconds lag = 20us;

std::uint64_t microseconds(Deadline d) {
    if (d.is_never()) return 1ull << 48;
    return d.is_now() ? 0 : static_cast<std::uint64_t>(d.left().count() / 1000);
}

Result<carrier::Depth> ask_depth(Link& link, auto&& other) {
    const Deadline d = answer;
    if (!link.up()) WYE_CHECK(link.mend(d));
    WYE_CHECK(link.send({.kind = Kind::ask_depth}, d));
    for (;;) {
        WYE_TRY(const auto f, link.next(d));
        if (f.kind == Kind::depth) return carrier::Depth{f.words[0], f.words[1], f.words[2]};
        other(f);
    }
}

// ---------------------------------------------------------------- producers

class HubProducer final : public carrier::Producer {
public:
    explicit HubProducer(std::unique_ptr<JobHub> h) : hub_(std::move(h)) {}
    Result<> put(Bytes b, const carrier::Put& how, Deadline d) override { return hub_->put(b, how, d); }
    Result<carrier::Depth> depth() override { return hub_->depth(); }
    std::size_t max_message() const noexcept override { return hub_->max_message(); }

private:
    std::unique_ptr<JobHub> hub_;
};

class LinkProducer final : public carrier::Producer {
public:
    explicit LinkProducer(std::unique_ptr<Link> l) : link_(std::move(l)) {}
    Result<> put(Bytes b, const carrier::Put& how, Deadline d) override {
        if (b.size() > max_message()) return fail(Errc::too_big, "put");
        if (how.id.size() > 255) return fail(Errc::too_big, "id");
        ++number_;
        for (bool said = false;;) {
            if (!link_->up())
                if (auto r = link_->mend(d); !r) return said ? fail(Errc::unknown, "put") : r;
            // The same number again: the hub knows whether it has it.
            auto r = link_->send(
                {.kind = Kind::put, .words = {number_, microseconds(d), how.priority}, .id = how.id, .body = b}, d);
            if (!r && r.error().is(Errc::peer_died)) continue;
            if (!r) return said ? fail(Errc::unknown, "put") : r;
            said = true;
            r = answered(d);
            if (r || r.error().is(Errc::timed_out)) return r;
            if (link_->up() || d.passed()) return r;
        }
    }
    Result<carrier::Depth> depth() override {
        return ask_depth(*link_, [](const Frame&) {});
    }
    std::size_t max_message() const noexcept override { return link_->max_message(); }

private:
    // timed_out: the hub says that it has not got it. It answers at the deadline itself, and a little later here.
    Result<> answered(Deadline d) {
        const Deadline until = d.is_never() ? d : Deadline(std::max(d.left(), 0ns) + 50ms);
        for (;;) {
            auto f = link_->next(until);
            if (!f) return fail(Errc::unknown, "put");
            if (f->words[0] != number_) continue;
            if (f->kind == Kind::put_done) return {};
            if (f->kind == Kind::put_late) return fail(Errc::timed_out);
        }
    }
    std::unique_ptr<Link> link_;
    std::uint64_t number_ = 0;
};

// ---------------------------------------------------------------- workers

class HubWorker final : public carrier::Worker {
public:
    explicit HubWorker(std::unique_ptr<JobHub> h) : hub_(std::move(h)) { hub_->join(taker_, bell_); }
    ~HubWorker() override { hub_->leave_local(); }
    Result<carrier::Job> take(Deadline d) override { return hub_->take(taker_, d); }
    Result<> done(std::uint64_t token) override { return hub_->done(taker_, token); }
    Result<> extend(std::uint64_t token) override { return hub_->extend(taker_, token); }
    Result<> give_back(std::uint64_t token, std::chrono::milliseconds delay) override {
        return hub_->give_back(taker_, token, delay);
    }
    Result<carrier::Job> take_dead(Deadline d) override { return hub_->take_dead(taker_, d); }
    Result<carrier::Depth> depth() override { return hub_->depth(); }
    int native_handle() noexcept override {
        if (bell_.used()) return bell_.handle();
        const int h = bell_.handle();
        bell_.ring(true);
        return h;
    }

private:
    JobHub::Taker taker_;
    Bell bell_;
    std::unique_ptr<JobHub> hub_;
};

class LinkWorker final : public carrier::Worker {
public:
    explicit LinkWorker(std::unique_ptr<Link> l) : link_(std::move(l)) {}
    ~LinkWorker() override {
        if (link_->up()) (void)link_->flush(Deadline(1s));
    }
    Result<carrier::Job> take(Deadline d) override {
        for (;;) {
            if (!link_->up()) WYE_CHECK(link_->mend(d));
            if (times_ != link_->times()) renew();
            auto got = one(d);
            link_->settle(!ready_.empty());
            if (got || link_->up()) return got;
        }
    }
    Result<> done(std::uint64_t token) override {
        WYE_CHECK(mine(token));
        link_->queue({.kind = Kind::done, .words = {token & token_bits}});
        forget(token);
        return tell();
    }
    Result<> extend(std::uint64_t token) override { return mine(token); }
    Result<> give_back(std::uint64_t token, std::chrono::milliseconds delay) override {
        WYE_CHECK(mine(token));
        const auto us = std::chrono::duration_cast<std::chrono::microseconds>(std::max(delay, 0ms));
        link_->queue({.kind = Kind::give_back, .words = {token & token_bits, static_cast<std::uint64_t>(us.count())}});
        forget(token);
        return gone(link_->flush(soon(Deadline::now())));
    }
    Result<carrier::Job> take_dead(Deadline d) override;
    Result<carrier::Depth> depth() override {
        return ask_depth(*link_, [this](const Frame& f) { came(f); });
    }
    int native_handle() noexcept override {
        polled_ = true;
        return link_->native_handle();
    }

private:
    struct Held {
        std::uint64_t token = 0;
        unsigned deliveries = 0, priority = 0;
        std::vector<std::byte> bytes{};
    };
    static constexpr std::uint64_t token_bits = (1ull << 48) - 1;

    Result<carrier::Job> one(Deadline);
    Result<carrier::Job> withdraw();
    void came(const Frame&);
    void ask(bool now);
    std::size_t keep(const Frame&);
    // A job of an earlier connection is another worker's by now.
    Result<> mine(std::uint64_t token) {
        if (link_->up() && times_ == link_->times() && token >> 48 == (times_ & 0xffff)) return {};
        forget(token);
        return fail(Errc::not_found, "done");
    }
    void forget(std::uint64_t token) {
        for (auto& h : held_)
            if (h.token == token) h.token = 0;
    }
    static Result<> gone(Result<> r) { return r || r.error().is(Errc::timed_out) ? Result<>() : r; }
    Result<> tell() {
        if (link_->at_hand() && static_cast<long>(++untold_) * pace_ < lag) return {};
        untold_ = 0;
        return gone(link_->flush(soon(Deadline::now())));
    }
    // All that was at hand was done, in that time.
    void measure() {
        if (done_ == 0) return;
        const auto took = (Deadline::Clock::now() - since_) / static_cast<long>(std::exchange(done_, 0));
        pace_ += (std::min<std::chrono::nanoseconds>(took, 10ms) - pace_) / 4;
    }
    void renew() {
        times_ = link_->times();
        asked_ = 0, hungry_ = false, pace_ = 1ms;
        ready_.clear();
        held_.clear();
    }
    Result<carrier::Job> hand_out(std::size_t i) {
        if (done_++ == 0) since_ = Deadline::Clock::now();
        const auto& h = held_[i];
        return carrier::Job{h.bytes, h.deliveries, h.priority, h.token};
    }

    std::unique_ptr<Link> link_;
    std::uint32_t times_ = 0;
    std::deque<Held> held_;  // in hand, with what is of them; a token of 0 is free
    std::deque<std::size_t> ready_;
    std::optional<std::size_t> dead_;
    bool no_dead_ = false, none_ = false;
    std::uint64_t asked_ = 0;  // and not come
    bool hungry_ = false;      // the hub knows that we have nothing
    bool polled_ = false;
    std::chrono::nanoseconds pace_ = 1ms;  // how long a job takes, of late
    Deadline::Clock::time_point since_{};
    unsigned done_ = 0, untold_ = 0;  // since then; and not told
};

std::size_t LinkWorker::keep(const Frame& f) {
    std::size_t i = 0;
    while (i < held_.size() && held_[i].token != 0) ++i;
    if (i == held_.size()) held_.emplace_back();
    auto& h = held_[i];
    h.token = std::uint64_t{times_ & 0xffff} << 48 | (f.words[0] & token_bits);
    h.deliveries = static_cast<unsigned>(f.words[1]), h.priority = static_cast<unsigned>(f.words[2]);
    h.bytes.assign(f.body.begin(), f.body.end());
    return i;
}

void LinkWorker::came(const Frame& f) {
    if (f.kind == Kind::job && (f.flags & flag_dead)) {
        dead_ = keep(f);
    } else if (f.kind == Kind::job) {
        asked_ -= std::min<std::uint64_t>(asked_, 1);
        hungry_ = false;
        ready_.push_back(keep(f));
    } else if (f.kind == Kind::none && (f.flags & flag_dead)) {
        no_dead_ = true;
    } else if (f.kind == Kind::none) {
        asked_ -= std::min(asked_, f.words[0]);
        hungry_ = false;
        none_ = true;
    }
}

void LinkWorker::ask(bool now) {
    const auto wanted =
        std::clamp<std::uint64_t>(static_cast<std::uint64_t>(ahead / std::max(pace_, 1ns)), 1, most_ahead);
    std::uint64_t more = wanted > 1 && asked_ <= wanted / 2 ? wanted - asked_ : 0;
    if (now && asked_ + more == 0) more = 1;
    if (more == 0 && (!now || hungry_)) return;
    link_->queue({.kind = Kind::want, .flags = now ? flag_now : std::uint8_t{0}, .words = {more}});
    asked_ += more;
    hungry_ = hungry_ || now;
}

Result<carrier::Job> LinkWorker::one(Deadline d) {
    for (;;) {
        if (!ready_.empty()) {
            const auto i = ready_.front();
            ready_.pop_front();
            return hand_out(i);
        }
        const bool waits = !link_->at_hand();
        if (waits) measure();
        ask(waits);
        if (waits) {
            WYE_CHECK(link_->flush(soon(d)));
            untold_ = 0;
        }
        auto f = link_->next(d);
        if (f)
            came(*f);
        else if (!f.error().is(Errc::timed_out))
            return std::unexpected(std::move(f).error());
        else
            return polled_ ? fail(Errc::timed_out) : withdraw();
    }
}

// Nobody waits here any more: a job that comes now would lie about. Unless it is on its way already.
Result<carrier::Job> LinkWorker::withdraw() {
    none_ = false;
    const Deadline d = soon(Deadline::now());
    WYE_CHECK(link_->send({.kind = Kind::unwant}, d));
    while (ready_.empty() && !none_) {
        auto f = link_->next(d);
        if (f)
            came(*f);
        else if (f.error().is(Errc::timed_out))
            break;
        else
            return std::unexpected(std::move(f).error());
    }
    if (ready_.empty()) return fail(Errc::timed_out);
    const auto i = ready_.front();
    ready_.pop_front();
    return hand_out(i);
}

Result<carrier::Job> LinkWorker::take_dead(Deadline d) {
    for (;;) {
        if (!link_->up()) WYE_CHECK(link_->mend(d));
        if (times_ != link_->times()) renew();
        no_dead_ = false, dead_.reset();
        WYE_CHECK(link_->send({.kind = Kind::ask_dead}, soon(d)));
        const Deadline until = answer;
        while (!dead_ && !no_dead_) {
            WYE_TRY(const auto f, link_->next(until));
            came(f);
        }
        if (dead_) {
            const auto& h = held_[*dead_];
            return carrier::Job{h.bytes, h.deliveries, h.priority, h.token};
        }
        if (d.passed()) return fail(Errc::timed_out);
        const sys::Left nap(d.sooner(20ms));
        (void)sys::ppoll(nullptr, 0, nap.get());
    }
}

Result<std::unique_ptr<JobHub>> hub_of(const Uri& uri, const QueueOptions& how) {
    return JobHub::open(uri, how.create, how.permissions,
                        {.depth = or_usual(how.depth, usual_depth),
                         .max_message = or_usual(how.max_message, usual_message),
                         .most_deliveries = how.most_deliveries});
}

}  // namespace

Result<std::unique_ptr<carrier::Producer>> producer(const Uri& uri, const QueueOptions& how, Deadline d) {
    WYE_CHECK(check_durability(uri, how.durability));
    WYE_TRY(const bool listens, uri.flag("listen"));
    if (listens) {
        WYE_TRY(auto hub, hub_of(uri, how));
        return std::make_unique<HubProducer>(std::move(hub));
    }
    WYE_TRY(auto link, Link::open(uri, {.role = Role::producer}, d));
    return std::make_unique<LinkProducer>(std::move(link));
}

Result<std::unique_ptr<carrier::Worker>> worker(const Uri& uri, const QueueOptions& how, Deadline d) {
    WYE_CHECK(check_durability(uri, how.durability));
    WYE_TRY(const bool listens, uri.flag("listen"));
    if (listens) {
        WYE_TRY(auto hub, hub_of(uri, how));
        return std::make_unique<HubWorker>(std::move(hub));
    }
    WYE_TRY(auto link, Link::open(uri, {.role = Role::worker}, d));
    return std::make_unique<LinkWorker>(std::move(link));
}

}  // namespace wye::hub
