// ZeroMQ's ipc://: a pair of sockets, an I/O thread in each process.
#include "links.hpp"

#include <zmq.h>

using namespace wye::bench;

namespace {

struct ZeroMq {
    std::string address = "ipc://@wye-bench-" + std::to_string(getpid());
    bool polls;

    struct Link {
        void* socket;
        int flags;
        template <class Call>
        void until_done(Call&& call) const {
            while (call() < 0) {
                if (zmq_errno() != EAGAIN) give_up(zmq_strerror(zmq_errno()));
                relax();
            }
        }
        void send(std::span<const std::byte> b) const {
            until_done([&] { return zmq_send(socket, b.data(), b.size(), flags); });
        }
        void recv(std::span<std::byte> b) const {
            until_done([&] { return zmq_recv(socket, b.data(), b.size(), flags); });
        }
    };

    explicit ZeroMq(const Args& a) : polls(a.polls()) {}
    Link open(Side s) const {
        void* socket = zmq_socket(zmq_ctx_new(), ZMQ_PAIR);
        const int r = s == Side::parent ? zmq_bind(socket, address.c_str()) : zmq_connect(socket, address.c_str());
        if (r != 0) give_up(zmq_strerror(zmq_errno()));
        return {socket, polls ? ZMQ_DONTWAIT : 0};
    }
};

}  // namespace

int main(int argc, char** argv) { return main_of<ZeroMq>(argc, argv); }
