// The engine that is NATS: its parts put together.
#include "transport/nats/client/inbox.hpp"
#include "transport/nats/client/info.hpp"
#include "transport/nats/client/puller.hpp"
#include "transport/nats/client/streams.hpp"

namespace wye::nats {
namespace {

class NatsEngine final : public engine::Engine {
public:
    NatsEngine(std::shared_ptr<Connection> c, engine::Report r)
        : report_(std::move(r)), connection_(std::move(c)), streams_(connection_, report_) {}
    const engine::Report& report() const noexcept override { return report_; }
    std::size_t max_message() const noexcept override { return report_.max_message; }
    std::string new_subject() override {
        natsInbox* made = nullptr;
        if (lib().natsInbox_Create(&made) != NATS_OK) return "_INBOX." + std::to_string(sys::unique_mark());
        std::string s(made);
        lib().natsInbox_Destroy(made);
        return s;
    }
    Result<> publish(const engine::Outgoing& o, Deadline d) override { return connection_->publish(o, d); }
    Result<> flush(Deadline d) override { return connection_->flush(d); }
    Result<engine::Message> request(const engine::Outgoing& o, Deadline d) override {
        WYE_TRY(auto m, connection_->request(o, d));
        return handed_on(m.release());
    }
    Result<std::unique_ptr<engine::Inbox>> subscribe(const std::string& subject, engine::InboxOptions o) override {
        WYE_TRY(auto in, NatsInbox::open(connection_, subject, std::move(o)));
        return in;
    }
    Result<engine::Stream> ensure_stream(const engine::StreamOptions& o, Deadline d) override {
        return streams_.ensure(o, d);
    }
    Result<engine::Stream> stream(const std::string& name, Deadline d) override { return streams_.look(name, d); }
    Result<engine::Receipt> store(const engine::Stream& s, const engine::Outgoing& o, std::string_view id,
                                  Deadline d) override {
        return streams_.store(s, o, id, d);
    }
    Result<std::unique_ptr<engine::Puller>> pull(const engine::PullerOptions& o, Deadline d) override {
        WYE_TRY(auto p, NatsPuller::open(streams_, o, d));
        return p;
    }

private:
    engine::Report report_;
    std::shared_ptr<Connection> connection_;
    Streams streams_;
};

engine::Report report_of(const ServerInfo& i) {
    return {.engine = "nats",
            .version = i.text,
            .server = i.name,
            .streams = i.streams,
            .deduplicates = i.streams,
            .most = i.streams ? Durability::process : Durability::none,
            .max_message = i.max_payload,
            .warnings = warnings_of(i.version)};
}

}  // namespace
}  // namespace wye::nats

namespace wye {

bool nats_built() noexcept { return true; }

Result<std::unique_ptr<engine::Engine>> nats_connect(const std::vector<HostPort>& servers, const NatsOptions& o,
                                                     Deadline d) {
    WYE_CHECK(nats::open_library());
    WYE_TRY(const auto info, nats::ask(servers, d));
    if (info.tls_required && !o.tls)
        return refuse(
            Errc::denied,
            "nats: this server speaks TLS only; add ?tls (and ca=FILE, where its certificate is not a public one)");
    if (!info.headers)
        return refuse(Errc::unsupported, "nats: this server (" + info.text +
                                             ") knows no headers, or forbids them; 2.2 or newer is needed");
    WYE_TRY(auto c, nats::Connection::open(servers, o, d));
    return std::make_unique<nats::NatsEngine>(std::move(c), nats::report_of(info));
}

}  // namespace wye
