// Publishing and subscribing over NATS: core subjects, or a stream that keeps what was published.
#include "wye/pattern/topic.hpp"

#include "os/fork.hpp"
#include "pattern/nats.hpp"
#include "pattern/nats_headers.hpp"

#include <atomic>
#include <deque>
#include <set>
#include <thread>

namespace wye::carrier::nats {
namespace {

using namespace std::chrono_literals;

std::string subject_of(const std::string& prefix, std::string_view topic) {
    return topic.empty() ? prefix : prefix + "." + std::string(topic);
}
// Where who hears a prefix answers to who asks.
std::string presence_of(const std::string& prefix) { return "wye.present." + prefix; }

// The stream that keeps a prefix: the one that was named, or one by its words.
engine::StreamOptions stream_of(const Place& p, Create create) {
    auto name = p.stream;
    if (name.empty()) {
        name = "wye_" + p.subject;
        for (char& c : name)
            if (c == '.' || c == '/' || c == '\\') c = '_';
    }
    return {.name = name, .subjects = {p.subject, p.subject + ".>"}, .create = create, .replicas = p.replicas};
}

// ---------------------------------------------------------------- publishing

class NatsPublisher final : public Publisher, Loan::Owner {
public:
    NatsPublisher(Place p, const PublishOptions& how)
        : place_(std::move(p)), most_(room(*place_.engine, how.max_message)), wanted_(how.subscribers) {}

    Result<> open(const PublishOptions& how, Deadline d) {
        if (how.durability == Durability::none && place_.stream.empty()) return {};
        auto o = stream_of(place_, how.create);
        o.max_bytes = how.depth;
        o.durability = how.durability;
        WYE_TRY(stream_, place_.engine->ensure_stream(o, d));
        return {};
    }

    Result<> publish(std::string_view topic, Bytes b, std::string_view id, Deadline d) override {
        WYE_CHECK(check_topic(topic));
        WYE_CHECK(fits(b, most_));
        if (!id.empty() && !stream_)
            return refuse(Errc::unsupported,
                          "nats: an id is for a stream that remembers it: durability `process`, or ?stream=NAME");
        WYE_CHECK(wait_for_subscribers(d));
        auto known = topics_.find(topic);
        if (known == topics_.end()) known = topics_.emplace(topic, 0).first;
        auto& of_topic = known->second;
        const auto text = Number{mark_, count_ + 1, of_topic + 1}.text();
        const engine::Header headers[] = {{Number::header, text}};
        const auto subject = subject_of(place_.subject, topic);
        const engine::Outgoing out{.subject = subject, .bytes = b, .headers = headers};
        if (stream_) {
            WYE_TRY(const auto use, message_id(id, std::to_string(mark_) + "." + std::to_string(count_ + 1)));
            // Whatever comes of it, this number was used: a message that may be there has it.
            ++count_, ++of_topic;
            WYE_CHECK(place_.engine->store(*stream_, out, use, d));
            return {};
        }
        WYE_CHECK(place_.engine->publish(out, d));
        ++count_, ++of_topic;
        return {};
    }

    Result<Loan> loan(std::string_view topic, std::size_t n, Deadline d) override {
        if (n > most_)
            return refuse(Errc::too_big, "nats: a loan of " + std::to_string(n) + " bytes; " + std::to_string(most_) +
                                             " is the most here");
        auto& l = loans_.emplace_back(std::string(topic), std::vector<std::byte>(n), d);
        return Loan(*this, l.bytes, ++lent_);
    }

    Result<> flush(Deadline d) override { return place_.engine->flush(d); }
    std::size_t max_message() const noexcept override { return most_; }

private:
    struct Lent {
        std::string topic;
        std::vector<std::byte> bytes;
        Deadline deadline;
    };

    Result<> commit(MutBytes place, std::uint64_t) override {
        const auto at = lent(place);
        auto r = publish(at->topic, place, {}, at->deadline);
        loans_.erase(at);
        return r;
    }
    void cancel(MutBytes place, std::uint64_t) noexcept override { loans_.erase(lent(place)); }
    std::deque<Lent>::iterator lent(MutBytes place) {
        return std::ranges::find_if(loans_, [&](const Lent& l) { return l.bytes.data() == place.data(); });
    }

