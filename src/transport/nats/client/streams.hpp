// JetStream: streams and what is kept in them.
#pragma once
#include "transport/nats/client/connection.hpp"

#include <map>

namespace wye::nats {

class Streams {
public:
    Streams(std::shared_ptr<Connection> c, const engine::Report& r) : connection_(std::move(c)), report_(r) {}
    ~Streams();
    Streams(const Streams&) = delete;
    Streams& operator=(const Streams&) = delete;

    Result<engine::Stream> ensure(const engine::StreamOptions&, Deadline);
    Result<engine::Stream> look(const std::string& name, Deadline);
    /// Errc::corrupt when it is gone or another one; whatever else cannot be told now is no error.
    Result<> verify(const engine::Stream&, Deadline = std::chrono::seconds(1));
    Result<engine::Receipt> store(const engine::Stream&, const engine::Outgoing&, std::string_view id, Deadline);

    /// Whether a stream's leader has lost this message by the deadline, as it does when most servers have noted that it
    /// is done.
    Result<bool> let_go(const engine::Stream&, std::uint64_t sequence, Deadline);

    /// Null, and why, where there are no streams.
    Result<jsCtx*> context();
    Connection& connection() noexcept { return *connection_; }
    const std::shared_ptr<Connection>& shared() const noexcept { return connection_; }

private:
    struct Attempt;
    Result<engine::Stream> add(const engine::StreamOptions&, Deadline);
    std::shared_ptr<Connection> connection_;
    const engine::Report& report_;
    std::mutex mutex_;
    jsCtx* context_ = nullptr;
    std::map<std::string, std::uint64_t, std::less<>> newest_;  // sequences that streams have acknowledged to us
};

/// Calls the server's interface again and again while a cluster has no leader for it. `call(options, code)` answers a
/// natsStatus.
template <class F>
Result<> ask_server(Streams& s, const char* op, std::string_view name, Deadline d, jsErrCode& code, F&& call);

/// Whether the server said so only for now.
bool passes(natsStatus, jsErrCode) noexcept;

template <class F>
Result<> ask_server(Streams& streams, const char* op, std::string_view name, Deadline d, jsErrCode& code, F&& call) {
    for (;;) {
        WYE_CHECK(streams.connection().wait_up(d));
        jsOptions o;
        lib().jsOptions_Init(&o);
        o.Wait = d.is_never() ? 2000 : std::clamp<int64_t>(milliseconds_of(d.left()), 1, 2000);
        code = static_cast<jsErrCode>(0);
        const auto s = streams.connection().quietly([&] { return call(o, code); });
        if (s == NATS_OK) return {};
        if (!passes(s, code) || d.passed()) return fail(s, op, name);
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
}

}  // namespace wye::nats
