// NATS through wye against the C client used bare: one server, one run, the two by turns, the median of their ratios.
#include "wye/pattern/pub_sub.hpp"
#include "wye/process/nats_server.hpp"
#include "wye/transport/nats.hpp"

#include <nats/nats.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

using namespace wye;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t size = 64;
const std::string text(size, 'x');

void must(natsStatus s, const char* what) {
    if (s == NATS_OK) return;
    std::fprintf(stderr, "%s: %s\n", what, natsStatus_GetText(s));
    std::exit(1);
}

double seconds(const std::function<void()>& f) {
    const auto from = Deadline::Clock::now();
    f();
    return std::chrono::duration<double>(Deadline::Clock::now() - from).count();
}

struct Bare {
    natsConnection* nc = nullptr;
    jsCtx* js = nullptr;
    explicit Bare(const NatsServer& s, const std::string& password) {
        natsOptions* o = nullptr;
        must(natsOptions_Create(&o), "options");
        must(natsOptions_SetURL(o, ("nats://" + s.address()).c_str()), "url");
        must(natsOptions_SetUserInfo(o, "app", password.c_str()), "user");
        must(natsConnection_Connect(&nc, o), "connect");
        natsOptions_Destroy(o);
        must(natsConnection_JetStream(&js, nc, nullptr), "js");
    }
    ~Bare() {
        jsCtx_Destroy(js);
        natsConnection_Destroy(nc);
    }
};

struct Row {
    const char* name;
    int count;
    std::function<void(int)> bare, ours;
};

void measure(const Row& r, int rounds) {
    std::vector<double> ratios, a, b;
    r.bare(r.count / 10 + 1), r.ours(r.count / 10 + 1);
    for (int i = 0; i < rounds; ++i) {
        double bare = 0, ours = 0;
        if (i % 2) ours = seconds([&] { r.ours(r.count); });
        bare = seconds([&] { r.bare(r.count); });
        if (i % 2 == 0) ours = seconds([&] { r.ours(r.count); });
        ratios.push_back(bare / ours), a.push_back(r.count / bare), b.push_back(r.count / ours);
    }
    const auto median = [](std::vector<double> v) {
        return std::ranges::nth_element(v, v.begin() + static_cast<long>(v.size() / 2)), v[v.size() / 2];
    };
    std::printf("| %-44s | %9.0f | %9.0f | %5.2f |\n", r.name, median(a), median(b), median(ratios));
}

std::string password_of(const NatsServer& s) {
    std::string line(128, '\0');
    auto* f = std::fopen(s.login_file().c_str(), "r");
    line.resize(f ? std::fread(line.data(), 1, line.size(), f) : 0);
    if (f) std::fclose(f);
    return line.substr(4, line.find('\n') - 4);
}

}  // namespace

