#include "transport/nats/client/inbox.hpp"

#include "os/event_calls.hpp"

namespace wye::nats {

void Queue::ring() noexcept {
    const std::uint64_t one = 1;
    if (bell_.get() >= 0) (void)sys::write(bell_.get(), &one, sizeof one);
}

void Queue::hush() noexcept {
    std::uint64_t count = 0;
    if (bell_.get() >= 0) (void)sys::read(bell_.get(), &count, sizeof count);
}

void Queue::push(engine::Message m) {
    const std::lock_guard guard(mutex_);
    const bool was_empty = waiting_.empty();
    bytes_ += m.bytes.size();
    waiting_.push_back(std::move(m));
    while (waiting_.size() > 1 && (waiting_.size() > most_ || bytes_ > most_bytes_)) {
        bytes_ -= waiting_.front().bytes.size();
        waiting_.pop_front();
        dropped_.fetch_add(1);
    }
    if (was_empty) ring();
    if (asleep_) came_.notify_one();
}

void Queue::close(const std::string& why) {
    const std::lock_guard guard(mutex_);
    closed_ = true;
    why_ = why;
    ring();
    came_.notify_all();
}

Result<engine::Message> Queue::pop(Deadline d) {
    std::unique_lock lock(mutex_);
    const auto ready = [&] { return !waiting_.empty() || closed_; };
    if (!ready()) {
        if (d.passed()) return wye::fail(Errc::timed_out, "next");
        asleep_ = true;
        const bool came = d.is_never() ? (came_.wait(lock, ready), true) : came_.wait_for(lock, d.left(), ready);
        asleep_ = false;
        if (!came) return wye::fail(Errc::timed_out, "next");
    }
    if (waiting_.empty())
        return refuse(Errc::closed, "nats: the connection was closed: " + (why_.empty() ? "by this process" : why_));
    auto m = std::move(waiting_.front());
    waiting_.pop_front();
    bytes_ -= m.bytes.size();
    if (waiting_.empty() && !closed_) hush();
    return m;
}

std::size_t Queue::size() const {
    const std::lock_guard guard(mutex_);
    return waiting_.size();
}

int Queue::native_handle() noexcept {
    const std::lock_guard guard(mutex_);
    if (bell_.get() < 0) {
        if (const long fd = sys::event_fd(); fd >= 0) bell_ = Fd(static_cast<int>(fd));
        if (!waiting_.empty() || closed_) ring();
    }
    return bell_.get();
}

NatsInbox::NatsInbox(std::shared_ptr<Connection> c, engine::InboxOptions&& o)
    : connection_(std::move(c)), shared_(std::make_shared<Shared>(std::move(o))) {}

Result<std::unique_ptr<NatsInbox>> NatsInbox::open(std::shared_ptr<Connection> c, const std::string& subject,
                                                   engine::InboxOptions o) {
    std::unique_ptr<NatsInbox> in(new NatsInbox(std::move(c), std::move(o)));
    WYE_CHECK(in->hear(subject));
    auto& w = *in->connection_->weather();
    const std::lock_guard guard(w.mutex);
    std::erase_if(w.ends, [](const auto& e) { return e.expired(); });
    w.ends.emplace_back(std::shared_ptr<Ends>(in->shared_, &in->shared_->queue));
    if (w.closed) in->shared_->queue.close(w.why);
    return in;
}

Result<> NatsInbox::hear(const std::string& subject) {
    WYE_CHECK(connection_->usable());
    auto* nc = connection_->get();
    auto closure = std::make_unique<std::shared_ptr<Shared>>(shared_);
    natsSubscription* s = nullptr;
    const auto& group = shared_->options.group;
    auto r = connection_->quietly([&] {
        return group.empty() ? lib().natsConnection_Subscribe(&s, nc, subject.c_str(), arrived, closure.get())
                             : lib().natsConnection_QueueSubscribe(&s, nc, subject.c_str(), group.c_str(), arrived,
                                                                   closure.get());
    });
    if (r != NATS_OK) return fail(r, "subscribe", subject);
    const std::lock_guard guard(shared_->mutex);
    // What waits in libnats is on its way to our queue, which has the limit.
    (void)lib().natsSubscription_SetPendingLimits(s, -1, -1);
    if (r = lib().natsSubscription_SetOnCompleteCB(s, ended, closure.get()); r == NATS_OK) ++shared_->live;
    (void)closure.release();  // ended() deletes it
    subscriptions_.push_back(s);
    return {};
}

void NatsInbox::arrived(natsConnection*, natsSubscription*, natsMsg* m, void* closure) {
    auto& s = **static_cast<std::shared_ptr<Shared>*>(closure);
    auto message = handed_on(m);
    if (s.options.stamps) message.came = Deadline::Clock::now();
    if (!s.options.on_arrival || s.options.on_arrival(message)) s.queue.push(std::move(message));
}

void NatsInbox::ended(void* closure) {
    const std::unique_ptr<std::shared_ptr<Shared>> own(static_cast<std::shared_ptr<Shared>*>(closure));
    const std::lock_guard guard((*own)->mutex);
    --(*own)->live;
    (*own)->changed.notify_all();
}

// libnats 3.4.1 looks a subscription up for a message and locks it afterwards, so that one which is destroyed in
// between is used after it was freed. Drained, the server has said that nothing comes for it any more. One that could
// not be drained stays until the connection is closed.
NatsInbox::~NatsInbox() {
    if (!connection_->ours()) return;
    using namespace std::chrono_literals;
    constexpr int64_t patience = 2000;
    for (auto* s : subscriptions_)
        connection_->quietly([&] { (void)lib().natsSubscription_DrainTimeout(s, patience); });
    {
        std::unique_lock lock(shared_->mutex);
        (void)shared_->changed.wait_for(lock, std::chrono::milliseconds(patience + 200),
                                        [&] { return shared_->live == 0; });
    }
    for (auto* s : subscriptions_)
        if (lib().natsSubscription_DrainCompletionStatus(s) == NATS_OK)
            lib().natsSubscription_Destroy(s);
        else
            connection_->leave(s);
}

Result<engine::Message> NatsInbox::next(Deadline d) {
    if (!connection_->ours()) WYE_CHECK(connection_->wait_up(d));
    return shared_->queue.pop(d);
}

}  // namespace wye::nats
