#pragma once
#include "wye/pattern/carrier.hpp"
#include "wye/pattern/payload.hpp"
#include "wye/pattern/topic.hpp"

#include <optional>

namespace wye {

namespace pattern {
Result<std::unique_ptr<carrier::Publisher>> open_publisher(std::string_view uri, const PublishOptions&, Deadline);
Result<std::unique_ptr<carrier::Subscriber>> open_subscriber(std::string_view uri, const SubscribeOptions&, Deadline);
}  // namespace pattern

/// A structure to be filled where it will be read (shm:), or in a buffer of the carrier. Dropped, it was never there.
template <class T>
class Draft {
public:
    explicit Draft(Loan l) : loan_(std::move(l)) {}
    T& operator*() noexcept { return loan_.as<T>(); }
    T* operator->() noexcept { return &loan_.as<T>(); }
    [[nodiscard]] Result<> publish() && { return std::move(loan_).commit(); }

private:
    Loan loan_;
};

/// Tells all who have subscribed. What carries it is the URI's business: `shm:prices` (nothing to install, one
/// publisher at a time), `unix:/run/prices?listen`, `tcp://127.0.0.1:7000?listen`, `nats://host:4222/prices`.
///
///     WYE_TRY(auto prices, wye::Publisher<Price>::open("shm:prices"));
///     WYE_CHECK(prices.publish({.bid = 1, .ask = 2}, "fx.eur"));
///
/// Not for: knowing that anybody got it (Client), each message for one of many (Producer). What hurts: who subscribes
/// later has missed it, but for `history`; a subscriber that blocks (Slow::block) holds everybody up. Over a network
/// publish() has three outcomes: done, failed, and Errc::unknown, when it was repeated under the same id for as long as
/// the deadline allowed and no answer came. Threads: one at a time. After fork(): open your own.
template <Payload T = Bytes>
class Publisher {
public:
    [[nodiscard]] static Result<Publisher> open(std::string_view uri, const PublishOptions& how = {},
                                                Deadline d = Deadline::never()) {
        WYE_TRY(auto c, pattern::open_publisher(uri, how, d));
        return Publisher(std::move(c));
    }
    /// `id` as carrier::Publisher::publish has it.
    Result<> publish(const T& v, std::string_view topic = {}, Deadline d = Deadline::never(),
                     std::string_view id = {}) {
        return carrier_->publish(topic, pattern::to_bytes(v, room_), id, d);
    }
    Result<Draft<T>> draft(std::string_view topic = {}, Deadline d = Deadline::never())
        requires(Plain<T> && !std::same_as<T, Bytes>)
    {
        WYE_TRY(auto loan, carrier_->loan(topic, sizeof(T), d));
        return Draft<T>(std::move(loan));
    }
    Result<> flush(Deadline d = Deadline::never()) { return carrier_->flush(d); }
    std::size_t max_message() const noexcept { return carrier_->max_message(); }

private:
    explicit Publisher(std::unique_ptr<carrier::Publisher> c) : carrier_(std::move(c)) {}
    std::unique_ptr<carrier::Publisher> carrier_;
    std::vector<std::byte> room_;
};

/// What came. A plain structure is looked at where it lies, and bytes likewise: until the subscriber's next next().
template <Payload T>
class Sample {
public:
    Sample(std::string_view topic, std::uint64_t sequence, const T* there)
        : topic_(topic), sequence_(sequence), there_(there) {}
    Sample(std::string_view topic, std::uint64_t sequence, T own)
        : topic_(topic), sequence_(sequence), own_(std::move(own)) {}
    const T& operator*() const noexcept { return there_ ? *there_ : *own_; }
    const T* operator->() const noexcept { return &**this; }
    std::string_view topic() const noexcept { return topic_; }
    std::uint64_t sequence() const noexcept { return sequence_; }  ///< 0 where the carrier does not count

private:
    std::string_view topic_;
    std::uint64_t sequence_;
    const T* there_ = nullptr;
    std::optional<T> own_;
};

/// Hears a publisher, from now on or from `history` messages back, of the topics that its filter means.
template <Payload T = Bytes>
class Subscriber {
public:
    [[nodiscard]] static Result<Subscriber> open(std::string_view uri, const SubscribeOptions& how = {},
                                                 Deadline d = Deadline::never()) {
        WYE_TRY(auto c, pattern::open_subscriber(uri, how, d));
        return Subscriber(std::move(c));
    }
    /// A publisher that goes is no error: the next one is heard when it comes. Errc::closed when none can come any
    /// more; Errc::mismatch for what is no T: it is passed over.
    Result<Sample<T>> next(Deadline d = Deadline::never()) {
        // Made where the caller wants it: what is copied right after it was written costs more than all the rest.
        using Made = Result<Sample<T>>;
        WYE_TRY(const auto& got, carrier_->next(d));
        if constexpr (Plain<T> && !std::same_as<T, Bytes> && !Serialised<T>)
            if (const auto* there = pattern::in_place<T>(got.bytes))
                return Made(std::in_place, got.topic, got.sequence, there);
        if constexpr (std::same_as<T, Bytes>) return Made(std::in_place, got.topic, got.sequence, got.bytes);
        WYE_TRY(auto&& own, pattern::from_bytes<T>(got.bytes));
        return Made(std::in_place, got.topic, got.sequence, std::move(own));
    }
    /// Messages lost to slowness, exactly, whatever their topic.
    std::uint64_t lost() const noexcept { return carrier_->lost(); }
    /// For poll(2): readable when next() may find something.
    int native_handle() noexcept { return carrier_->native_handle(); }

private:
    explicit Subscriber(std::unique_ptr<carrier::Subscriber> c) : carrier_(std::move(c)) {}
    std::unique_ptr<carrier::Subscriber> carrier_;
};

}  // namespace wye