int main(int argc, char** argv) {
    const int rounds = argc > 1 ? std::atoi(argv[1]) : 9;
    auto server = or_throw(NatsServer::start({}));
    const Bare bare(server, password_of(server));
    const auto at = or_throw(parse_nats(or_throw(Uri::parse(server.uri("x"))), ""));
    auto ours = or_throw(nats_connect(at.servers, at.options, 5s));
    std::printf("| what, 64 bytes | bare/s | wye/s | wye to bare |\n|---|---|---|---|\n");

    measure({"publish (a core subject, flushed)", 200'000,
             [&](int n) {
                 for (int i = 0; i < n; ++i)
                     must(natsConnection_Publish(bare.nc, "b.pub", text.data(), size), "publish");
                 must(natsConnection_Flush(bare.nc), "flush");
             },
             [&](int n) {
                 for (int i = 0; i < n; ++i)
                     or_throw(ours->publish({.subject = "b.pub", .bytes = bytes_of(text)}, Deadline::never()));
                 or_throw(ours->flush(10s));
             }},
            rounds);

    auto publisher = or_throw(Publisher<>::open(server.uri("b.numbered"), {}, 5s));
    measure({"publish, numbered (Publisher; bare: a header)", 100'000,
             [&](int n) {
                 for (int i = 0; i < n; ++i) {
                     natsMsg* m = nullptr;
                     must(natsMsg_Create(&m, "b.numbered", nullptr, text.data(), size), "message");
                     must(
                         natsMsgHeader_Set(m, "Wye-Number",
                                           ("fedcba9876543210 " + std::to_string(i) + " " + std::to_string(i)).c_str()),
                         "header");
                     must(natsConnection_PublishMsg(bare.nc, m), "publish");
                     natsMsg_Destroy(m);
                 }
                 must(natsConnection_Flush(bare.nc), "flush");
             },
             [&](int n) {
                 for (int i = 0; i < n; ++i) or_throw(publisher.publish(bytes_of(text)));
                 or_throw(publisher.flush(10s));
             }},
            rounds);

    natsSubscription* sub = nullptr;
    must(natsConnection_SubscribeSync(&sub, bare.nc, "b.hear"), "subscribe");
    must(natsSubscription_SetPendingLimits(sub, -1, -1), "limits");
    auto inbox = or_throw(ours->subscribe("b.hear2", {.most = SIZE_MAX, .most_bytes = SIZE_MAX}));
    or_throw(ours->flush(5s));
    const auto send = [&](const char* subject, int n) {
        for (int i = 0; i < n; ++i) must(natsConnection_Publish(bare.nc, subject, text.data(), size), "publish");
        must(natsConnection_Flush(bare.nc), "flush");
    };
    measure({"hear (a core subject, sent meanwhile)", 200'000,
             [&](int n) {
                 std::thread from([&] { send("b.hear", n); });
                 for (int i = 0; i < n; ++i) {
                     natsMsg* m = nullptr;
                     must(natsSubscription_NextMsg(&m, sub, 10'000), "next");
                     natsMsg_Destroy(m);
                 }
                 from.join();
             },
             [&](int n) {
                 std::thread from([&] { send("b.hear2", n); });
                 for (int i = 0; i < n; ++i) (void)or_throw(inbox->next(10s));
                 from.join();
             }},
            rounds);

    const auto stream = or_throw(ours->ensure_stream({.name = "B", .subjects = {"b.keep"}}, 5s));
    int id = 0;
    measure({"store (a stream, acknowledged, with an id)", 3'000,
             [&](int n) {
                 for (int i = 0; i < n; ++i) {
                     jsPubOptions o;
                     jsPubOptions_Init(&o);
                     const auto name = "bare" + std::to_string(++id);
                     o.MsgId = name.c_str();
                     jsPubAck* ack = nullptr;
                     must(js_Publish(&ack, bare.js, "b.keep", text.data(), size, &o, nullptr), "js_Publish");
                     jsPubAck_Destroy(ack);
                 }
             },
             [&](int n) {
                 for (int i = 0; i < n; ++i)
                     (void)or_throw(ours->store(stream, {.subject = "b.keep", .bytes = bytes_of(text)},
                                                "wye" + std::to_string(++id), 10s));
             }},
            rounds);

    // The stream is full of those now: two readers with a memory of their own go through it.
    natsSubscription* pull = nullptr;
    jsSubOptions so;
    jsSubOptions_Init(&so);
    so.Stream = "B";
    must(js_PullSubscribe(&pull, bare.js, "b.keep", "bare", nullptr, &so, nullptr), "pull");
    auto puller = or_throw(ours->pull({.stream = stream, .durable = "wye"}, 5s));
    measure({"take one and settle it (a stream, acknowledged)", 2'000,
             [&](int n) {
                 for (int i = 0; i < n; ++i) {
                     natsMsgList list{};
                     must(natsSubscription_Fetch(&list, pull, 1, 5000, nullptr), "fetch");
                     must(natsMsg_AckSync(list.Msgs[0], nullptr, nullptr), "ack");
                     natsMsgList_Destroy(&list);
                 }
             },
             [&](int n) {
                 for (int i = 0; i < n; ++i) or_throw(puller->done(or_throw(puller->next(5s)), true, 5s));
             }},
            rounds);
    natsSubscription_Destroy(pull);
    natsSubscription_Destroy(sub);
    return 0;
}
