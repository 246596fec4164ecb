// A work queue over NATS: a stream that keeps each job until a worker has done it, and another one for dead letters.
#include "wye/base/text.hpp"

#include "os/fork.hpp"
#include "pattern/nats.hpp"

#include <map>
#include <thread>

namespace wye::carrier::nats {
namespace {

using namespace std::chrono_literals;
using Clock = Deadline::Clock;

constexpr const char* deliveries_header = "Wye-Deliveries";

// Both ends: the streams, and how many lie where.
class Queue {
public:
    Queue(Place p, const QueueOptions& how) : place_(std::move(p)), how_(how) {}

    Result<> open(const Uri& uri, Deadline d) {
        const auto& name = place_.subject;
        if (name.find_first_of("./\\") != name.npos)
            return uri.refuse("a queue's name is one word, without . / \\", "nats://127.0.0.1:4222/jobs");
        subject_ = "wye.queue." + name;
        dead_subject_ = "wye.dead." + name;
        engine::StreamOptions o{.name = place_.stream.empty() ? "wye_" + name : place_.stream,
                                .subjects = {subject_},
                                .retention = engine::Retention::work,
                                .create = how_.create,
                                .max_bytes = how_.depth,
                                .replicas = place_.replicas,
                                .durability = std::max(how_.durability, Durability::process)};
        WYE_TRY(stream_, place_.engine->ensure_stream(o, d));
        o.name += "_dead";
        o.subjects = {dead_subject_};
        o.max_bytes = 0;
        o.replicas = stream_.replicas;
        if (o.create == Create::exclusive) o.create = Create::if_missing;
        WYE_TRY(dead_, place_.engine->ensure_stream(o, d));
        return {};
    }

    // The workers' one memory of who has what; made by whoever comes first.
    Result<engine::Puller*> jobs(Deadline d) {
        if (!jobs_) {
            const auto most = how_.most_deliveries;
            // Beyond what we hand out, so that a worker can bury it; and not for ever, if none does.
            WYE_TRY(jobs_, place_.engine->pull({.stream = stream_,
                                                .durable = "workers",
                                                .lease = how_.lease,
                                                .most_deliveries = most ? most + 16 : 0},
                                               d));
        }
        return jobs_.get();
    }
    Result<Depth> depth() {
        WYE_TRY(auto* const jobs, this->jobs(10s));
        WYE_TRY(const auto now, jobs->depth(10s));
        WYE_TRY(const auto dead, place_.engine->stream(dead_.name, 10s));
        return Depth{.waiting = now.waiting, .in_hand = now.in_hand, .dead = dead.messages};
    }

protected:
    Place place_;
    QueueOptions how_;
    std::string subject_, dead_subject_;
    engine::Stream stream_, dead_;
    std::unique_ptr<engine::Puller> jobs_;
};

class NatsProducer final : public Producer, public Queue {
public:
    using Queue::Queue;
    Result<> put(Bytes b, const Put& how, Deadline d) override {
        if (how.priority != 0)
            return refuse(Errc::unsupported,
                          "nats: a stream hands out in its order and has no priorities; use a queue for each");
        WYE_CHECK(fits(b, max_message()));
        WYE_TRY(const auto id, message_id(how.id, mark_ + std::to_string(++count_)));
        for (auto begun = Clock::now();; begun = Clock::now()) {
            const auto r = place_.engine->store(stream_, {.subject = subject_, .bytes = b}, id, d);
            if (r) return {};
            if (!r.error().is(Errc::exhausted)) return std::unexpected(r.error());
            // Full: until workers have done some. Now we know that it is not there; asked again too late for an answer
            // we would not.
            const auto answer = std::max<Clock::duration>(15ms, 4 * (Clock::now() - begun));
            if (!d.is_never() && d.left() < 10ms + answer) std::this_thread::sleep_for(d.left());
            if (d.passed()) return refuse(Errc::timed_out, r.error().message() + ", and stayed so until the deadline");
            std::this_thread::sleep_for(d.is_never() ? 10ms : std::min<std::chrono::nanoseconds>(10ms, d.left()));
        }
    }
    Result<Depth> depth() override { return Queue::depth(); }
    std::size_t max_message() const noexcept override { return room(*place_.engine, how_.max_message); }

private:
    std::string mark_ = std::to_string(sys::unique_mark()) + ".";
    std::uint64_t count_ = 0;
};

class NatsWorker final : public Worker, public Queue {
public:
    using Queue::Queue;
    ~NatsWorker() override {
        for (auto& [token, job] : in_hand_) (void)job.from->give_back(job.delivery, {});
    }

