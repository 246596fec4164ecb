// Taking from a stream, by requests of our own: the client library's fetch writes beyond its list when answers of an
// earlier, timed-out one are still waiting (3.4.1; mended in 3.9.0).
#pragma once
#include "transport/nats/client/inbox.hpp"
#include "transport/nats/client/streams.hpp"

#include <optional>

namespace wye::nats {

class NatsPuller final : public engine::Puller {
public:
    static Result<std::unique_ptr<NatsPuller>> open(Streams&, const engine::PullerOptions&, Deadline);
    ~NatsPuller() override;
    Result<engine::Delivery> next(Deadline) override;
    Result<> done(const engine::Delivery&, bool sure, Deadline) override;
    Result<> extend(const engine::Delivery&, Deadline) override;
    Result<> give_back(const engine::Delivery&, std::chrono::milliseconds delay) override;
    Result<> give_up(const engine::Delivery&) override;
    Result<engine::Depth> depth(Deadline) override;
    std::chrono::milliseconds lease() const noexcept override { return options_.lease; }
    int native_handle() noexcept override;

private:
    NatsPuller(Streams& s, const engine::PullerOptions& o) : streams_(s), options_(o) {}
    Result<> make_consumer(Deadline);
    Result<> look_after(Deadline);
    bool due() const noexcept;
    Result<> begin_anew(Deadline);
    Result<> ask(Deadline);
    Result<std::optional<engine::Delivery>> take(engine::Message);
    Result<> settle(const engine::Delivery&, std::string_view what, bool sure, Deadline);

    Streams& streams_;
    engine::PullerOptions options_;
    std::string consumer_, subject_;  // of the pull requests
    std::string answers_;             // the inbox, without the number of the request
    std::unique_ptr<NatsInbox> inbox_;
    std::uint64_t asked_ = 0;   // number of the last request
    std::uint64_t owed_ = 0;    // messages that it may still bring
    std::uint64_t last_ = 0;    // sequence of the last message
    std::uint64_t count_ = 0;   // the last of the consumer's own numbers
    std::uint64_t breaks_ = 0;  // of the connection, when we asked
    Deadline::Clock::time_point until_{}, looked_{};
    bool polled_ = false, doubt_ = false;
};

}  // namespace wye::nats
