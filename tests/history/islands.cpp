#include "history/islands.hpp"

#include "wye/process/command.hpp"

#include "support/support.hpp"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

namespace wye::test {
namespace {

using namespace std::chrono_literals;

bool does(std::vector<std::string> argv) {
    const auto r = Command(std::move(argv)).err(Target::null()).run(10s);
    return r && r->exit.ok();
}
void must(const std::vector<std::string>& argv) {
    if (!does(argv)) throw std::runtime_error(argv[0] + " " + argv[1] + " " + argv[2] + " failed");
}

std::string address(unsigned n) { return "10.99.0." + std::to_string(n + 1); }

}  // namespace

// The server dies with the thread that started it, which is the one that is in its network.
struct Islands::Island {
    std::string cable;  // its end at the bridge
    std::optional<NatsServer> server{};
    std::string trouble{};
    std::mutex mutex{};
    std::condition_variable changed{};
    long thread_id = 0;
    enum { coming, there, wired, runs, over } at = coming;
    std::thread thread{};

    void wait_for(int what) {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return at >= what; });
        if (!trouble.empty()) throw std::runtime_error(trouble);
    }
    void is(decltype(at) what) {
        const std::lock_guard lock(mutex);
        at = what;
        changed.notify_all();
    }
    void live(NatsServerOptions o, unsigned n) {
        thread_id = ::syscall(SYS_gettid);
        if (::unshare(CLONE_NEWNET) != 0) trouble = "unshare";
        is(there);
        try {
            wait_for(wired);
            // What a thread starts is in its network.
            must({"ip", "link", "set", "lo", "up"});
            must({"ip", "link", "set", "inner" + std::to_string(n), "up"});
            must({"ip", "addr", "add", address(n) + "/24", "dev", "inner" + std::to_string(n)});
            server.emplace(or_throw(NatsServer::start(o, 20s)));
        } catch (const std::exception& e) {
            trouble = e.what();
        }
        is(runs);
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return at == over; });
        server.reset();
    }
};

std::string Islands::hindrance() {
    if (!NatsServer::available()) return "nats-server is not installed (./dev setup)";
    if (::geteuid() != 0) return "networks of one's own need root";
    if (Child allowed([] { return enter(); }); !allowed.ok())
        return "no networks of one's own here, or no bridge(8), veth(4) or isolated ports";
    return {};
}

bool Islands::enter() {
    return ::unshare(CLONE_NEWNET) == 0 && does({"ip", "link", "set", "lo", "up"}) &&
           does({"ip", "link", "add", "harbour", "type", "bridge"}) && does({"ip", "link", "set", "harbour", "up"}) &&
           does({"ip", "addr", "add", "10.99.0.254/24", "dev", "harbour"}) &&
           does({"ip", "link", "add", "probe", "type", "veth", "peer", "name", "eborp"}) &&
           does({"ip", "link", "set", "probe", "master", "harbour"}) &&
           does({"bridge", "link", "set", "dev", "probe", "isolated", "on"}) && does({"ip", "link", "del", "probe"});
}

Islands::Islands(unsigned servers) {
    NatsServerOptions o{.port = 4333, .cluster = "islands"};
    o.password = "of-all-of-them";
    o.route_secret = "between-them", o.cluster_port = 6333;
    for (unsigned n = 0; n < servers; ++n) o.routes.push_back(address(n) + ":6333");
    for (unsigned n = 0; n < servers; ++n) {
        auto& island = *all_.emplace_back(std::make_unique<Island>());
        island.cable = "outer" + std::to_string(n);
        o.name = "island" + std::to_string(n), o.host = address(n);
        island.thread = std::thread([&island, o, n] { island.live(o, n); });
        island.wait_for(Island::there);
        const auto inner = "inner" + std::to_string(n);
        must({"ip", "link", "add", island.cable, "type", "veth", "peer", "name", inner});
        must({"ip", "link", "set", inner, "netns", std::to_string(island.thread_id)});
        must({"ip", "link", "set", island.cable, "master", "harbour"});
        must({"ip", "link", "set", island.cable, "up"});
        island.is(Island::wired);
    }
    for (auto& island : all_) island->wait_for(Island::runs);
}

Islands::~Islands() {
    for (auto& island : all_) {
        if (!island->thread.joinable()) continue;
        island->is(Island::over);
        island->thread.join();
    }
}

std::size_t Islands::size() const noexcept { return all_.size(); }

std::string Islands::uri(const std::string& subject) const {
    std::string hosts;
    for (const auto& island : all_) hosts += (hosts.empty() ? "" : ",") + island->server->address();
    return "nats://" + hosts + "/" + subject + "?login=" + all_.front()->server->login_file();
}

std::string Islands::uri_of(std::size_t i, const std::string& subject) const { return all_[i]->server->uri(subject); }

void Islands::cut(std::size_t i) { must({"ip", "link", "set", all_[i]->cable, "down"}); }
void Islands::separate(std::size_t i) { must({"bridge", "link", "set", "dev", all_[i]->cable, "isolated", "on"}); }
void Islands::kill(std::size_t i) { or_throw(all_[i]->server->kill()); }
void Islands::heal() {
    for (auto& island : all_) {
        must({"ip", "link", "set", island->cable, "up"});
        must({"bridge", "link", "set", "dev", island->cable, "isolated", "off"});
    }
}

}  // namespace wye::test
