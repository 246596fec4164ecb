// The kernel's own: pipe, Unix socket, POSIX queue, in bare system calls.
#include "links.hpp"

#include <fcntl.h>
#include <mqueue.h>
#include <sys/socket.h>

using namespace wye::bench;

namespace {

struct Descriptors {
    int in, out;
    void send(std::span<const std::byte> b) const {
        for (std::size_t n = 0; n < b.size();) {
            const auto now = ::write(out, b.data() + n, b.size() - n);
            if (now < 0) give_up("write");
            n += static_cast<std::size_t>(now);
        }
    }
    void recv(std::span<std::byte> b) const {
        for (std::size_t n = 0; n < b.size();) {
            const auto now = ::read(in, b.data() + n, b.size() - n);
            if (now <= 0) give_up("read");
            n += static_cast<std::size_t>(now);
        }
    }
};

struct Pipe {
    int there[2], back[2];
    explicit Pipe(const Args&) {
        if (pipe(there) != 0 || pipe(back) != 0) give_up("pipe");
    }
    Descriptors open(Side s) const {
        return s == Side::parent ? Descriptors{back[0], there[1]} : Descriptors{there[0], back[1]};
    }
};

struct Unix {
    int ends[2];
    explicit Unix(const Args&) {
        if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0) give_up("socketpair");
    }
    Descriptors open(Side s) const {
        const int end = ends[s == Side::parent ? 0 : 1];
        return {end, end};
    }
};

struct PosixQueue {
    mqd_t there, back;
    static mqd_t make(const char* which, std::size_t size) {
        const auto name = "/wye-bench-" + std::to_string(getpid()) + which;
        mq_attr attr{};
        attr.mq_maxmsg = 10, attr.mq_msgsize = static_cast<long>(size);
        const auto q = mq_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
        if (q == mqd_t(-1)) give_up("mq_open");
        mq_unlink(name.c_str());
        return q;
    }
    struct Link {
        mqd_t in, out;
        void send(std::span<const std::byte> b) const {
            if (mq_send(out, reinterpret_cast<const char*>(b.data()), b.size(), 0) != 0) give_up("mq_send");
        }
        void recv(std::span<std::byte> b) const {
            if (mq_receive(in, reinterpret_cast<char*>(b.data()), b.size(), nullptr) < 0) give_up("mq_receive");
        }
    };
    explicit PosixQueue(const Args& a)
        : there(make("a", a.number("bytes", 8))), back(make("b", a.number("bytes", 8))) {}
    Link open(Side s) const { return s == Side::parent ? Link{back, there} : Link{there, back}; }
};

}  // namespace

int main(int argc, char** argv) {
    const Args a(argc, argv);
    const auto means = a.given.find("means");
    if (means != a.given.end() && means->second == "unix") return main_of<Unix>(argc, argv);
    if (means != a.given.end() && means->second == "posix-mq") return main_of<PosixQueue>(argc, argv);
    return main_of<Pipe>(argc, argv);
}
