#include "transport/nats/client/streams.hpp"

#include "transport/nats/client/json.hpp"

#include <thread>

namespace wye::nats {
namespace {

using namespace std::chrono_literals;
using Info = Owned<jsStreamInfo, &Library::jsStreamInfo_Destroy>;
using Ack = Owned<jsPubAck, &Library::jsPubAck_Destroy>;

engine::Stream seen(const jsStreamInfo& i) {
    return {
        .name = i.Config->Name,
        .created = i.Created,
        .first = i.State.FirstSeq,
        .last = i.State.LastSeq,
        .messages = i.State.Msgs,
        .bytes = i.State.Bytes,
        .replicas = static_cast<unsigned>(i.Config->Replicas),
        .duplicate_window = std::chrono::milliseconds(i.Config->Duplicates / 1'000'000),
        .retention = i.Config->Retention == js_WorkQueuePolicy ? engine::Retention::work : engine::Retention::limits};
}

jsRetentionPolicy policy(engine::Retention r) noexcept {
    return r == engine::Retention::work ? js_WorkQueuePolicy : js_LimitsPolicy;
}

// What is there must be what was asked for: another program made it, perhaps for something else.
Result<> compare(const jsStreamConfig& there, const engine::StreamOptions& o) {
    const auto no = [&](const std::string& what) {
        return refuse(Errc::mismatch, "nats: the stream \"" + o.name + "\" is there, with " + what);
    };
    std::vector<std::string> subjects(there.Subjects, there.Subjects + there.SubjectsLen), wanted = o.subjects;
    std::ranges::sort(subjects), std::ranges::sort(wanted);
    std::string all;
    for (const auto& s : subjects) all += (all.empty() ? "" : ", ") + s;
    if (subjects != wanted) return no("other subjects: " + all);
    if (there.Retention != policy(o.retention))
        return no(o.retention == engine::Retention::work ? "another retention: it is no queue"
                                                         : "another retention: it is a queue");
    if (o.replicas != 0 && there.Replicas != o.replicas)
        return no(std::to_string(there.Replicas) + " replicas, not " + std::to_string(o.replicas) +
                  " (changing it is not safe on these servers: make a new one)");
    return {};
}

Result<> can_give(Durability d, const engine::Report& r) {
    if (d != Durability::power) return {};
    return refuse(Errc::unsupported,
                  "nats: durability `power` cannot be had: nats-server " + r.version +
                      (r.version.starts_with("2.9.") || r.version.starts_with("2.8.")
                           ? " acknowledges before the disk has it and has no sync_interval"
                           : " does not tell whether its sync_interval is `always`") +
                      "; `process` survives the death of any process, and replicas=3 that of a machine");
}

}  // namespace

bool passes(natsStatus s, jsErrCode code) noexcept {
    if (code == JSClusterNotAvailErr || code == JSClusterNoPeersErr || code == JSStreamOfflineErr ||
        code == JSConsumerOfflineErr || code == JSInsufficientResourcesErr || code == JSClusterNotLeaderErr)
        return true;
    // Where nobody answers, the library guesses a code.
    if (s == NATS_NO_RESPONDERS) return true;
    return code == 0 &&
           (s == NATS_TIMEOUT || s == NATS_CONNECTION_DISCONNECTED || s == NATS_IO_ERROR || s == NATS_STALE_CONNECTION);
}

Streams::~Streams() {
    if (context_ && connection_->ours()) lib().jsCtx_Destroy(context_);
}

Result<jsCtx*> Streams::context() {
    if (!report_.streams)
        return refuse(Errc::unsupported,
                      "nats: this server keeps nothing: its JetStream is off, as in the package's own configuration; "
                      "`wye cluster up` starts one that does, or put `jetstream {}` into its configuration");
    WYE_CHECK(connection_->usable());
    const std::lock_guard guard(mutex_);
    if (!context_)
        if (const auto s = lib().natsConnection_JetStream(&context_, connection_->get(), nullptr); s != NATS_OK)
            return fail(s, "JetStream");
    return context_;
}

Result<engine::Stream> Streams::look(const std::string& name, Deadline d) {
    WYE_TRY(auto* js, context());
    jsStreamInfo* info = nullptr;
    jsErrCode code{};
    auto r = ask_server(*this, "stream info", name, d, code, [&](jsOptions& o, jsErrCode& e) {
        return lib().js_GetStreamInfo(&info, js, name.c_str(), &o, &e);
    });
    if (code == JSStreamNotFoundErr) return refuse(Errc::not_found, "nats: no stream \"" + name + "\"");
    WYE_CHECK(r);
    return seen(*Info(info));
}

Result<engine::Stream> Streams::add(const engine::StreamOptions& o, Deadline d) {
    WYE_TRY(auto* js, context());
    std::vector<const char*> subjects;
    for (const auto& s : o.subjects) subjects.push_back(s.c_str());
    jsStreamConfig c;
    lib().jsStreamConfig_Init(&c);
    c.Name = o.name.c_str();
    c.Subjects = subjects.data(), c.SubjectsLen = static_cast<int>(subjects.size());
    c.Retention = policy(o.retention);
    c.Discard = o.retention == engine::Retention::work ? js_DiscardNew : js_DiscardOld;
    c.Storage = js_FileStorage;
    c.Replicas = std::max(o.replicas, 1u);
    c.Duplicates = std::chrono::nanoseconds(o.duplicate_window).count();
    if (o.max_bytes) c.MaxBytes = static_cast<int64_t>(o.max_bytes);
    jsStreamInfo* info = nullptr;
    jsErrCode code{};
    const auto r = ask_server(*this, "add stream", o.name, d, code, [&](jsOptions& how, jsErrCode& e) {
        return lib().js_AddStream(&info, js, &c, &how, &e);
    });
    if (code == JSStreamNameExistErr) return wye::fail(Errc::already_exists, "add stream", o.name);
    WYE_CHECK(r);
    return seen(*Info(info));
}

Result<engine::Stream> Streams::ensure(const engine::StreamOptions& o, Deadline d) {
    WYE_TRY(auto* js, context());
    WYE_CHECK(can_give(o.durability, report_));
    for (;;) {
        jsStreamInfo* info = nullptr;
        jsErrCode code{};
        auto r = ask_server(*this, "stream info", o.name, d, code, [&](jsOptions& how, jsErrCode& e) {
            return lib().js_GetStreamInfo(&info, js, o.name.c_str(), &how, &e);
        });
        const Info own(info);
        if (r) {
            if (o.create == Create::exclusive)
                return refuse(Errc::already_exists, "nats: there is a stream \"" + o.name + "\"");
            WYE_CHECK(compare(*own->Config, o));
            return seen(*own);
        }
        if (code != JSStreamNotFoundErr) return std::unexpected(std::move(r).error());
        if (o.create == Create::never) return refuse(Errc::not_found, "nats: no stream \"" + o.name + "\"");
        auto made = add(o, d);
        // Another one made it meanwhile.
        if (!made && made.error().is(Errc::already_exists) && o.create != Create::exclusive) continue;
        return made;
    }
}

Result<> Streams::verify(const engine::Stream& s, Deadline d) {
    const auto now = look(s.name, d);
    if (now && now->created == s.created) return {};
    if (now)
        return refuse(Errc::corrupt, "nats: the stream \"" + s.name +
                                         "\" was removed and made anew; what it held before is not there");
    if (now.error().is(Errc::not_found))
        return refuse(Errc::corrupt, "nats: the stream \"" + s.name +
                                         "\" is gone, and what it held with it; it is not made again by itself");
    return {};
}

Result<bool> Streams::let_go(const engine::Stream& s, std::uint64_t sequence, Deadline d) {
    const auto subject = "$JS.API.STREAM.MSG.GET." + s.name, which = "{\"seq\":" + std::to_string(sequence) + "}";
    for (auto pause = 1ms;; pause = std::min(2 * pause, 50ms)) {
        const auto m = connection_->request({.subject = subject, .bytes = bytes_of(which)}, d.sooner(400ms));
        if (m) {
            const std::string_view said(lib().natsMsg_GetData(m->get()),
                                        static_cast<std::size_t>(lib().natsMsg_GetDataLength(m->get())));
            if (Json(said).in("error").number("err_code") == JSNoMessageFoundErr) return true;
        } else if (!m.error().is(Errc::unknown) && !m.error().is(Errc::not_found)) {
            return std::unexpected(m.error());
        }
        if (d.passed()) return false;
        std::this_thread::sleep_for(pause);
    }
}

// One message on its way into a stream.
struct Streams::Attempt {
    Streams& all;
    const engine::Stream& stream;
    jsCtx* js;
    natsMsg* message;
    const std::string id;
    bool sent = false;  // once: from then on it may be there
    int refusals = 0;

