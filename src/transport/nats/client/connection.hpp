// One connection of libnats, and what is known of it while its threads come and go.
#pragma once
#include "wye/transport/nats.hpp"

#include "transport/nats/client/library.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>

namespace wye::nats {

/// Who must hear of it.
struct Ends {
    virtual void close(const std::string& why) = 0;
    virtual void returned() = 0;  ///< the connection is up again, perhaps to another server

protected:
    ~Ends() = default;
};

/// What libnats' threads tell us. Shared with them: libnats calls back after the connection is gone.
struct Weather {
    NatsOptions options;
    std::mutex mutex;
    std::condition_variable changed;
    std::atomic<bool> up{true};  // written under the mutex
    std::atomic<std::size_t> max_payload{0};
    bool closed = false;
    std::string why;                        // it was closed
    std::atomic<std::uint64_t> breaks{0};   // how often it broke
    std::vector<std::weak_ptr<Ends>> ends;  // called under the mutex
};

class Connection {
public:
    static Result<std::shared_ptr<Connection>> open(const std::vector<HostPort>&, const NatsOptions&, Deadline);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    natsConnection* get() const noexcept { return connection_; }
    const std::shared_ptr<Weather>& weather() const noexcept { return weather_; }
    bool ours() const noexcept { return generation_ == *sys::fork_generation_word(); }
    /// Errc::unsupported in a forked child, Errc::closed.
    Result<> usable();
    /// Likewise; waits for a server while there is none.
    Result<> wait_up(Deadline);
    /// True when a break has been seen since `breaks` was read.
    bool broke_since(std::uint64_t breaks) const noexcept { return weather_->breaks.load() != breaks; }

    /// A subscription that cannot be destroyed while the connection lives.
    void leave(natsSubscription*);

    Result<> publish(const engine::Outgoing&, Deadline);
    Result<> flush(Deadline);
    Result<Msg> request(const engine::Outgoing&, Deadline);
    /// TLS writes by write(2), which raises SIGPIPE.
    template <class F>
    auto quietly(F&& call) {
        if (!weather_->options.tls) return call();
        const sys::NoSigpipe quiet;
        return call();
    }

private:
    Connection() = default;
    Result<> check_size(const engine::Outgoing&) const;
    natsConnection* connection_ = nullptr;
    std::shared_ptr<Weather> weather_;
    std::uint64_t generation_ = sys::fork_generation();
    std::mutex mutex_;
    std::vector<natsSubscription*> left_;
    std::atomic<std::uint64_t> settled_breaks_{0};  // of flush(): what broke before is told already
    std::atomic<bool> unflushed_{false};
};

/// With a zero behind it, as libnats wants it.
class Terminated {
public:
    explicit Terminated(std::string_view s) {
        char* to = room_;
        if (s.size() >= sizeof room_) long_.assign(s), to = long_.data();
        if (to == room_) s.copy(room_, s.size()), room_[s.size()] = 0;
        text_ = to;
    }
    Terminated(const Terminated&) = delete;
    Terminated& operator=(const Terminated&) = delete;
    const char* get() const noexcept { return text_; }

private:
    char room_[128];
    std::string long_;
    const char* text_;
};

/// A message of libnats with these headers.
Result<Msg> message_of(const engine::Outgoing&);
/// Errc::bad_address for a name or a value that would end its line.
Result<> check_headers(std::span<const engine::Header>);

/// Handed on as ours.
engine::Message handed_on(natsMsg*);

}  // namespace wye::nats
