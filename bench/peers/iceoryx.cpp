// iceoryx 2.0: loans out of a pool that its daemon, RouDi, made. The payload is written and copied out, like
// everybody's.
#include "peer.hpp"

#include <grp.h>
#include <iceoryx_hoofs/log/logmanager.hpp>
#include <iceoryx_posh/popo/untyped_client.hpp>
#include <iceoryx_posh/popo/untyped_publisher.hpp>
#include <iceoryx_posh/popo/untyped_server.hpp>
#include <iceoryx_posh/popo/untyped_subscriber.hpp>
#include <iceoryx_posh/popo/wait_set.hpp>
#include <iceoryx_posh/runtime/posh_runtime.hpp>
#include <iceoryx_versions.hpp>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>

using namespace wye::peers;
using namespace iox;

namespace {

template <class Text>
Text text(const std::string& t) {
    return Text(cxx::TruncateToCapacity, t);
}

// What is loaned is there when the receivers have given it back.
template <class From>
void* loaned(From& from, std::size_t size) {
    for (;; relax()) {
        auto chunk = from.loan(static_cast<std::uint32_t>(size), 8);
        if (!chunk.has_error()) return chunk.value();
    }
}

// `in` has state `has`: looked at again and again, or waited for.
template <class In, class State>
class Taken {
public:
    Taken(In& in, State has) : in_(in) {
        waits_.attachState(in, has).or_else([](auto&) { fail("WaitSet", "cannot attach"); });
    }
    auto operator()(bool poll) {
        for (;;) {
            auto chunk = in_.take();
            if (!chunk.has_error()) return chunk.value();
            if (poll)
                relax();
            else
                (void)waits_.wait();
        }
    }

private:
    In& in_;
    popo::WaitSet<> waits_;
};

struct Sender {
    popo::UntypedPublisher out;
    void send(wye::Bytes b) {
        void* chunk = loaned(out, b.size());
        std::memcpy(chunk, b.data(), b.size());
        out.publish(chunk);
    }
};

struct Receiver {
    explicit Receiver(const capro::ServiceDescription& s) : in(s, options()) {
        await("iceoryx: no subscription", [&] { return in.getSubscriptionState() == SubscribeState::SUBSCRIBED; });
    }
    static popo::SubscriberOptions options() {
        popo::SubscriberOptions q;
        q.queueCapacity = 256, q.historyRequest = 0;
        q.queueFullPolicy = popo::QueueFullPolicy::BLOCK_PRODUCER;
        return q;
    }
    std::size_t recv(wye::MutBytes into, bool poll) {
        const void* chunk = taken(poll);
        const auto n =
            std::min<std::size_t>(mepoo::ChunkHeader::fromUserPayload(chunk)->userPayloadSize(), into.size());
        std::memcpy(into.data(), chunk, n);
        in.release(chunk);
        return n;
    }
    popo::UntypedSubscriber in;
    Taken<popo::UntypedSubscriber, popo::SubscriberState> taken{in, popo::SubscriberState::HAS_DATA};
};

popo::PublisherOptions waits_for_readers() {
    popo::PublisherOptions p;
    p.subscriberTooSlowPolicy = popo::ConsumerTooSlowPolicy::WAIT_FOR_CONSUMER;
    return p;
}

class TwoWays : public End {
public:
    TwoWays(const capro::ServiceDescription& out, const capro::ServiceDescription& in)
        : out_{popo::UntypedPublisher(out, waits_for_readers())}, in_(in) {
        await("iceoryx: no subscriber", [&] { return out_.out.hasSubscribers(); });
    }
    void send(wye::Bytes b) override { out_.send(b); }
    std::size_t recv(wye::MutBytes into, bool poll) override { return in_.recv(into, poll); }

private:
    Sender out_;
    Receiver in_;
};

class Publishing : public OneWay {
public:
    explicit Publishing(const capro::ServiceDescription& s) : out_{popo::UntypedPublisher(s, waits_for_readers())} {}
    void send(wye::Bytes b) override { out_.send(b); }

private:
    Sender out_;
};

class Subscribed : public OneWay {
public:
    explicit Subscribed(const capro::ServiceDescription& s) : in_(s) {}
    std::size_t recv(wye::MutBytes into, bool poll) override { return in_.recv(into, poll); }

private:
    Receiver in_;
};

class Asking : public End {
public:
    explicit Asking(const capro::ServiceDescription& s) : client_(s, options()) {
        await("iceoryx: no server", [&] { return client_.getConnectionState() == ConnectionState::CONNECTED; });
    }
    void send(wye::Bytes b) override {
        void* chunk = loaned(client_, b.size());
        std::memcpy(chunk, b.data(), b.size());
        client_.send(chunk).or_else([](auto&) { fail("UntypedClient", "cannot send"); });
    }
    std::size_t recv(wye::MutBytes into, bool poll) override {
        const void* answer = taken_(poll);
        const auto n =
            std::min<std::size_t>(mepoo::ChunkHeader::fromUserPayload(answer)->userPayloadSize(), into.size());
        std::memcpy(into.data(), answer, n);
        client_.releaseResponse(answer);
        return n;
    }

private:
    static popo::ClientOptions options() {
        popo::ClientOptions o;
        o.responseQueueFullPolicy = popo::QueueFullPolicy::BLOCK_PRODUCER;
        o.serverTooSlowPolicy = popo::ConsumerTooSlowPolicy::WAIT_FOR_CONSUMER;
        return o;
    }
    popo::UntypedClient client_;
    Taken<popo::UntypedClient, popo::ClientState> taken_{client_, popo::ClientState::HAS_RESPONSE};
};

class Answering : public End {
public:
    explicit Answering(const capro::ServiceDescription& s) : server_(s, options()) {}
    std::size_t recv(wye::MutBytes room, bool poll) override {
        question_ = taken_(poll);
        const auto n =
            std::min<std::size_t>(mepoo::ChunkHeader::fromUserPayload(question_)->userPayloadSize(), room.size());
        std::memcpy(room.data(), question_, n);
        return n;
    }
    void send(wye::Bytes b) override {
        const auto* header = popo::RequestHeader::fromPayload(question_);
        for (;; relax()) {
            auto chunk = server_.loan(header, static_cast<std::uint32_t>(b.size()), 8);
            if (chunk.has_error()) continue;
            std::memcpy(chunk.value(), b.data(), b.size());
            server_.send(chunk.value()).or_else([](auto&) { fail("UntypedServer", "cannot send"); });
            break;
        }
        server_.releaseRequest(question_);
    }

private:
    static popo::ServerOptions options() {
        popo::ServerOptions o;
        o.requestQueueFullPolicy = popo::QueueFullPolicy::BLOCK_PRODUCER;
        o.clientTooSlowPolicy = popo::ConsumerTooSlowPolicy::WAIT_FOR_CONSUMER;
        return o;
    }
    popo::UntypedServer server_;
    Taken<popo::UntypedServer, popo::ServerState> taken_{server_, popo::ServerState::HAS_REQUEST};
    const void* question_ = nullptr;
};

// ---------------------------------------------------------------- its daemon

// There is one RouDi a machine, with these names; a stranger's is left alone.
std::string pages_of_ours() {
    const auto* g = getgrgid(getegid());
    return std::string("/dev/shm/") + (g ? g->gr_name : "root");
}
std::vector<std::string> names_of_roudi() {
    return {"/dev/shm/iceoryx_mgmt", pages_of_ours(), "/tmp/roudi", "/tmp/roudi.lock", "/tmp/iox-unique-roudi.lock"};
}

class Iceoryx : public Means {
public:
    Iceoryx() {
        name = "iceoryx", group = "peer", version = ICEORYX_LATEST_RELEASE_VERSION, shapes = duel | fan | request;
        can = flights | answers | looks;
        summary =
            "loans in shared memory, of a RouDi that is started for it; queues of 256 (16 of answers), who sends "
            "waits; block is WaitSet, poll is take()";
    }
    void prepare(Shape, unsigned) override {
        for (const auto& n : names_of_roudi())
            if (std::filesystem::exists(n)) fail("iox-roudi", "one runs, or left " + n);
        name_ = fresh_name();
        const auto config = "/tmp/" + name_ + ".toml";
        janitor_.emplace([this, config] {
            for (const auto& n : names_of_roudi()) unlink(n.c_str());
            unlink(config.c_str());
            std::error_code e;
            for (const auto& f : std::filesystem::directory_iterator("/tmp", e))
                if (f.path().filename().string().starts_with(name_)) unlink(f.path().c_str());
        });
        std::ofstream(config) << "[general]\nversion = 1\n[[segment]]\n[[segment.mempool]]\nsize = "
                              << (size + 128 + 63) / 64 * 64 << "\ncount = "
                              << (size > 1 << 20 ? 16
                                  : size > 65536 ? 64
                                                 : 2048)
                              << "\n";
        roudi_.emplace(
            std::vector<std::string>{"iox-roudi", "--log-level", "off", "--monitoring-mode", "off", "-c", config},
            [](const std::string& said) { return said.find("ready") != said.npos; },
            SIGKILL);  // asked to end, it would end all whom it serves
        daemons = {roudi_->pid()};
    }
    std::unique_ptr<End> open(Role r, unsigned which) override {
        log::LogManager::GetLogManager().SetDefaultLogLevel(log::LogLevel::kOff, log::LogLevelOutput::kHideLogLevel);
        const auto mine = name_ + "-" + std::to_string(static_cast<unsigned>(r)) + "-" + std::to_string(which);
        runtime::PoshRuntime::initRuntime(text<RuntimeName_t>(mine));
        const auto way = [&](const char* what) {
            return capro::ServiceDescription("wye-peer", text<capro::IdString_t>(name_), text<capro::IdString_t>(what));
        };
        switch (r) {
            case Role::first:
                return std::make_unique<TwoWays>(way("there"), way("back"));
            case Role::second:
                return std::make_unique<TwoWays>(way("back"), way("there"));
            case Role::publisher:
                return std::make_unique<Publishing>(way("news"));
            case Role::subscriber:
                return std::make_unique<Subscribed>(way("news"));
            case Role::server:
                return std::make_unique<Answering>(way("service"));
            default:
                return std::make_unique<Asking>(way("service"));
        }
    }
    void clean() noexcept override {
        daemons.clear();
        roudi_.reset();
        janitor_.reset();
    }

private:
    std::string name_;
    std::optional<Janitor> janitor_;
    std::optional<Daemon> roudi_;
};

}  // namespace

int main(int argc, char** argv) { return peer_main(argc, argv, all_of<Iceoryx>()); }