    // A receipt, an error for good, or nothing yet.
    Result<std::optional<engine::Receipt>> make(int64_t wait) {
        jsPubOptions o;
        lib().jsPubOptions_Init(&o);
        o.MaxWait = wait;
        o.MsgId = id.c_str();
        o.ExpectStream = stream.name.c_str();
        jsPubAck* ack = nullptr;
        jsErrCode code{};
        const auto s = all.connection_->quietly([&] { return lib().js_PublishMsg(&ack, js, message, &o, &code); });
        const Ack own(ack);
        if (s == NATS_OK) return engine::Receipt{.sequence = ack->Sequence, .duplicate = ack->Duplicate};
        // Newer servers than 2.9: what we sent before is on its way into the stream, or was when its leader was cut
        // off.
        constexpr auto in_process = static_cast<jsErrCode>(10158);
        if (code == in_process) {
            sent = true;
            return std::nullopt;
        }
        const bool full = code == JSStreamStoreFailedErr || code == JSStorageResourcesExceededErr ||
                          code == JSAccountResourcesExceededErr;
        // A refusal is of this one, and says nothing of one that was sent before.
        if (full && sent) return std::nullopt;
        if (full) return refuse(Errc::exhausted, "nats: the stream \"" + stream.name + "\" is full");
        if (!passes(s, code)) {
            auto why = fail(s, "store", stream.name);
            return sent ? std::unexpected(Error::saying(Errc::unknown, why.error().message())) : why;
        }
        if (s == NATS_NO_RESPONDERS) {
            // Nobody took it: a cluster without a leader for the stream, or no stream.
            if (++refusals % 5 == 0) WYE_CHECK(all.verify(stream));
        } else if (code == 0) {
            sent = true;
        }
        return std::nullopt;
    }
};

Result<engine::Receipt> Streams::store(const engine::Stream& stream, const engine::Outgoing& out, std::string_view id,
                                       Deadline d) {
    WYE_TRY(auto* js, context());
    std::uint64_t floor = 0;
    {
        const std::lock_guard guard(mutex_);
        floor = newest_[stream.name];
    }
    const auto most = static_cast<std::size_t>(lib().natsConnection_GetMaxPayload(connection_->get()));
    if (out.bytes.size() + 256 > most)
        return refuse(Errc::too_big, "nats: " + std::to_string(out.bytes.size()) + " bytes; the server takes " +
                                         std::to_string(most - 256) +
                                         " at most beside what we say with it (max_payload in its configuration)");
    WYE_TRY(const auto message, message_of(out));
    Attempt attempt{*this, stream, js, message.get(), std::string(id)};
    // Later, the server may have forgotten the id, and would keep it twice.
    const auto until = d.sooner(stream.duplicate_window * 9 / 10);
    for (;;) {
        const auto up = connection_->wait_up(until);
        if (up) {
            // A leader that lost the others never answers, and the next one does not know what it was asked.
            const auto wait = until.is_never() ? 1000 : std::clamp<int64_t>(milliseconds_of(until.left()), 1, 1000);
            WYE_TRY(const auto receipt, attempt.make(wait));
            if (receipt) {
                if (!receipt->duplicate && receipt->sequence <= floor) {
                    WYE_CHECK(verify(stream));
                    return refuse(Errc::corrupt, "nats: the stream \"" + stream.name +
                                                     "\" went back: it had acknowledged " + std::to_string(floor) +
                                                     ", and now " + std::to_string(receipt->sequence));
                }
                const std::lock_guard guard(mutex_);
                auto& newest = newest_[stream.name];
                newest = std::max(newest, receipt->sequence);
                return *receipt;
            }
        } else if (!up.error().is(Errc::timed_out)) {
            return std::unexpected(attempt.sent ? Error::saying(Errc::unknown, up.error().message()) : up.error());
        }
        if (until.passed())
            return attempt.sent
                       ? refuse(Errc::unknown,
                                "nats: repeated until the deadline, and not acknowledged; it may be in the stream \"" +
                                    stream.name + "\"")
                       : refuse(Errc::timed_out,
                                "nats: no server took it for the stream \"" + stream.name + "\" by the deadline");
        std::this_thread::sleep_for(20ms);
    }
}

}  // namespace wye::nats
