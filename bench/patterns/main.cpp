// The patterns of wye: flow and paced as the others; call, and the bare ping-pong that it is compared with; how evenly
// a work queue shares. `uri` and `listen` are the two sides' addresses. `bare=1`: what shm: stands on, without a
// pattern.
#include "wye/pattern/pub_sub.hpp"
#include "wye/pattern/request.hpp"
#include "wye/pattern/work_queue.hpp"
#include "wye/registry/open.hpp"
#include "wye/transport/shm_ring.hpp"

#include "ways.hpp"

#include <sys/socket.h>

using namespace wye;
using namespace wye::bench;
using namespace std::chrono_literals;

namespace {

struct Where {
    std::string connect, listen;
    explicit Where(const Args& a) {
        const auto at = a.given.find("uri"), l = a.given.find("listen");
        connect = at == a.given.end() ? "unix:@wye-bench-" + std::to_string(getpid()) : at->second;
        listen = l != a.given.end() ? l->second : is_ring() ? connect : connect + "?listen";
    }
    ~Where() {
        if (is_ring() && getpid() == maker) (void)remove(connect);
    }
    bool is_ring() const { return connect.starts_with("shm:"); }
    std::string ring_name() const { return connect.substr(4); }
    pid_t maker = getpid();
};

struct PubSub : Where {
    using Where::Where;
    struct Out {
        Publisher<Bytes> p;
        void send(std::span<const std::byte> b) { or_throw(p.publish(b)); }
    };
    struct In {
        Subscriber<Bytes> s;
        void recv(std::span<std::byte> b) {
            const auto got = s.next();
            if (!got) throw_error(got.error());
            std::memcpy(b.data(), (*got)->data(), std::min(b.size(), (*got)->size()));
        }
    };
    Out sender() const { return {or_throw(Publisher<Bytes>::open(listen))}; }
    In receiver() const { return {or_throw(Subscriber<Bytes>::open(connect, {.slow = Slow::block}, 5s))}; }
};

struct Queue : Where {
    using Where::Where;
    struct Out {
        Producer<Bytes> p;
        void send(std::span<const std::byte> b) { or_throw(p.put(b)); }
    };
    struct In {
        Worker<Bytes> w;
        void recv(std::span<std::byte> b) {
            auto job = w.take();
            if (!job) throw_error(job.error());
            std::memcpy(b.data(), (*job)->data(), std::min(b.size(), (*job)->size()));
            or_throw(std::move(*job).done());
        }
    };
    Out sender() const { return {or_throw(Producer<Bytes>::open(listen))}; }
    In receiver() const { return {or_throw(Worker<Bytes>::open(connect, {}, 5s))}; }
};

// The rings below them, made as the carriers make them.
ShmOptions ring_of(ring::Shape shape) {
    ShmOptions o{.waits_on = true};
    o.made.shape = shape;
    if (shape == ring::Shape::queue) o.made.bytes = 64 << 10, o.made.most_deliveries = 5;
    return o;
}

struct BarePubSub : Where {
    using Where::Where;
    struct Out {
        ShmWriter w;
        void send(std::span<const std::byte> b) { or_throw(w.send(b)); }
    };
    struct In {
        ShmReader r;
        void recv(std::span<std::byte> b) {
            const auto got = r.recv_view();
            if (!got) throw_error(got.error());
            std::memcpy(b.data(), got->data(), std::min(b.size(), got->size()));
        }
    };
    Out sender() const { return {or_throw(ShmWriter::open(ring_name(), ring_of(ring::Shape::broadcast)))}; }
    In receiver() const { return {or_throw(ShmReader::open(ring_name(), ring_of(ring::Shape::broadcast)))}; }
};

struct BareQueue : Where {
    using Where::Where;
    struct Out {
        ShmProducer p;
        void send(std::span<const std::byte> b) { or_throw(p.send(b)); }
    };
    struct In {
        ShmWorker w;
        void recv(std::span<std::byte> b) {
            auto job = w.take();
            if (!job) throw_error(job.error());
            std::memcpy(b.data(), job->bytes().data(), std::min(b.size(), job->bytes().size()));
            std::move(*job).done();
        }
    };
    Out sender() const { return {or_throw(ShmProducer::open(ring_name(), ring_of(ring::Shape::queue)))}; }
    In receiver() const { return {or_throw(ShmWorker::open(ring_name(), ring_of(ring::Shape::queue)))}; }
};

// There and back.
void call(const Args& a) {
    const Where where(a);
    const auto size = a.number("bytes", 64), n = a.number("n", 20000);
    auto& m = shared<Meeting>();
    Child child(a, [&] {
        auto s = or_throw(Server<Bytes, Bytes>::open(where.listen));
        m.listens = 1;
        for (;;) or_throw(s.serve_one([](Bytes b) { return b; }));
    });
    pin(a, Side::parent);
    await(m.listens, 1);
    auto c = or_throw(Client<Bytes, Bytes>::open(where.connect, {}, 5s));
    const std::vector<std::byte> out(size, std::byte{1});
    std::vector<std::uint64_t> took;
    for (std::size_t i = 0; i < n + n / 10; ++i) {
        const auto begin = ticks();
        touched((or_throw(c.call(out, 10s))).data());
        if (i >= n / 10) took.push_back(ticks() - begin);
    }
    print_times(std::move(took), 1);
}

void bare(const Args& a) {
    const auto size = a.number("bytes", 64), n = a.number("n", 20000);
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0) give_up("socketpair");
    std::vector<std::byte> room(size);
    Child child(a, [&] {
        for (;;)
            if (recv(ends[1], room.data(), room.size(), 0) <= 0 || send(ends[1], room.data(), room.size(), 0) <= 0)
                give_up("child");
    });
    pin(a, Side::parent);
    std::vector<std::uint64_t> took;
    for (std::size_t i = 0; i < n + n / 10; ++i) {
        const auto begin = ticks();
        if (send(ends[0], room.data(), room.size(), 0) <= 0 || recv(ends[0], room.data(), room.size(), 0) <= 0)
            give_up("parent");
        if (i >= n / 10) took.push_back(ticks() - begin);
    }
    print_times(std::move(took), 1);
}

