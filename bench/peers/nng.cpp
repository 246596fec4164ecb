// nng's ipc://: a pair of sockets, a pool of threads in each process.
#include "links.hpp"

#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>

using namespace wye::bench;

namespace {

struct Nng {
    std::string address = "abstract://wye-bench-" + std::to_string(getpid());
    bool polls;

    struct Link {
        nng_socket socket;
        int flags = 0;
        template <class Call>
        void until_done(Call&& call) const {
            for (int r; (r = call()) != 0;) {
                if (r != NNG_EAGAIN) give_up(nng_strerror(r));
                relax();
            }
        }
        void send(std::span<std::byte> b) const {
            until_done([&] { return nng_send(socket, b.data(), b.size(), flags); });
        }
        void recv(std::span<std::byte> b) const {
            until_done([&] {
                auto n = b.size();
                return nng_recv(socket, b.data(), &n, flags);
            });
        }
    };

    explicit Nng(const Args& a) : polls(a.polls()) {}
    Link open(Side s) const {
        nng_socket socket;
        const auto good = [](int r) {
            if (r != 0) give_up(nng_strerror(r));
        };
        good(nng_pair0_open(&socket));
        nng_socket_set_int(socket, NNG_OPT_SENDBUF, 1024);
        nng_socket_set_int(socket, NNG_OPT_RECVBUF, 1024);
        if (s == Side::parent)
            good(nng_listen(socket, address.c_str(), nullptr, 0));
        else
            good(nng_dial(socket, address.c_str(), nullptr, NNG_FLAG_NONBLOCK));
        return {socket, polls ? int{NNG_FLAG_NONBLOCK} : 0};
    }
};

}  // namespace

int main(int argc, char** argv) { return main_of<Nng>(argc, argv); }
