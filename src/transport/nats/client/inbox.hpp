// Subscriptions: what libnats' thread brings waits here until it is asked for.
#pragma once
#include "wye/os/fd.hpp"

#include "transport/nats/client/connection.hpp"

#include <deque>

namespace wye::nats {

/// Between two threads. Its descriptor, made when it is first asked for, is readable while anything waits.
class Queue final : public Ends {
public:
    Queue(std::size_t most, std::size_t most_bytes) : most_(most), most_bytes_(most_bytes) {}
    void push(engine::Message);  ///< drops the oldest when it is full
    void close(const std::string& why) override;
    void returned() override { push({}); }  // who waits for what it asked for asks again
    Result<engine::Message> pop(Deadline);
    std::uint64_t dropped() const noexcept { return dropped_.load(); }
    std::size_t size() const;
    int native_handle() noexcept;

private:
    void ring() noexcept;
    void hush() noexcept;
    mutable std::mutex mutex_;
    std::condition_variable came_;
    std::deque<engine::Message> waiting_;
    std::size_t bytes_ = 0, most_, most_bytes_;
    std::atomic<std::uint64_t> dropped_{0};
    bool closed_ = false, asleep_ = false;
    std::string why_;
    Fd bell_;
};

class NatsInbox final : public engine::Inbox {
public:
    static Result<std::unique_ptr<NatsInbox>> open(std::shared_ptr<Connection>, const std::string& subject,
                                                   engine::InboxOptions);
    ~NatsInbox() override;
    Result<> hear(const std::string& subject) override;
    Result<engine::Message> next(Deadline) override;
    std::uint64_t dropped() const noexcept override { return shared_->queue.dropped(); }
    int native_handle() noexcept override { return shared_->queue.native_handle(); }
    std::size_t waiting() const { return shared_->queue.size(); }

private:
    // What a subscription of libnats points at, for as long as it may call.
    struct Shared {
        explicit Shared(engine::InboxOptions&& o) : options(std::move(o)), queue(options.most, options.most_bytes) {}
        engine::InboxOptions options;
        Queue queue;
        std::mutex mutex;
        std::condition_variable changed;
        unsigned live = 0;  // subscriptions that may call
    };
    explicit NatsInbox(std::shared_ptr<Connection> c, engine::InboxOptions&& o);
    static void arrived(natsConnection*, natsSubscription*, natsMsg*, void*);
    static void ended(void*);
    std::shared_ptr<Connection> connection_;
    std::shared_ptr<Shared> shared_;
    std::vector<natsSubscription*> subscriptions_;
};

}  // namespace wye::nats
