// ZeroMQ's ipc://: sockets that an I/O thread in each process serves.
#include "peer.hpp"

#include <zmq.h>

using namespace wye::peers;

namespace {

void good(int r, const char* call) {
    if (r < 0) fail(call, zmq_strerror(zmq_errno()));
}

class Socket : public End {
public:
    explicit Socket(int type) : context_(zmq_ctx_new()), socket_(zmq_socket(context_, type)) {
        if (!socket_) good(-1, "zmq_socket");
        set(ZMQ_LINGER, 0);
        set(ZMQ_RECONNECT_IVL, 1);  // who comes first looks again each millisecond, not each 100
    }
    ~Socket() override {
        if (ear_) zmq_close(ear_);
        zmq_close(socket_);
        zmq_ctx_term(context_);
    }
    void set(int option, int value) { good(zmq_setsockopt(socket_, option, &value, sizeof value), "zmq_setsockopt"); }
    void subscribe() { good(zmq_setsockopt(socket_, ZMQ_SUBSCRIBE, "", 0), "zmq_setsockopt"); }
    void bind(const std::string& address) { good(zmq_bind(socket_, address.c_str()), "zmq_bind"); }
    void connect(const std::string& address) { good(zmq_connect(socket_, address.c_str()), "zmq_connect"); }

    void send(wye::Bytes b) override { good(zmq_send(socket_, b.data(), b.size(), 0), "zmq_send"); }
    std::size_t recv(wye::MutBytes into, bool poll) override {
        for (;;) {
            const int n = zmq_recv(socket_, into.data(), into.size(), poll ? ZMQ_DONTWAIT : 0);
            if (n >= 0) return std::min(into.size(), static_cast<std::size_t>(n));
            if (!poll || zmq_errno() != EAGAIN) good(n, "zmq_recv");
            let_others();
        }
    }

    // What has connected can be sent to only when hands were shaken, of subscribers when they have subscribed.
    void watch() {
        good(zmq_socket_monitor(socket_, "inproc://arrivals", ZMQ_EVENT_HANDSHAKE_SUCCEEDED), "zmq_socket_monitor");
        ear_ = zmq_socket(context_, ZMQ_PAIR);
        good(zmq_connect(ear_, "inproc://arrivals"), "zmq_connect");
    }
    void await_arrivals(unsigned n) { hear(ear_, 2 * n); }  // of two parts each
    void await_subscriptions(unsigned n) { hear(socket_, n); }

private:
    static void hear(void* socket, unsigned n) {
        char room[256];
        for (; n > 0; --n) {
            zmq_pollitem_t item{.socket = socket, .fd = 0, .events = ZMQ_POLLIN, .revents = 0};
            if (zmq_poll(&item, 1, 5000) <= 0) fail("zmq_poll", "nobody came in 5 s");
            good(zmq_recv(socket, room, sizeof room, 0), "zmq_recv");
        }
    }
    void *context_, *socket_, *ear_ = nullptr;
};

class ZeroMq : public Means {
public:
    ZeroMq() {
        int major, minor, patch;
        zmq_version(&major, &minor, &patch);
        name = "zeromq", group = "peer", shapes = duel | fan | queue | request, own_threads = true,
        can = answers | looks;
        version = std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
        summary =
            "ipc:// (abstract Unix sockets), an I/O thread a process, high-water marks of 1000 messages: PAIR; "
            "XPUB (NODROP) and SUB; PUSH and PULL; REQ and REP; poll is ZMQ_DONTWAIT and sched_yield(2)";
    }
    void prepare(Shape, unsigned parties) override { address_ = "ipc://@" + fresh_name(), others_ = parties - 1; }
    std::unique_ptr<End> open(Role r, unsigned) override {
        auto s = std::make_unique<Socket>(type_of(r));
        const bool listens = r == Role::first || r == Role::publisher || r == Role::producer || r == Role::server;
        if (r == Role::publisher) {
            s->set(ZMQ_XPUB_NODROP, 1);
            s->set(ZMQ_XPUB_VERBOSE, 1);  // or only the first of equal subscriptions is told
        }
        if (r == Role::subscriber) s->subscribe();
        if (r == Role::producer) s->watch();
        if (!listens) {
            s->connect(address_);
            return s;
        }
        s->bind(address_);
        if (r == Role::publisher) s->await_subscriptions(others_);
        if (r == Role::producer) s->await_arrivals(others_);
        return s;
    }

private:
    static int type_of(Role r) {
        switch (r) {
            case Role::publisher:
                return ZMQ_XPUB;
            case Role::subscriber:
                return ZMQ_SUB;
            case Role::producer:
                return ZMQ_PUSH;
            case Role::worker:
                return ZMQ_PULL;
            case Role::server:
                return ZMQ_REP;
            case Role::client:
                return ZMQ_REQ;
            default:
                return ZMQ_PAIR;
        }
    }
    std::string address_;
    unsigned others_ = 1;
};

}  // namespace

int main(int argc, char** argv) { return peer_main(argc, argv, all_of<ZeroMq>()); }
