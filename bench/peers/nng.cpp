// nng's ipc: sockets that a pool of threads in each process serves.
#include "peer.hpp"

#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>

#include <atomic>

using namespace wye::peers;

namespace {

void good(int r, const char* call) {
    if (r != 0) fail(call, nng_strerror(r));
}

std::atomic<unsigned> arrived{0};

// Not closed: nng_close() of 1.5.2 can wait for itself for ever while the other end sends. The process ends soon.
class Socket : public End {
public:
    explicit Socket(int (*make)(nng_socket*)) { good(make(&socket_), "nng_open"); }
    nng_socket get() const { return socket_; }

    void send(wye::Bytes b) override {
        good(nng_send(socket_, const_cast<std::byte*>(b.data()), b.size(), 0), "nng_send");
    }
    std::size_t recv(wye::MutBytes into, bool poll) override {
        for (;;) {
            auto n = into.size();
            const int r = nng_recv(socket_, into.data(), &n, poll ? int{NNG_FLAG_NONBLOCK} : 0);
            if (r == 0) return n;
            if (!poll || r != NNG_EAGAIN) good(r, "nng_recv");
            let_others();
        }
    }

private:
    nng_socket socket_{};
};

class Nng : public Means {
public:
    Nng() {
        name = "nng", group = "peer", version = nng_version(), shapes = duel | fan | queue | request,
        own_threads = true, can = answers | looks;
        summary =
            "abstract:// (Unix sockets), a pool of threads a process, room for 1024 messages at each end: pair0; "
            "pub0 and sub0, which drop what finds no room; push0 and pull0; req0 and rep0; poll is "
            "NNG_FLAG_NONBLOCK and sched_yield(2)";
    }
    void prepare(Shape s, unsigned parties) override {
        address_ = "abstract://" + fresh_name(), others_ = parties - 1, lossless = s != fan;
    }
    std::unique_ptr<End> open(Role r, unsigned) override {
        auto s = std::make_unique<Socket>(maker_of(r));
        // Neither is an option of each protocol.
        (void)nng_socket_set_int(s->get(), NNG_OPT_SENDBUF, 1024);
        (void)nng_socket_set_int(s->get(), NNG_OPT_RECVBUF, 1024);
        good(nng_socket_set_size(s->get(), NNG_OPT_RECVMAXSZ, 0), "nng_socket_set_size");
        good(nng_socket_set_ms(s->get(), NNG_OPT_RECONNMINT, 1), "nng_socket_set_ms");
        good(nng_pipe_notify(
                 s->get(), NNG_PIPE_EV_ADD_POST, [](nng_pipe, nng_pipe_ev, void*) { ++arrived; }, nullptr),
             "nng_pipe_notify");
        if (r == Role::subscriber) good(nng_socket_set(s->get(), NNG_OPT_SUB_SUBSCRIBE, "", 0), "nng_socket_set");
        if (r == Role::first || r == Role::publisher || r == Role::producer || r == Role::server)
            good(nng_listen(s->get(), address_.c_str(), nullptr, 0), "nng_listen");
        else
            good(nng_dial(s->get(), address_.c_str(), nullptr, NNG_FLAG_NONBLOCK), "nng_dial");
        if (r == Role::publisher || r == Role::producer) await("nng_listen", [this] { return arrived >= others_; });
        return s;
    }

private:
    static int (*maker_of(Role r))(nng_socket*) {
        switch (r) {
            case Role::publisher:
                return nng_pub0_open;
            case Role::subscriber:
                return nng_sub0_open;
            case Role::producer:
                return nng_push0_open;
            case Role::worker:
                return nng_pull0_open;
            case Role::server:
                return nng_rep0_open;
            case Role::client:
                return nng_req0_open;
            default:
                return nng_pair0_open;
        }
    }
    std::string address_;
    unsigned others_ = 1;
};

}  // namespace

int main(int argc, char** argv) { return peer_main(argc, argv, all_of<Nng>()); }
