// A work queue over a queue ring: leases are proved by life, so there is nothing to extend.
#include "wye/registry/open.hpp"

#include "pattern/held.hpp"
#include "pattern/shm.hpp"

namespace wye::carrier {
namespace {

std::uint64_t fact(const Inspection::Facts& facts, std::string_view name) {
    for (const auto& [key, value] : facts)
        if (const auto* n = std::get_if<std::uint64_t>(&value); n && key == name) return *n;
    return 0;
}

Result<Depth> depth_of(const std::string& uri) {
    WYE_TRY(const auto seen, inspect(uri));
    Depth d{.waiting = fact(seen.facts, "waiting") + fact(seen.facts, "returned"),
            .dead = fact(seen.facts, "poisoned")};
    for (const auto& p : seen.parts) d.in_hand += fact(p.facts, "leases");
    return d;
}

struct Jobs final : Producer {
    ShmProducer producer;
    std::string uri;

    Jobs(ShmProducer p, const Uri& u) : producer(std::move(p)), uri("shm:" + std::string(u.address())) {}
    Result<> put(Bytes b, const Put& how, Deadline d) override {
        if (how.priority != 0) return refuse(Errc::unsupported, uri + ": has no priorities; posix-mq: and unix: have");
        return producer.send(b, d);
    }
    Result<Depth> depth() override { return depth_of(uri); }
    std::size_t max_message() const noexcept override { return producer.max_message(); }
};

struct Hands final : Worker {
    ShmWorker worker;
    std::string uri;
    Held<ShmJob> held;  // after `worker`: they go back while it is there

    Hands(ShmWorker w, const Uri& u) : worker(std::move(w)), uri("shm:" + std::string(u.address())) {}
    Result<Job> keep(ShmJob&& job) {
        const auto bytes = job.bytes();
        const auto deliveries = job.deliveries();
        return Job{.bytes = bytes, .deliveries = deliveries, .token = held.add(std::move(job))};
    }
    Result<Job> take(Deadline d) override {
        WYE_TRY(auto&& job, worker.take(d));
        return keep(std::move(job));
    }
    Result<> done(std::uint64_t token) override {
        auto* job = held.find(token);
        if (!job) return fail(Errc::not_found, "done");
        std::move(*job).done();
        held.drop(token);
        return {};
    }
    Result<> extend(std::uint64_t token) override {
        return held.find(token) ? Result<>() : fail(Errc::not_found, "extend");
    }
    Result<> give_back(std::uint64_t token, std::chrono::milliseconds delay) override {
        if (delay.count() > 0)
            return refuse(Errc::unsupported, uri + ": a job goes back at once; a delay needs unix: or nats:");
        return held.take(token) ? Result<>() : fail(Errc::not_found, "give_back");
    }
    Result<Job> take_dead(Deadline) override {
        WYE_TRY(auto job, worker.take_poisoned());
        return keep(std::move(job));
    }
    Result<Depth> depth() override { return depth_of(uri); }
    int native_handle() noexcept override { return worker.native_handle(); }
};

Result<ShmOptions> options(const Uri& uri, const QueueOptions& how) {
    if (how.durability != Durability::none)
        return refuse(Errc::unsupported,
                      std::string(uri.text()) + ": what is in memory does not survive the machine; nats: keeps more");
    WYE_TRY(auto o, shm_options(uri, ring::Shape::queue, how.create, how.depth == 0 ? std::size_t{64} << 10 : how.depth,
                                how.max_message));
    o.made.most_deliveries = how.most_deliveries;
    return o;
}

}  // namespace

Result<std::unique_ptr<Producer>> open_shm_producer(const Uri& uri, const QueueOptions& how, Deadline) {
    WYE_TRY(const auto o, options(uri, how));
    WYE_TRY(auto producer, ShmProducer::open(std::string(uri.address()), o));
    return std::make_unique<Jobs>(std::move(producer), uri);
}

Result<std::unique_ptr<Worker>> open_shm_worker(const Uri& uri, const QueueOptions& how, Deadline) {
    WYE_TRY(const auto o, options(uri, how));
    WYE_TRY(auto worker, ShmWorker::open(std::string(uri.address()), o));
    return std::make_unique<Hands>(std::move(worker), uri);
}

}  // namespace wye::carrier
