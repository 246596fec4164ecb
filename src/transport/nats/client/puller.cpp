#include "transport/nats/client/puller.hpp"

#include "transport/nats/client/ack.hpp"

namespace wye::nats {
namespace {

using namespace std::chrono_literals;
using Info = Owned<jsConsumerInfo, &Library::jsConsumerInfo_Destroy>;
using Clock = Deadline::Clock;

// A request that a dying server took with it is not answered: it is made again after this long.
constexpr auto longest_request = 2s;
constexpr auto grace = 300ms;
// How long the server's word that something is wrong, or nothing for so long, is enough; and how long we wait for
// answers then, of a cluster that may have no leader to give them.
constexpr auto doubtful = 200ms, quiet = 1000ms, patience = 400ms;

}  // namespace

Result<std::unique_ptr<NatsPuller>> NatsPuller::open(Streams& s, const engine::PullerOptions& o, Deadline d) {
    std::unique_ptr<NatsPuller> p(new NatsPuller(s, o));
    WYE_CHECK(p->make_consumer(d));
    natsInbox* made = nullptr;
    if (const auto e = lib().natsInbox_Create(&made); e != NATS_OK) return fail(e, "natsInbox_Create");
    p->answers_ = std::string(made) + ".";
    lib().natsInbox_Destroy(made);
    WYE_TRY(p->inbox_, NatsInbox::open(s.shared(), p->answers_ + "*", {.most = SIZE_MAX, .most_bytes = SIZE_MAX}));
    p->looked_ = Clock::now();
    return p;
}

Result<> NatsPuller::make_consumer(Deadline d) {
    WYE_TRY(auto* js, streams_.context());
    jsConsumerInfo* info = nullptr;
    jsErrCode code{};
    const auto& stream = options_.stream.name;
    if (!options_.durable.empty()) {
        auto r = ask_server(streams_, "consumer info", options_.durable, d, code, [&](jsOptions& o, jsErrCode& e) {
            return lib().js_GetConsumerInfo(&info, js, stream.c_str(), options_.durable.c_str(), &o, &e);
        });
        const Info own(info);
        if (r && own->Config->DeliverSubject)
            return refuse(Errc::mismatch, "nats: \"" + options_.durable + "\" of the stream \"" + stream +
                                              "\" is a push consumer of another program's");
        if (!r && code != JSConsumerNotFoundErr) return r;
        if (r) {
            consumer_ = own->Name;
            options_.lease = std::chrono::milliseconds(own->Config->AckWait / 1'000'000);
        }
    }
    if (consumer_.empty()) {
        jsConsumerConfig c;
        lib().jsConsumerConfig_Init(&c);
        if (!options_.durable.empty()) c.Durable = options_.durable.c_str();
        if (!options_.filter.empty()) c.FilterSubject = options_.filter.c_str();
        c.AckPolicy = options_.settles ? js_AckExplicit : js_AckNone;
        c.DeliverPolicy = options_.start == engine::Start::all   ? js_DeliverAll
                          : options_.start == engine::Start::now ? js_DeliverNew
                                                                 : js_DeliverByStartSequence;
        if (options_.start == engine::Start::at) c.OptStartSeq = std::max<std::uint64_t>(options_.sequence, 1);
        if (options_.settles) c.AckWait = std::chrono::nanoseconds(options_.lease).count();
        if (options_.most_deliveries) c.MaxDeliver = options_.most_deliveries;
        if (options_.durable.empty()) c.InactiveThreshold = std::chrono::nanoseconds(60s).count();
        info = nullptr;
        WYE_CHECK(ask_server(streams_, "add consumer", stream, d, code, [&](jsOptions& o, jsErrCode& e) {
            return lib().js_AddConsumer(&info, js, stream.c_str(), &c, &o, &e);
        }));
        consumer_ = Info(info)->Name;
    }
    subject_ = "$JS.API.CONSUMER.MSG.NEXT." + stream + "." + consumer_;
    return {};
}

// A message that came for nobody goes to another at once, and not when its lease is over.
NatsPuller::~NatsPuller() {
    if (!inbox_ || !streams_.connection().ours()) return;
    for (;;) {
        auto m = inbox_->next(Deadline::now());
        if (!m) return;
        if (options_.settles && parse_ack(m->reply))
            (void)streams_.connection().publish({.subject = m->reply, .bytes = bytes_of("-NAK")}, Deadline::now());
    }
}

// Is the stream still the same one, and does it still know us?
Result<> NatsPuller::look_after(Deadline d) {
    looked_ = Clock::now();
    doubt_ = false;
    WYE_CHECK(streams_.verify(options_.stream, patience));
    WYE_TRY(auto* js, streams_.context());
    jsConsumerInfo* info = nullptr;
    jsErrCode code{};
    (void)ask_server(streams_, "consumer info", consumer_, d.sooner(patience), code, [&](jsOptions& o, jsErrCode& e) {
        return lib().js_GetConsumerInfo(&info, js, options_.stream.name.c_str(), consumer_.c_str(), &o, &e);
    });
    const Info own(info);
    if (code != JSConsumerNotFoundErr) return {};
    if (!options_.durable.empty())
        return refuse(Errc::corrupt, "nats: \"" + consumer_ + "\" of the stream \"" + options_.stream.name +
                                         "\" was removed, and with it how far it had come");
    return begin_anew(d);  // one without a name lives on one server, and died with it
}

// Behind what we have.
Result<> NatsPuller::begin_anew(Deadline d) {
    if (last_ > 0) options_.start = engine::Start::at, options_.sequence = last_ + 1;
    consumer_.clear();
    owed_ = count_ = 0;
    return make_consumer(d);
}

bool NatsPuller::due() const noexcept { return Clock::now() - looked_ > (doubt_ ? doubtful : quiet); }

Result<> NatsPuller::ask(Deadline d) {
    const auto now = Clock::now();
    const bool broke = streams_.connection().broke_since(breaks_);
    if (owed_ > 0 && (now >= until_ || broke)) owed_ = 0;
    if (owed_ > options_.ahead / 2) return {};
    if (due() || broke) WYE_CHECK(look_after(d));
    WYE_CHECK(streams_.connection().wait_up(d.is_now() ? Deadline(500ms) : d));
    breaks_ = streams_.connection().weather()->breaks.load();
    const auto more = options_.ahead - owed_;
    const auto left = d.is_never() || polled_ ? longest_request
                                              : std::min<Clock::duration>(longest_request, d.is_now() ? 0ns : d.left());
    std::string text = "{\"batch\":" + std::to_string(more);
    if (d.is_now() && !polled_)
        text += ",\"no_wait\":true}";
    else
        text += ",\"expires\":" +
                std::to_string(std::max<std::int64_t>(std::chrono::nanoseconds(left).count(), 2'000'000)) + "}";
    const auto reply = answers_ + std::to_string(++asked_);
    WYE_CHECK(streams_.connection().publish({.subject = subject_, .bytes = bytes_of(text), .reply = reply},
                                            d.is_now() ? Deadline(500ms) : d));
    owed_ += more;
    until_ = now + left + grace;
    return {};
}

Result<std::optional<engine::Delivery>> NatsPuller::take(engine::Message m) {
    if (const auto ack = parse_ack(m.reply)) {
        if (owed_ > 0) --owed_;
        if (!options_.settles) {
            // Of an earlier consumer; or what is not settled, and got lost on its way here, does not come again by
            // itself.
            if (ack->consumer != consumer_) return std::nullopt;
            if (ack->consumer_sequence != count_ + 1) {
                WYE_CHECK(begin_anew(2s));
                return std::nullopt;
            }
            ++count_;
        }
        // First deliveries go up. This is another stream, or one that lost its end.
        if (ack->deliveries == 1 && ack->sequence <= last_) WYE_CHECK(look_after(500ms));
        last_ = std::max(last_, ack->sequence);
        return engine::Delivery{.message = std::move(m),
                                .deliveries = static_cast<unsigned>(ack->deliveries),
                                .sequence = ack->sequence,
                                .pending = ack->pending};
    }
    if (m.subject.empty()) return std::nullopt;  // only to wake us
    // An earlier request's end says nothing of the last one.
    if (m.subject != answers_ + std::to_string(asked_)) return std::nullopt;
    owed_ = 0;
    if (const auto status = m.header("Status"); status != "404" && status != "408") doubt_ = true;
    return std::nullopt;
}

Result<engine::Delivery> NatsPuller::next(Deadline d) {
    for (;;) {
        auto m = inbox_->next(Deadline::now());
        if (!m && !m.error().is(Errc::timed_out)) return std::unexpected(std::move(m).error());
        if (!m) {
            const bool was_owed = owed_ > 0;
            WYE_CHECK(ask(d));
            if (d.is_now() && (polled_ || (was_owed && owed_ == 0))) return wye::fail(Errc::timed_out, "next");
            // Without waiting: for as long as the server takes to say that there is nothing.
            auto wait = d.is_now() ? Deadline(500ms) : d;
            m = inbox_->next(owed_ > 0 ? wait.sooner(Deadline::at(until_)) : wait.sooner(50ms));
            if (!m && !m.error().is(Errc::timed_out)) return std::unexpected(std::move(m).error());
            if (!m && (d.passed() || d.is_now())) return wye::fail(Errc::timed_out, "next");
            if (!m) continue;
        }
        WYE_TRY(auto got, take(std::move(*m)));
        if (got) return std::move(*got);
        if (doubt_ && due()) {
            WYE_CHECK(look_after(d.is_now() ? Deadline(500ms) : d));
        } else if (doubt_ && !d.is_now()) {
            std::this_thread::sleep_for(20ms);  // a new leader is asked as soon as there is one
        }
        if (d.is_now() && owed_ == 0) return wye::fail(Errc::timed_out, "next");
        if (!d.is_now() && d.passed() && owed_ == 0) return wye::fail(Errc::timed_out, "next");
    }
}

Result<> NatsPuller::settle(const engine::Delivery& of, std::string_view what, bool sure, Deadline d) {
    const engine::Outgoing out{.subject = of.message.reply, .bytes = bytes_of(what)};
    if (!sure) return streams_.connection().publish(out, d);
    for (;;) {
        // Repeated, it does no harm: what is settled is settled.
        auto r = streams_.connection().request(out, d.sooner(1s));
        if (r) return {};
        if (r.error().is(Errc::not_found)) {
            WYE_CHECK(streams_.verify(options_.stream));
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        } else if (!r.error().is(Errc::unknown)) {
            return std::unexpected(std::move(r).error());
        }
        if (d.passed())
            return refuse(Errc::unknown, "nats: the server did not say by the deadline that it has noted it");
    }
}

// Who leads a queue's workers says that it has noted it before another server has; cut off, it says so of what its
// successor will hand out again. What most of them have noted the stream lets go of. Said again meanwhile, it reaches
// the next leader, perhaps before that hands it out.
Result<> NatsPuller::done(const engine::Delivery& of, bool sure, Deadline d) {
    const auto& s = options_.stream;
    if (!sure || s.replicas < 2 || s.retention != engine::Retention::work) return settle(of, "+ACK", sure, d);
    for (;;) {
        WYE_CHECK(settle(of, "+ACK", true, d));
        WYE_TRY(const bool gone, streams_.let_go(s, of.sequence, d.sooner(1s)));
        if (gone) return {};
        if (d.passed())
            return refuse(Errc::unknown,
                          "nats: one server has noted it, and by the deadline most of the others had not");
    }
}
Result<> NatsPuller::extend(const engine::Delivery& of, Deadline d) { return settle(of, "+WPI", true, d); }
Result<> NatsPuller::give_up(const engine::Delivery& of) { return settle(of, "+TERM", false, Deadline::now()); }

Result<> NatsPuller::give_back(const engine::Delivery& of, std::chrono::milliseconds delay) {
    if (delay.count() <= 0) return settle(of, "-NAK", false, Deadline::now());
    return settle(of, "-NAK {\"delay\":" + std::to_string(std::chrono::nanoseconds(delay).count()) + "}", false,
                  Deadline::now());
}

Result<engine::Depth> NatsPuller::depth(Deadline d) {
    WYE_TRY(auto* js, streams_.context());
    jsConsumerInfo* info = nullptr;
    jsErrCode code{};
    WYE_CHECK(ask_server(streams_, "consumer info", consumer_, d, code, [&](jsOptions& o, jsErrCode& e) {
        return lib().js_GetConsumerInfo(&info, js, options_.stream.name.c_str(), consumer_.c_str(), &o, &e);
    }));
    const Info own(info);
    return engine::Depth{.waiting = own->NumPending, .in_hand = static_cast<std::uint64_t>(own->NumAckPending)};
}

int NatsPuller::native_handle() noexcept {
    polled_ = true;
    (void)ask(Deadline::now());
    return inbox_->native_handle();
}

}  // namespace wye::nats