// Four workers, and how many jobs each had; the first is `slower` times as slow as the others. `all`: the time of it
// all, of what it would be if nobody ever waited.
void share(const Args& a) {
    const Where where(a);
    const auto us = a.number("us", 1000), slower = a.number("slower", 1), n = a.number("n", 2000);
    constexpr std::size_t workers = 4;
    struct Counts {
        std::atomic<unsigned> ready{0}, done{0}, by[workers]{};
        std::atomic<std::uint64_t> busy[workers]{};
    };
    auto& c = shared<Counts>();
    auto producer = or_throw(Producer<Bytes>::open(where.listen));
    std::vector<std::unique_ptr<Child>> all;
    for (std::size_t w = 0; w < workers; ++w)
        all.push_back(std::make_unique<Child>(a, [&, w] {
            prctl(PR_SET_TIMERSLACK, 1);
            auto in = or_throw(Worker<Bytes>::open(where.connect, {}, 5s));
            ++c.ready;
            for (;;) {
                auto job = or_throw(in.take());
                const auto begin = ticks();
                usleep(static_cast<useconds_t>(w == 0 ? us * slower : us));
                c.busy[w] += ticks() - begin;
                ++c.by[w];
                or_throw(std::move(job).done());
                ++c.done;
            }
        }));
    await(c.ready, workers);
    const std::byte body[64]{};
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < n; ++i) or_throw(producer.put(body));
    while (c.done < n) usleep(200);
    const auto took = std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count();
    const auto [least, most] = std::minmax({c.by[0].load(), c.by[1].load(), c.by[2].load(), c.by[3].load()});
    // By the time that a job really took each of them.
    double rate = 0;
    for (std::size_t w = 0; w < workers; ++w) rate += c.by[w] / (static_cast<double>(c.busy[w]) * ns_a_tick() / 1000);
    const double ideal = static_cast<double>(n) / rate;
    std::printf("{\"most/least\": %.3f, \"all\": %.3f}\n", 1.0 * most / least, took / ideal);
}

}  // namespace

int main(int argc, char** argv) {
    const Args a(argc, argv);
    try {
        const bool queue = is(a, "pattern", "queue");
        if (is(a, "bare", "1") ? queue ? ways_of<BareQueue>(a) : ways_of<BarePubSub>(a)
            : queue ? ways_of<Queue>(a)
                               : ways_of<PubSub>(a))
            return 0;
        if (a.what == "call") return call(a), 0;
        if (a.what == "bare") return bare(a), 0;
        if (a.what == "share") return share(a), 0;
    } catch (const Exception& e) {
        give_up(e.error().message());
    }
    give_up("flow, paced, turns, call, bare or share");
}
