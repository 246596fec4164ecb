// iceoryx 2.0: loans out of a pool that its daemon, RouDi, made. One publisher and one subscriber each way; the
// payload is written and copied out, like everybody's.
#include "links.hpp"

#include <iceoryx_hoofs/log/logmanager.hpp>
#include <iceoryx_posh/popo/untyped_publisher.hpp>
#include <iceoryx_posh/popo/untyped_subscriber.hpp>
#include <iceoryx_posh/popo/wait_set.hpp>
#include <iceoryx_posh/runtime/posh_runtime.hpp>

#include <memory>

using namespace wye::bench;

namespace {

struct Iceoryx {
    std::string name = "wye-bench-" + std::to_string(getpid());
    bool polls, one_way;

    struct Link {
        std::unique_ptr<iox::popo::UntypedPublisher> out;
        std::unique_ptr<iox::popo::UntypedSubscriber> in;
        std::unique_ptr<iox::popo::WaitSet<>> waits;

        void send(std::span<const std::byte> b) const {
            for (;; relax()) {
                auto chunk = out->loan(static_cast<std::uint32_t>(b.size()));
                if (chunk.has_error()) continue;
                std::memcpy(chunk.value(), b.data(), b.size());
                return out->publish(chunk.value());
            }
        }
        void recv(std::span<std::byte> b) const {
            for (;;) {
                auto chunk = in->take();
                if (!chunk.has_error()) {
                    std::memcpy(b.data(), chunk.value(), b.size());
                    return in->release(chunk.value());
                }
                if (waits)
                    (void)waits->wait();
                else
                    relax();
            }
        }
    };

    explicit Iceoryx(const Args& a) : polls(a.polls()), one_way(a.what == "flow") {}
    ~Iceoryx() {  // of a child that was killed
        for (const char* what : {"a", "b", "a.lock", "b.lock"}) unlink(("/tmp/" + name + what).c_str());
    }
    Link open(Side s) const {
        using namespace iox;
        log::LogManager::GetLogManager().SetDefaultLogLevel(log::LogLevel::kOff, log::LogLevelOutput::kHideLogLevel);
        const bool parent = s == Side::parent;
        const auto text = [](const std::string& t) { return RuntimeName_t(cxx::TruncateToCapacity, t); };
        runtime::PoshRuntime::initRuntime(text(name + (parent ? "a" : "b")));
        const auto service = [&](const char* way) {
            return capro::ServiceDescription("wye-bench", text(name), capro::IdString_t(cxx::TruncateToCapacity, way));
        };
        popo::PublisherOptions p;
        p.subscriberTooSlowPolicy = popo::ConsumerTooSlowPolicy::WAIT_FOR_CONSUMER;
        popo::SubscriberOptions q;
        q.queueCapacity = 256, q.historyRequest = 0;
        q.queueFullPolicy = popo::QueueFullPolicy::BLOCK_PRODUCER;
        Link link{std::make_unique<popo::UntypedPublisher>(service(parent ? "there" : "back"), p),
                  std::make_unique<popo::UntypedSubscriber>(service(parent ? "back" : "there"), q), nullptr};
        if (!polls) {
            link.waits = std::make_unique<popo::WaitSet<>>();
            link.waits->attachState(*link.in, popo::SubscriberState::HAS_DATA).or_else([](auto&) {
                give_up("waitset");
            });
        }
        if (!one_way || !parent)
            while (!link.out->hasSubscribers()) usleep(1000);
        while (link.in->getSubscriptionState() != SubscribeState::SUBSCRIBED) usleep(1000);
        return link;
    }
};

}  // namespace

int main(int argc, char** argv) { return main_of<Iceoryx>(argc, argv); }
