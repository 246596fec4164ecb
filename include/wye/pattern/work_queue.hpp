#pragma once
#include "wye/pattern/carrier.hpp"
#include "wye/pattern/payload.hpp"

namespace wye {

namespace pattern {
Result<std::unique_ptr<carrier::Producer>> open_producer(std::string_view uri, const QueueOptions&, Deadline);
Result<std::unique_ptr<carrier::Worker>> open_worker(std::string_view uri, const QueueOptions&, Deadline);
}  // namespace pattern

/// Puts jobs into a queue, each to be done by one worker.
///
///     WYE_TRY(auto jobs, wye::Producer<Resize>::open("shm:resize"));
///     WYE_CHECK(jobs.put({.image = 12}));
///
/// At least once: a job whose worker died, or gave it back, or let its lease run out, comes again, and says so. Where
/// the means has no leases (posix-mq:, sysv-mq:) opening is refused unless QueueOptions::at_most_once asks for less.
/// put() waits while the queue is full. Over a network Errc::unknown: repeat it with the same id. Threads: one at a
/// time.
template <Payload T = Bytes>
class Producer {
public:
    [[nodiscard]] static Result<Producer> open(std::string_view uri, const QueueOptions& how = {},
                                               Deadline d = Deadline::never()) {
        WYE_TRY(auto c, pattern::open_producer(uri, how, d));
        return Producer(std::move(c));
    }
    Result<> put(const T& v, Deadline d = Deadline::never()) { return put(v, carrier::Put{}, d); }
    Result<> put(const T& v, const carrier::Put& how, Deadline d = Deadline::never()) {
        return carrier_->put(pattern::to_bytes(v, room_), how, d);
    }
    Result<carrier::Depth> depth() { return carrier_->depth(); }
    std::size_t max_message() const noexcept { return carrier_->max_message(); }

private:
    explicit Producer(std::unique_ptr<carrier::Producer> c) : carrier_(std::move(c)) {}
    std::unique_ptr<carrier::Producer> carrier_;
    std::vector<std::byte> room_;
};

/// A job in this worker's hands. Dropped without done() it goes back. Must not outlive its worker.
template <Payload T>
class TakenJob {
public:
    TakenJob(carrier::Worker& w, const carrier::Job& j, T v)
        : worker_(&w),
          token_(j.token),
          deliveries_(j.deliveries),
          priority_(j.priority),
          place_(j.place),
          value_(std::move(v)) {}
    TakenJob(TakenJob&& o) noexcept
        : worker_(std::exchange(o.worker_, nullptr)),
          token_(o.token_),
          deliveries_(o.deliveries_),
          priority_(o.priority_),
          place_(o.place_),
          value_(std::move(o.value_)) {}
    TakenJob& operator=(TakenJob&& o) noexcept {
        TakenJob old(std::move(*this));
        worker_ = std::exchange(o.worker_, nullptr), token_ = o.token_;
        deliveries_ = o.deliveries_, priority_ = o.priority_, place_ = o.place_;
        value_ = std::move(o.value_);
        return *this;
    }
    ~TakenJob() {
        if (worker_) (void)worker_->give_back(token_, {});
    }
    const T& operator*() const noexcept { return value_; }
    const T* operator->() const noexcept { return &value_; }
    /// How often it was handed out. More than once: somebody may have done it, or half of it, before.
    unsigned deliveries() const noexcept { return deliveries_; }
    unsigned priority() const noexcept { return priority_; }
    /// Where it lies in its queue: the same each time that it is handed out, and no other job's, unless the servers of
    /// a cluster disagree about it (docs/clusters.md). So a program whose jobs must not be done twice keeps it beside
    /// what it did, also where a cluster that lost a server hands a job out again and calls that its first delivery. 0:
    /// the carrier has none, all but nats: have none.
    std::uint64_t place() const noexcept { return place_; }

    [[nodiscard]] Result<> done() && { return std::exchange(worker_, nullptr)->done(token_); }
    /// For another worker, not before `delay` has passed.
    [[nodiscard]] Result<> give_back(std::chrono::milliseconds delay = {}) && {
        return std::exchange(worker_, nullptr)->give_back(token_, delay);
    }
    /// It takes longer: the lease begins anew. Errc::not_found: too late, another has it.
    [[nodiscard]] Result<> extend() { return worker_->extend(token_); }

private:
    carrier::Worker* worker_;
    std::uint64_t token_;
    unsigned deliveries_, priority_;
    std::uint64_t place_;
    T value_;
};

/// Takes jobs; any number of workers share a queue, each as fast as it is.
template <Payload T = Bytes>
class Worker {
public:
    [[nodiscard]] static Result<Worker> open(std::string_view uri, const QueueOptions& how = {},
                                             Deadline d = Deadline::never()) {
        WYE_TRY(auto c, pattern::open_worker(uri, how, d));
        return Worker(std::move(c));
    }
    /// Errc::closed when nothing can come any more. A job that is no T is Errc::mismatch, and becomes a dead letter.
    Result<TakenJob<T>> take(Deadline d = Deadline::never()) { return made(carrier_->take(d)); }
    Result<TakenJob<T>> take_dead(Deadline d = Deadline::now()) { return made(carrier_->take_dead(d)); }
    Result<carrier::Depth> depth() { return carrier_->depth(); }
    int native_handle() noexcept { return carrier_->native_handle(); }

private:
    explicit Worker(std::unique_ptr<carrier::Worker> c) : carrier_(std::move(c)) {}
    Result<TakenJob<T>> made(Result<carrier::Job>&& got) {
        if (!got) return std::unexpected(std::move(got).error());
        using Made = Result<TakenJob<T>>;
        if constexpr (std::same_as<T, Bytes>) return Made(std::in_place, *carrier_, *got, got->bytes);
        auto value = pattern::from_bytes<T>(got->bytes);
        if (!value) {
            (void)carrier_->give_back(got->token, {});
            return std::unexpected(std::move(value).error());
        }
        return Made(std::in_place, *carrier_, *got, std::move(*value));
    }
    std::unique_ptr<carrier::Worker> carrier_;
};

}  // namespace wye
