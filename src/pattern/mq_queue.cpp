// A work queue over the kernel's message queues: with priorities, and without leases. What was taken is gone from the
// queue, so a worker that dies has lost its job; whoever opens it says that this will do.
#include "wye/transport/posix_mq.hpp"
#include "wye/transport/sysv_mq.hpp"

#include "pattern/held.hpp"
#include "pattern/mq.hpp"

namespace wye::carrier {
namespace {

// A priority as each kind has it: the highest first of one, the lowest type first of the other.
constexpr unsigned most_sysv = 32767;
Meta sent_with(const PosixMq&, unsigned priority) { return {.priority = priority}; }
Meta sent_with(const SysvMq&, unsigned priority) { return {.type = static_cast<long>(most_sysv - priority) + 1}; }
Meta asked_for(const PosixMq&) { return {}; }
Meta asked_for(const SysvMq&) { return {.type = -static_cast<long>(most_sysv) - 1}; }
unsigned came_with(const PosixMq&, const Meta& m) { return m.priority; }
unsigned came_with(const SysvMq&, const Meta& m) { return most_sysv + 1 - static_cast<unsigned>(m.type); }

Result<std::uint64_t> waiting(const PosixMq& q) {
    WYE_TRY(const auto n, q.messages());
    return n;
}
Result<std::uint64_t> waiting(const SysvMq& q) {
    WYE_TRY(const auto s, q.stat());
    return s.messages;
}
int handle_of(const PosixMq& q) { return q.native_handle(); }
int handle_of(const SysvMq&) { return -1; }

template <class Queue>
struct Jobs final : Producer {
    Queue queue;
    explicit Jobs(Queue q) : queue(std::move(q)) {}
    Result<> put(Bytes b, const Put& how, Deadline d) override {
        if (how.priority > most_sysv) return refuse(Errc::unsupported, "a priority is from 0 to 32767");
        return queue.send(b, sent_with(queue, how.priority), d);
    }
    Result<Depth> depth() override {
        WYE_TRY(const auto n, waiting(queue));
        return Depth{.waiting = n};
    }
    std::size_t max_message() const noexcept override { return queue.max_message(); }
};

template <class Queue>
struct Hands final : Worker {
    struct Taken {
        std::vector<std::byte> bytes;
        unsigned priority;
    };
    Queue queue;
    Held<Taken> held;
    explicit Hands(Queue q) : queue(std::move(q)) {}

    Result<Job> take(Deadline d) override {
        auto meta = asked_for(queue);
        WYE_TRY(const auto got, queue.recv_view(meta, d));
        const auto token = held.add({{got.begin(), got.end()}, came_with(queue, meta)});
        const auto& job = *held.find(token);
        return Job{.bytes = job.bytes, .priority = job.priority, .token = token};
    }
    Result<> done(std::uint64_t token) override {
        return held.take(token) ? Result<>() : fail(Errc::not_found, "done");
    }
    Result<> extend(std::uint64_t token) override {
        return held.find(token) ? Result<>() : fail(Errc::not_found, "extend");
    }
    // Behind those that came meanwhile. It stays in hand where the queue is full: to wait might be for ourselves.
    Result<> give_back(std::uint64_t token, std::chrono::milliseconds delay) override {
        if (delay.count() > 0)
            return refuse(Errc::unsupported, "a job goes back at once; a delay needs unix: or nats:");
        const auto* job = held.find(token);
        if (!job) return fail(Errc::not_found, "give_back");
        WYE_CHECK(queue.send(job->bytes, sent_with(queue, job->priority), Deadline::now()));
        (void)held.take(token);
        return {};
    }
    Result<Job> take_dead(Deadline) override {
        return refuse(Errc::unsupported, "the kernel's queues set nothing aside; shm:, unix: and nats: do");
    }
    Result<Depth> depth() override {
        WYE_TRY(const auto n, waiting(queue));
        return Depth{.waiting = n, .in_hand = held.size()};
    }
    int native_handle() noexcept override { return handle_of(queue); }
    ~Hands() override {
        for (std::uint64_t token = 0; held.size() > 0 && token < 4096; ++token) (void)give_back(token, {});
    }
};

Result<> check(const Uri& uri, const QueueOptions& how) {
    const auto text = std::string(uri.text());
    if (!how.at_most_once)
        return refuse(Errc::unsupported,
                      text +
                          ": a worker that dies loses its job here; ask for at_most_once (--at-most-once), "
                          "or take shm:, unix: or nats:");
    if (how.durability != Durability::none)
        return refuse(Errc::unsupported, text + ": does not survive the machine; nats: keeps more");
    return {};
}

template <class Queue>
Result<Queue> open(const Uri& uri, const QueueOptions& how, Mode mode) {
    WYE_CHECK(check(uri, how));
    return Queue::open_uri(uri, {.mode = mode, .create = how.create, .permissions = how.permissions});
}

template <class Queue>
Result<std::unique_ptr<Producer>> open_producer(const Uri& uri, const QueueOptions& how, Deadline) {
    WYE_TRY(auto q, open<Queue>(uri, how, Mode::write));
    return std::make_unique<Jobs<Queue>>(std::move(q));
}
template <class Queue>
Result<std::unique_ptr<Worker>> open_worker(const Uri& uri, const QueueOptions& how, Deadline) {
    WYE_TRY(auto q, open<Queue>(uri, how, Mode::both));  // both: a job may go back
    return std::make_unique<Hands<Queue>>(std::move(q));
}

template <class Queue>
Carrier carrier_of(const Mechanism& m) {
    return {.scheme = m.traits.scheme,
            .example = m.example,
            .params = m.params,
            .fragment = m.fragment,
            .able = {.priorities = true},
            .producer = open_producer<Queue>,
            .worker = open_worker<Queue>,
            .why_not = "each message goes to one reader, and nothing leads back to who sent it"};
}

}  // namespace

const Carrier& posix_mq_carrier() {
    static const Carrier c = carrier_of<PosixMq>(posix_mq_mechanism);
    return c;
}
const Carrier& sysv_mq_carrier() {
    static const Carrier c = carrier_of<SysvMq>(sysv_mq_mechanism);
    return c;
}

}  // namespace wye::carrier
