// A subject of a NATS server as a channel.
#include "wye/transport/nats.hpp"

#include "os/fork.hpp"

#include <algorithm>

namespace wye {
namespace {

constexpr std::string_view example = "nats://127.0.0.1:4222/prices.eur";

Result<engine::Stream> the_stream(engine::Engine& e, const std::string& name, Deadline d) {
    auto s = e.stream(name, d);
    if (!s && s.error().is(Errc::not_found))
        return refuse(Errc::not_found,
                      "nats: there is no stream \"" + name + "\"; a publisher of wye makes one: wye pub --durable");
    return s;
}

}  // namespace

Result<NatsChannel> NatsChannel::open(const NatsAddress& at, Mode mode, const NatsChannelOptions& o, Deadline d) {
    auto options = at.options;
    options.own_echo = false;
    NatsChannel c;
    c.subject_ = at.subject;
    WYE_TRY(c.engine_, nats_connect(at.servers, options, d));
    if (!o.stream.empty()) {
        WYE_TRY(c.stream_, the_stream(*c.engine_, o.stream, d));
        c.mark_ = std::to_string(sys::unique_mark()) + ".";
    }
    if (mode == Mode::write) return c;
    if (c.stream_) {
        WYE_TRY(c.puller_,
                c.engine_->pull({.stream = *c.stream_, .durable = o.durable, .filter = c.subject_, .ahead = 64}, d));
    } else {
        WYE_TRY(c.inbox_, c.engine_->subscribe(c.subject_, {}));
        WYE_CHECK(c.engine_->flush(d));  // who opens to hear hears from now on
    }
    return c;
}

Result<> NatsChannel::send(Bytes b, Deadline d) {
    if (!stream_) return engine_->publish({.subject = subject_, .bytes = b}, d);
    WYE_CHECK(engine_->store(*stream_, {.subject = subject_, .bytes = b}, mark_ + std::to_string(++count_), d));
    return {};
}

Result<> NatsChannel::fetch(Deadline d) {
    if (held_ && !seen_) return {};
    if (!puller_ && !inbox_) return refuse(Errc::unsupported, "nats: opened to write only");
    if (held_ && puller_) WYE_CHECK(puller_->done(*held_, false, d));
    held_.reset();
    seen_ = false;
    if (puller_) {
        WYE_TRY(held_, puller_->next(d));
    } else {
        WYE_TRY(auto m, inbox_->next(d));
        held_.emplace().message = std::move(m);
    }
    return {};
}

Result<Bytes> NatsChannel::recv_view(Deadline d) {
    WYE_CHECK(fetch(d));
    seen_ = true;
    return held_->message.bytes;
}

Result<MutBytes> NatsChannel::recv(MutBytes into, Deadline d) {
    WYE_CHECK(fetch(d));
    const auto b = held_->message.bytes;
    if (b.size() > into.size()) return fail(Errc::too_big, "recv");
    std::ranges::copy(b, into.begin());
    seen_ = true;
    return into.first(b.size());
}

Result<> NatsChannel::finish(Deadline d) {
    if (held_ && seen_ && puller_) WYE_CHECK(puller_->done(*held_, true, d));
    if (held_ && seen_) held_.reset();
    return engine_->flush(d);
}

int NatsChannel::native_handle() const {
    return puller_ ? puller_->native_handle() : inbox_ ? inbox_->native_handle() : -1;
}

// ---------------------------------------------------------------- the room

namespace {

constexpr Param own_params[] = {
    {"stream", "NAME", "a JetStream stream: nothing is missed"},
    {"durable", "NAME", "read on where this name stopped"},
};

Result<Channel> open(const Uri& uri, const OpenOptions& how, Deadline d) {
    WYE_TRY(const auto at, parse_nats(uri, example));
    if (at.subject.empty()) return uri.refuse("no subject behind the server", example);
    NatsChannelOptions o;
    o.stream = uri.get("stream").value_or("");
    o.durable = uri.get("durable").value_or("");
    if (o.stream.empty() && !o.durable.empty())
        return uri.refuse("durable is for a stream", "stream=ORDERS&durable=billing");
    WYE_TRY(auto c, NatsChannel::open(at, how.mode, o, d));
    return Channel(std::move(c));
}

constexpr auto params = nats_params(own_params);

}  // namespace

const Mechanism nats_mechanism{
    .traits = NatsChannel::traits,
    .summary = "subjects of a NATS server or cluster, between machines",
    .example = example,
    .params = params,
    .open = open,
};

}  // namespace wye
