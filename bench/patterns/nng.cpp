// nng over ipc://: pub and sub (which drops what its queues do not hold), push and pull.
#include "ways.hpp"

#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>

using namespace wye::bench;

namespace {

void good(int r) {
    if (r != 0) give_up(nng_strerror(r));
}

struct Nng {
    std::string address = "abstract://wye-bench-" + std::to_string(getpid());
    bool queue;
    explicit Nng(const Args& a) : queue(is(a, "pattern", "queue")) {}

    struct End {
        nng_socket socket;
        void send(std::span<std::byte> b) const { good(nng_send(socket, b.data(), b.size(), 0)); }
        void recv(std::span<std::byte> b) const {
            auto n = b.size();
            good(nng_recv(socket, b.data(), &n, 0));
        }
    };
    End sender() const {
        End e{};
        good(queue ? nng_push0_open(&e.socket) : nng_pub0_open(&e.socket));
        nng_socket_set_int(e.socket, NNG_OPT_SENDBUF, 8192);
        good(nng_listen(e.socket, address.c_str(), nullptr, 0));
        return e;
    }
    End receiver() const {
        End e{};
        good(queue ? nng_pull0_open(&e.socket) : nng_sub0_open(&e.socket));
        nng_socket_set_int(e.socket, NNG_OPT_RECVBUF, 8192);
        if (!queue) good(nng_socket_set(e.socket, NNG_OPT_SUB_SUBSCRIBE, "", 0));
        good(nng_dial(e.socket, address.c_str(), nullptr, 0));
        return e;
    }
};

}  // namespace

int main(int argc, char** argv) {
    const Args a(argc, argv);
    if (ways_of<Nng>(a)) return 0;
    give_up("flow or paced");
}