    Result<> wait_for_subscribers(Deadline d) {
        if (wanted_ == 0) return {};
        const auto answers = place_.engine->new_subject();
        WYE_TRY(auto in, place_.engine->subscribe(answers, {}));
        for (std::set<std::string> there; there.size() < wanted_;) {
            WYE_CHECK(place_.engine->publish({.subject = presence_of(place_.subject), .reply = answers}, d));
            const auto round = d.sooner(50ms);
            while (there.size() < wanted_) {
                auto m = in->next(round);
                if (m)
                    there.emplace(text_of(m->bytes));  // the server's own word that nobody is there has none
                else if (m.error().is(Errc::timed_out))
                    break;
                else
                    return std::unexpected(std::move(m).error());
                there.erase("");
            }
            if (d.passed() && there.size() < wanted_)
                return refuse(Errc::timed_out, "nats: " + std::to_string(there.size()) + " of " +
                                                   std::to_string(wanted_) + " subscribers are there");
        }
        wanted_ = 0;
        return {};
    }

    Place place_;
    std::size_t most_;
    unsigned wanted_;
    std::optional<engine::Stream> stream_;
    std::uint64_t mark_ = sys::unique_mark(), count_ = 0, lent_ = 0;
    std::map<std::string, std::uint64_t, std::less<>> topics_;
    std::deque<Lent> loans_;
};

// ---------------------------------------------------------------- subscribing

std::string_view topic_in(const std::string& prefix, std::string_view subject) {
    return subject.size() > prefix.size() ? subject.substr(prefix.size() + 1) : std::string_view();
}

// Answers who asks whether anybody hears here.
Result<std::unique_ptr<engine::Inbox>> be_present(engine::Engine& e, const std::string& prefix) {
    return e.subscribe(presence_of(prefix),
                       {.on_arrival = [&e, name = std::to_string(sys::unique_mark())](const engine::Message& m) {
                           if (!m.reply.empty())
                               (void)e.publish({.subject = m.reply, .bytes = bytes_of(name)}, Deadline::now());
                           return false;
                       }});
}

class CoreSubscriber final : public Subscriber {
public:
    CoreSubscriber(Place p, const SubscribeOptions& how) : place_(std::move(p)), how_(how) {}

    Result<> open(Deadline d) {
        engine::InboxOptions o{.on_arrival = [counts = counts_](const engine::Message& m) {
            if (const auto n = Number::parse(m.header(Number::header)))
                counts->lost += counts->gaps.seen(m.subject, *n);
            return true;
        }};
        o.most = how_.slow == Slow::latest ? 1 : 8192;
        auto& e = *place_.engine;
        WYE_TRY(inbox_, e.subscribe(subject_of(place_.subject, how_.filter), std::move(o)));
        if (how_.filter == ">") WYE_CHECK(inbox_->hear(place_.subject));  // the empty topic
        WYE_TRY(presence_, be_present(e, place_.subject));
        return e.flush(d);  // from now on nothing is missed
    }

    Result<Sample> next(Deadline d) override {
        WYE_TRY(message_, inbox_->next(d));
        const auto n = Number::parse(message_.header(Number::header));
        return Sample{
            .topic = topic_in(place_.subject, message_.subject), .bytes = message_.bytes, .sequence = n ? n->n : 0};
    }
    std::uint64_t lost() const noexcept override { return counts_->lost.load() + inbox_->dropped(); }
    int native_handle() noexcept override { return inbox_->native_handle(); }

private:
    struct Counts {
        Gaps gaps;
        std::atomic<std::uint64_t> lost{0};
    };
    Place place_;
    SubscribeOptions how_;
    std::shared_ptr<Counts> counts_ = std::make_shared<Counts>();
    std::unique_ptr<engine::Inbox> inbox_, presence_;
    engine::Message message_;
};

class StreamSubscriber final : public Subscriber {
public:
    StreamSubscriber(Place p, const SubscribeOptions& how)
        : place_(std::move(p)), how_(how), whole_(how.filter == ">") {}
    ~StreamSubscriber() override {
        // Who leaves in order has dealt with the last one.
        if (held_ && !how_.name.empty()) (void)puller_->done(*held_, true, 1s);
    }

