#include "transport/nats/client/connection.hpp"

#include "transport/nats/client/credentials.hpp"

namespace wye::nats {
namespace {

using Shared = std::shared_ptr<Weather>;

Weather& weather_of(void* closure) noexcept { return **static_cast<Shared*>(closure); }

void on_break(natsConnection*, void* closure) {
    auto& w = weather_of(closure);
    const std::lock_guard guard(w.mutex);
    w.up = false;
    w.breaks.fetch_add(1);
    w.changed.notify_all();
}

void on_return(natsConnection* nc, void* closure) {
    auto& w = weather_of(closure);
    const std::lock_guard guard(w.mutex);
    w.max_payload = static_cast<std::size_t>(lib().natsConnection_GetMaxPayload(nc));
    w.up = true;
    for (const auto& e : w.ends)
        if (const auto s = e.lock()) s->returned();
    w.changed.notify_all();
}

// The last call of all: what libnats had of ours is given back.
void on_closed(natsConnection* nc, void* closure) {
    const std::unique_ptr<Shared> own(static_cast<Shared*>(closure));
    auto& w = **own;
    const char* last = nullptr;
    (void)lib().natsConnection_GetLastError(nc, &last);
    const std::lock_guard guard(w.mutex);
    w.up = false, w.closed = true;
    w.breaks.fetch_add(1);
    w.why = last ? last : "";
    for (const auto& e : w.ends)
        if (const auto s = e.lock()) s->close(w.why);
    w.changed.notify_all();
}

// Without a handler libnats prints to standard error. What matters of these is counted where it happens.
void on_error(natsConnection*, natsSubscription*, natsStatus, void*) {}

natsStatus set_tls(natsOptions* o, const NatsOptions& how) {
    auto s = lib().natsOptions_SetSecure(o, true);
    if (s == NATS_OK && !how.ca.empty()) s = lib().natsOptions_LoadCATrustedCertificates(o, how.ca.c_str());
    if (s == NATS_OK && !how.cert.empty())
        s = lib().natsOptions_LoadCertificatesChain(o, how.cert.c_str(), how.key.c_str());
    return s;
}

// Whatever the servers of a cluster say of each other: without TLS we stay with those that were named, for a password
// must not be sent to another host in the clear.
natsStatus set_all(natsOptions* o, const std::vector<HostPort>& servers, const NatsOptions& how, Deadline d) {
    std::vector<std::string> urls;
    for (const auto& s : servers)
        urls.push_back("nats://" + (s.host.find(':') == s.host.npos ? s.host : "[" + s.host + "]") + ":" + s.port);
    std::vector<const char*> names;
    for (const auto& u : urls) names.push_back(u.c_str());
    const auto dead = std::max<int64_t>(how.dead_after.count(), 300);
    const auto wait = d.is_never() ? 2000 : std::clamp<int64_t>(milliseconds_of(d.left()), 1, 2000);
    const natsStatus all[] = {
        lib().natsOptions_SetServers(o, names.data(), static_cast<int>(names.size())),
        lib().natsOptions_SetTimeout(o, wait),
        lib().natsOptions_SetName(o, "wye"),
        lib().natsOptions_SetAllowReconnect(o, true),
        lib().natsOptions_SetMaxReconnect(o, -1),
        lib().natsOptions_SetReconnectWait(o, 100),
        lib().natsOptions_SetReconnectJitter(o, 100, 300),
        lib().natsOptions_SetPingInterval(o, dead / 3),
        lib().natsOptions_SetMaxPingsOut(o, 2),
        lib().natsOptions_SetFailRequestsOnDisconnect(o, true),
        lib().natsOptions_SetIgnoreDiscoveredServers(o, !how.tls && !how.plaintext),
        lib().natsOptions_SetNoEcho(o, !how.own_echo),
        lib().natsOptions_SetSendAsap(o, how.asap),
        lib().natsOptions_UseGlobalMessageDelivery(o, true),
        how.tls ? set_tls(o, how) : NATS_OK,
    };
    for (const auto s : all)
        if (s != NATS_OK) return s;
    return NATS_OK;
}

natsStatus set_callbacks(natsOptions* o, Shared* closure) {
    auto s = lib().natsOptions_SetDisconnectedCB(o, on_break, closure);
    if (s == NATS_OK) s = lib().natsOptions_SetReconnectedCB(o, on_return, closure);
    if (s == NATS_OK) s = lib().natsOptions_SetClosedCB(o, on_closed, closure);
    if (s == NATS_OK) s = lib().natsOptions_SetErrorHandler(o, on_error, nullptr);
    return s;
}

}  // namespace

Result<std::shared_ptr<Connection>> Connection::open(const std::vector<HostPort>& servers, const NatsOptions& how,
                                                     Deadline d) {
    WYE_CHECK(open_library());
    natsOptions* made = nullptr;
    if (const auto s = lib().natsOptions_Create(&made); s != NATS_OK) return fail(s, "natsOptions_Create");
    const Options options(made);
    auto weather = std::make_shared<Weather>();
    weather->options = how;
    if (const auto s = set_all(made, servers, how, d); s != NATS_OK) return fail(s, "options");
    WYE_CHECK(set_credentials(made, weather->options));
    auto closure = std::make_unique<Shared>(weather);
    if (const auto s = set_callbacks(made, closure.get()); s != NATS_OK) return fail(s, "options");
    std::shared_ptr<Connection> c(new Connection);
    // Its threads are born here, and inherit the blocked signal.
    const sys::NoSigpipe quiet(true);
    if (const auto s = lib().natsConnection_Connect(&c->connection_, made); s != NATS_OK)
        return fail(s, "connect", servers.front().host + ":" + servers.front().port,
                    s == NATS_CONNECTION_AUTH_FAILED
                        ? "the server refuses these credentials (?login=FILE, ?creds=FILE, ?nkey=KEY&seed=FILE)"
                        : "");
    (void)closure.release();  // on_closed deletes it
    weather->max_payload = static_cast<std::size_t>(lib().natsConnection_GetMaxPayload(c->connection_));
    c->weather_ = std::move(weather);
    return c;
}

Connection::~Connection() {
    // In a forked child its locks may be held for ever by threads that are not there.
    if (!connection_ || !ours()) return;
    quietly([&] {
        lib().natsConnection_Close(connection_);
        for (auto* s : left_) lib().natsSubscription_Destroy(s);
        lib().natsConnection_Destroy(connection_);
    });
}

void Connection::leave(natsSubscription* s) {
    const std::lock_guard guard(mutex_);
    left_.push_back(s);
}

Result<> Connection::usable() {
    if (!ours())
        return refuse(Errc::unsupported, "nats: this connection is the parent's; connect after the fork(), or exec");
    auto& w = *weather_;
    const std::lock_guard guard(w.mutex);
    if (!w.closed) return {};
    return refuse(Errc::closed, "nats: the connection was closed: " + (w.why.empty() ? "by this process" : w.why));
}

Result<> Connection::wait_up(Deadline d) {
    if (ours() && weather_->up.load(std::memory_order_acquire)) [[likely]]
        return {};
    WYE_CHECK(usable());
    auto& w = *weather_;
    std::unique_lock lock(w.mutex);
    const auto ready = [&] { return w.up || w.closed; };
    if (d.is_never())
        w.changed.wait(lock, ready);
    else if (!ready() && (d.is_now() || !w.changed.wait_for(lock, d.left(), ready)))
        return refuse(Errc::timed_out, "nats: no server of the cluster can be reached");
    lock.unlock();
    return usable();
}

Result<> Connection::check_size(const engine::Outgoing& o) const {
    std::size_t size = o.bytes.size();
    for (const auto& h : o.headers) size += h.name.size() + h.value.size() + 4;
    if (!o.headers.empty()) size += 12;  // NATS/1.0, and the empty line
    const auto most = weather_->max_payload.load(std::memory_order_relaxed);
    if (size <= most) return {};
    return refuse(Errc::too_big, "nats: " + std::to_string(size) + " bytes; the server takes " + std::to_string(most) +
                                     " at most (max_payload in its configuration)");
}

Result<> Connection::publish(const engine::Outgoing& o, Deadline d) {
    WYE_CHECK(wait_up(d));
    WYE_CHECK(check_size(o));
    natsStatus s = NATS_OK;
    if (o.headers.empty()) {
        const Terminated subject(o.subject), reply(o.reply);
        const auto size = static_cast<int>(o.bytes.size());
        s = quietly([&] {
            return o.reply.empty() ? lib().natsConnection_Publish(connection_, subject.get(), o.bytes.data(), size)
                                   : lib().natsConnection_PublishRequest(connection_, subject.get(), reply.get(),
                                                                         o.bytes.data(), size);
        });
    } else {
        WYE_TRY(const auto m, message_of(o));
        s = quietly([&] { return lib().natsConnection_PublishMsg(connection_, m.get()); });
    }
    if (s != NATS_OK) return fail(s, "publish", o.subject);
    if (!unflushed_.load(std::memory_order_relaxed)) unflushed_.store(true, std::memory_order_relaxed);
    return {};
}

Result<> Connection::flush(Deadline d) {
    if (!ours()) return wait_up(d);
    const bool had = unflushed_.exchange(false);
    const auto done = [&]() -> Result<> {
        const auto breaks = weather_->breaks.load();
        const bool broke = breaks != settled_breaks_.load();
        settled_breaks_.store(breaks);
        if (had && broke)
            return refuse(Errc::unknown, "nats: the connection broke, and what was published before may be lost");
        return {};
    };
    for (;;) {
        WYE_CHECK(wait_up(d));
        const auto wait = d.is_never() ? 1000 : std::clamp<int64_t>(milliseconds_of(d.left()), 1, 1000);
        const auto s = quietly([&] { return lib().natsConnection_FlushTimeout(connection_, wait); });
        if (s == NATS_OK) return done();
        if (d.passed()) return fail(NATS_TIMEOUT, "flush");
        if (s == NATS_CONNECTION_CLOSED) return fail(s, "flush");
    }
}

Result<Msg> Connection::request(const engine::Outgoing& o, Deadline d) {
    WYE_CHECK(wait_up(d));
    WYE_CHECK(check_size(o));
    WYE_TRY(const auto m, message_of(o));
    natsMsg* answer = nullptr;
    const auto wait = d.is_never() ? 3'600'000 : std::max<int64_t>(milliseconds_of(d.left()), 1);
    const auto s = quietly([&] { return lib().natsConnection_RequestMsg(&answer, connection_, m.get(), wait); });
    Msg got(answer);
    if (s == NATS_OK) return got;
    if (s == NATS_NO_RESPONDERS) return refuse(Errc::not_found, "nats: nobody hears " + std::string(o.subject));
    if (s == NATS_TIMEOUT)
        return refuse(Errc::unknown, "nats: no answer on " + std::string(o.subject) + " by the deadline");
    if (s == NATS_CONNECTION_DISCONNECTED || s == NATS_IO_ERROR || s == NATS_STALE_CONNECTION)
        return refuse(Errc::unknown, "nats: the connection broke while " + std::string(o.subject) + " was asked");
    return fail(s, "request", o.subject);
}

Result<> check_headers(std::span<const engine::Header> headers) {
    // With each message: find_first_of() calls memchr(3) for every character, a quarter of a publish with a number.
    const auto ends_line = [](char c) { return c == '\r' || c == '\n' || c == '\0'; };
    const auto ends_name = [&](char c) { return ends_line(c) || c == ':' || c == ' ' || c == '\t'; };
    for (const auto& h : headers) {
        if (h.name.empty() || std::ranges::any_of(h.name, ends_name) || std::ranges::any_of(h.value, ends_line))
            return refuse(Errc::bad_address, "nats: a header is a name without blanks and one line of text");
    }
    return {};
}

Result<Msg> message_of(const engine::Outgoing& o) {
    WYE_CHECK(check_headers(o.headers));
    natsMsg* m = nullptr;
    const Terminated subject(o.subject), reply(o.reply);
    const auto s =
        lib().natsMsg_Create(&m, subject.get(), o.reply.empty() ? nullptr : reply.get(),
                             reinterpret_cast<const char*>(o.bytes.data()), static_cast<int>(o.bytes.size()));
    Msg own(m);
    if (s != NATS_OK) return fail(s, "message", o.subject);
    for (const auto& h : o.headers)
        if (const auto e = lib().natsMsgHeader_Set(m, Terminated(h.name).get(), Terminated(h.value).get());
            e != NATS_OK)
            return fail(e, "header", h.name);
    return own;
}

engine::Message handed_on(natsMsg* m) {
    static constexpr engine::Message::Kind kind{
        .drop = [](void* p) noexcept { lib().natsMsg_Destroy(static_cast<natsMsg*>(p)); },
        .header = [](void* p, const char* name) noexcept -> std::string_view {
            const char* value = nullptr;
            return lib().natsMsgHeader_Get(static_cast<natsMsg*>(p), name, &value) == NATS_OK && value
                       ? value
                       : std::string_view();
        },
    };
    const auto text = [](const char* s) { return s ? std::string_view(s) : std::string_view(); };
    const auto* data = reinterpret_cast<const std::byte*>(lib().natsMsg_GetData(m));
    const auto size = static_cast<std::size_t>(std::max(lib().natsMsg_GetDataLength(m), 0));
    return {kind, m, text(lib().natsMsg_GetSubject(m)), text(lib().natsMsg_GetReply(m)), Bytes(data, size)};
}

}  // namespace wye::nats
