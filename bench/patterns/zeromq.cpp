// ZeroMQ over ipc://: PUB and SUB, PUSH and PULL; nothing is dropped.
#include "ways.hpp"

#include <zmq.h>

using namespace wye::bench;

namespace {

template <int Out, int In>
struct ZeroMq {
    std::string address = "ipc://@wye-bench-" + std::to_string(getpid());
    explicit ZeroMq(const Args&) {}

    struct End {
        void* socket;
        void send(std::span<const std::byte> b) const {
            if (zmq_send(socket, b.data(), b.size(), 0) < 0) give_up(zmq_strerror(zmq_errno()));
        }
        void recv(std::span<std::byte> b) const {
            if (zmq_recv(socket, b.data(), b.size(), 0) < 0) give_up(zmq_strerror(zmq_errno()));
        }
    };
    End sender() const {
        End e{zmq_socket(zmq_ctx_new(), Out)};
        if constexpr (Out == ZMQ_XPUB) {
            const int yes = 1;
            zmq_setsockopt(e.socket, ZMQ_XPUB_NODROP, &yes, sizeof yes);
        }
        if (zmq_bind(e.socket, address.c_str()) != 0) give_up(zmq_strerror(zmq_errno()));
        return e;
    }
    End receiver() const {
        End e{zmq_socket(zmq_ctx_new(), In)};
        if constexpr (In == ZMQ_SUB) zmq_setsockopt(e.socket, ZMQ_SUBSCRIBE, "", 0);
        if (zmq_connect(e.socket, address.c_str()) != 0) give_up(zmq_strerror(zmq_errno()));
        return e;
    }
};

}  // namespace

int main(int argc, char** argv) {
    const Args a(argc, argv);
    if (is(a, "pattern", "queue") ? ways_of<ZeroMq<ZMQ_PUSH, ZMQ_PULL>>(a) : ways_of<ZeroMq<ZMQ_XPUB, ZMQ_SUB>>(a))
        return 0;
    give_up("flow or paced");
}