    Result<Job> take(Deadline d) override {
        WYE_TRY(auto* const jobs, this->jobs(d));
        for (;;) {
            WYE_TRY(auto got, jobs->next(d));
            if (!worn_out(got.deliveries)) return hold(*jobs, std::move(got), false);
            WYE_CHECK(bury(got));
        }
    }

    Result<Job> take_dead(Deadline d) override {
        if (!letters_) {
            WYE_TRY(letters_, place_.engine->pull({.stream = dead_, .durable = "readers", .lease = how_.lease},
                                                  d.is_now() ? Deadline(5s) : d));
        }
        WYE_TRY(auto got, letters_->next(d));
        return hold(*letters_, std::move(got), true);
    }

    Result<> done(std::uint64_t token) override {
        WYE_TRY(const auto job, release(token));
        return job.from->done(job.delivery, true, Deadline::at(job.until).sooner(10s));
    }
    Result<> extend(std::uint64_t token) override {
        const auto at = in_hand_.find(token);
        if (at == in_hand_.end()) return ran_out();
        if (Clock::now() >= at->second.until) {
            in_hand_.erase(at);
            return ran_out();
        }
        const auto from = Clock::now();
        WYE_CHECK(at->second.from->extend(at->second.delivery, Deadline::at(at->second.until)));
        at->second.until = from + at->second.from->lease();
        return {};
    }
    Result<> give_back(std::uint64_t token, std::chrono::milliseconds delay) override {
        WYE_TRY(const auto job, release(token));
        if (!job.dead && worn_out(job.delivery.deliveries + 1)) return bury(job.delivery);
        return job.from->give_back(job.delivery, delay);
    }
    Result<Depth> depth() override { return Queue::depth(); }
    int native_handle() noexcept override {
        const auto jobs = this->jobs(5s);
        return jobs ? (*jobs)->native_handle() : -1;
    }

private:
    struct InHand {
        engine::Puller* from;
        engine::Delivery delivery;
        Clock::time_point until;
        bool dead;
    };

    bool worn_out(unsigned deliveries) const noexcept {
        return how_.most_deliveries != 0 && deliveries > how_.most_deliveries;
    }
    static std::unexpected<Error> ran_out() {
        return refuse(Errc::not_found,
                      "nats: the lease of this job ran out, and another worker may have it; extend() it in time, or "
                      "open the queue with a longer lease");
    }

    Job hold(engine::Puller& from, engine::Delivery got, bool dead) {
        const auto token = ++tokens_;
        auto& j =
            in_hand_.emplace(token, InHand{&from, std::move(got), Clock::now() + from.lease(), dead}).first->second;
        unsigned deliveries = j.delivery.deliveries;
        if (dead)
            if (const auto said = parse_number(j.delivery.message.header(deliveries_header)))
                deliveries = static_cast<unsigned>(std::min<std::uint64_t>(*said, 1'000'000));
        return {
            .bytes = j.delivery.message.bytes, .deliveries = deliveries, .token = token, .place = j.delivery.sequence};
    }

    Result<InHand> release(std::uint64_t token) {
        const auto at = in_hand_.find(token);
        if (at == in_hand_.end()) return ran_out();
        auto job = std::move(at->second);
        in_hand_.erase(at);
        if (Clock::now() >= job.until) return ran_out();
        return job;
    }

    // First kept there, then done here: a worker that dies between leaves it to another, and the id keeps it one.
    Result<> bury(const engine::Delivery& job) {
        const auto count = std::to_string(how_.most_deliveries);
        const engine::Header headers[] = {{deliveries_header, count}};
        const auto id = std::to_string(stream_.created) + "." + std::to_string(job.sequence);
        WYE_CHECK(place_.engine->store(
            dead_, {.subject = dead_subject_, .bytes = job.message.bytes, .headers = headers}, id, 10s));
        return jobs_->done(job, true, 10s);
    }

    std::unique_ptr<engine::Puller> letters_;
    std::map<std::uint64_t, InHand> in_hand_;
    std::uint64_t tokens_ = 0;
};

template <class Role, class Base>
Result<std::unique_ptr<Base>> made(const Uri& uri, const QueueOptions& how, Deadline d) {
    WYE_TRY(auto place, connect(uri, d));
    auto q = std::make_unique<Role>(std::move(place), how);
    WYE_CHECK(q->open(uri, d));
    return q;
}

}  // namespace

Result<std::unique_ptr<Producer>> producer(const Uri& uri, const QueueOptions& how, Deadline d) {
    return made<NatsProducer, Producer>(uri, how, d);
}
Result<std::unique_ptr<Worker>> worker(const Uri& uri, const QueueOptions& how, Deadline d) {
    return made<NatsWorker, Worker>(uri, how, d);
}

}  // namespace wye::carrier::nats