    Result<> open(Deadline d) {
        auto& e = *place_.engine;
        WYE_TRY(const auto stream, e.ensure_stream(stream_of(place_, how_.create), d));
        engine::PullerOptions o{.stream = stream,
                                .durable = how_.name,
                                .filter = whole_ ? "" : subject_of(place_.subject, how_.filter),
                                .start = how_.history ? engine::Start::at : engine::Start::now,
                                .settles = !how_.name.empty(),
                                // Soon, for what got lost on its way to us; what waits here for longer comes twice, and
                                // is passed over.
                                .lease = 4s,
                                .ahead = how_.name.empty() ? 64u : 16u};
        if (!how_.history && how_.name.empty()) places_.begin_behind(stream.last);
        if (how_.history) o.sequence = stream.last > how_.history ? stream.last - how_.history + 1 : 1;
        WYE_TRY(puller_, e.pull(o, d));
        WYE_TRY(presence_, be_present(e, place_.subject));
        return e.flush(d);
    }

    Result<Sample> next(Deadline d) override {
        if (held_ && !how_.name.empty()) WYE_CHECK(puller_->done(*held_, false, d));
        held_.reset();
        WYE_TRY(held_, next_new(d));
        while (how_.slow == Slow::latest && held_->pending > 0) {
            // More is behind it, and is all that is wanted.
            auto newer = next_new(1s);
            if (!newer) break;
            if (!how_.name.empty()) WYE_CHECK(puller_->done(*held_, false, d));
            held_ = std::move(*newer);
            ++lost_;
        }
        const auto& m = held_->message;
        const auto n = Number::parse(m.header(Number::header));
        return Sample{
            .topic = topic_in(place_.subject, m.subject), .bytes = m.bytes, .sequence = n ? n->n : held_->sequence};
    }
    std::uint64_t lost() const noexcept override { return lost_; }
    int native_handle() noexcept override { return puller_->native_handle(); }

private:
    // Counts what is missing before it.
    Result<engine::Delivery> next_new(Deadline d) {
        for (;;) {
            WYE_TRY(auto got, puller_->next(d));
            const auto is_new = places_.add(got.sequence);
            if (!is_new) {  // its settlement was lost on the way, and it came once more
                if (!how_.name.empty()) WYE_CHECK(puller_->done(got, false, d));
                continue;
            }
            if (whole_)
                lost_ = static_cast<std::uint64_t>(static_cast<std::int64_t>(lost_) + *is_new);
            else if (const auto n = Number::parse(got.message.header(Number::header)))
                lost_ += gaps_.seen(got.message.subject, *n);
            return got;
        }
    }

    Place place_;
    SubscribeOptions how_;
    bool whole_;  // every topic: the stream's own numbers show what is missing
    std::unique_ptr<engine::Puller> puller_;
    std::unique_ptr<engine::Inbox> presence_;
    std::optional<engine::Delivery> held_;
    Gaps gaps_;
    Places places_;
    std::uint64_t lost_ = 0;
};

Result<> can_be(const SubscribeOptions& how) {
    if (how.slow == Slow::block || how.slow == Slow::demote)
        return refuse(
            Errc::unsupported,
            "nats: no publisher waits for a subscriber; with history or a name a stream keeps what it is too slow for");
    if (how.name.find_first_of(". \t*>/\\") != how.name.npos)
        return refuse(Errc::bad_address,
                      "nats: \"" + how.name + "\": a subscription's name is one word, without . * > / \\");
    return {};
}

}  // namespace

Result<std::unique_ptr<Publisher>> publisher(const Uri& uri, const PublishOptions& how, Deadline d) {
    WYE_TRY(auto place, connect(uri, d));
    auto p = std::make_unique<NatsPublisher>(std::move(place), how);
    WYE_CHECK(p->open(how, d));
    return p;
}

Result<std::unique_ptr<Subscriber>> subscriber(const Uri& uri, const SubscribeOptions& how, Deadline d) {
    const bool stream = how.history > 0 || !how.name.empty() || uri.has("stream");
    WYE_CHECK(can_be(how));
    WYE_TRY(auto place, connect(uri, d));
    if (stream) {
        auto s = std::make_unique<StreamSubscriber>(std::move(place), how);
        WYE_CHECK(s->open(d));
        return s;
    }
    auto s = std::make_unique<CoreSubscriber>(std::move(place), how);
    WYE_CHECK(s->open(d));
    return s;
}

}  // namespace wye::carrier::nats
