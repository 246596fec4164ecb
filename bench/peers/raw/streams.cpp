// Pipes and sockets. Messages of one size, which both ends know: no frame, and no call beside the one that carries.
#include "wye/os/fd.hpp"

#include "raw.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

namespace wye::peers {
namespace {

void send_all(int fd, Bytes b, bool packet) {
    if (packet) return (void)done("send", [&] { return ::send(fd, b.data(), b.size(), 0); });
    while (!b.empty())
        b = b.subspan(static_cast<std::size_t>(done("write", [&] { return ::write(fd, b.data(), b.size()); })));
}

class SocketEnd : public End {
public:
    SocketEnd(Fd fd, std::size_t size, bool packets) : fd_(std::move(fd)), size_(size), packets_(packets) {}
    void send(Bytes b) override { send_all(fd_.get(), b, packets_); }
    std::size_t recv(MutBytes into, bool poll) override {
        const int flags = poll ? MSG_DONTWAIT : 0;
        std::size_t n = 0;
        do {
            const auto more =
                done("recv", poll, EAGAIN, [&] { return ::recv(fd_.get(), into.data() + n, into.size() - n, flags); });
            if (more == 0 && size_ > 0) fail("recv", "the other end is gone");
            n += static_cast<std::size_t>(more);
        } while (!packets_ && n < size_);
        return n;
    }

private:
    Fd fd_;
    std::size_t size_;
    bool packets_;
};

class PipeEnd : public End {
public:
    PipeEnd(Fd in, Fd out, std::size_t size) : in_(std::move(in)), out_(std::move(out)), size_(size) {}
    void send(Bytes b) override { send_all(out_.get(), b, false); }
    std::size_t recv(MutBytes into, bool poll) override {
        if (poll && !polls_) polls_ = done("fcntl", [&] { return fcntl(in_.get(), F_SETFL, O_NONBLOCK); }) == 0;
        for (std::size_t n = 0; n < size_;) {
            const auto more = done("read", poll, EAGAIN, [&] { return ::read(in_.get(), into.data() + n, size_ - n); });
            if (more == 0) fail("read", "the other end is gone");
            n += static_cast<std::size_t>(more);
        }
        return size_;
    }

private:
    Fd in_, out_;
    std::size_t size_;
    bool polls_ = false;
};

class Pipe : public RawMeans {
public:
    Pipe() : RawMeans("raw:pipe", "pipe(2), write(2) and read(2) of a size both know; poll is O_NONBLOCK") {}
    void prepare(Shape, unsigned) override {
        for (auto& p : pipes_) {
            int ends[2];
            done("pipe2", [&] { return pipe2(ends, O_CLOEXEC); });
            p[0] = Fd(ends[0]), p[1] = Fd(ends[1]);
        }
    }
    std::unique_ptr<End> open(Role r, unsigned) override {
        const unsigned mine = r == Role::first ? 0 : 1;
        auto end = std::make_unique<PipeEnd>(std::move(pipes_[1 - mine][0]), std::move(pipes_[mine][1]), size);
        clean();
        return end;
    }
    void clean() noexcept override {
        for (auto& p : pipes_) p[0].reset(), p[1].reset();
    }

private:
    Fd pipes_[2][2];
};

// Both ends there before the processes part.
class Pair : public RawMeans {
public:
    Pair(std::string n, std::string what, int domain, int type)
        : RawMeans(std::move(n), std::move(what)), domain_(domain), type_(type) {
        lossless = domain == AF_UNIX;
        if (domain == AF_INET) largest = 65507;
        if (domain == AF_UNIX && type == SOCK_DGRAM) largest = 212'992 - 32;  // half of it is the kernel's
    }
    void prepare(Shape, unsigned) override {
        if (domain_ == AF_INET) return meet();
        int ends[2];
        done("socketpair", [&] { return socketpair(domain_, type_ | SOCK_CLOEXEC, 0, ends); });
        ends_[0] = Fd(ends[0]), ends_[1] = Fd(ends[1]);
    }
    std::unique_ptr<End> open(Role r, unsigned) override {
        auto end = std::make_unique<SocketEnd>(std::move(ends_[r == Role::first ? 0 : 1]), size, type_ != SOCK_STREAM);
        clean();
        return end;
    }
    void clean() noexcept override { ends_[0].reset(), ends_[1].reset(); }

private:
    void meet() {
        sockaddr_in at[2]{};
        for (int i = 0; i < 2; ++i) {
            ends_[i] = Fd(done("socket", [&] { return socket(AF_INET, type_ | SOCK_CLOEXEC, 0); }));
            at[i].sin_family = AF_INET, at[i].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            auto* a = reinterpret_cast<sockaddr*>(&at[i]);
            socklen_t n = sizeof at[i];
            done("bind", [&] { return bind(ends_[i].get(), a, n); });
            done("getsockname", [&] { return getsockname(ends_[i].get(), a, &n); });
        }
        for (int i = 0; i < 2; ++i)
            done("connect",
                 [&] { return connect(ends_[i].get(), reinterpret_cast<sockaddr*>(&at[1 - i]), sizeof at[i]); });
    }
    int domain_, type_;
    Fd ends_[2];
};

// ---------------------------------------------------------------- one listens

class Told : public OneWay {
public:
    Told(std::vector<Fd> to, bool packets) : to_(std::move(to)), packets_(packets) {}
    void send(Bytes b) override {
        for (const auto& fd : to_) send_all(fd.get(), b, packets_);
    }

private:
    std::vector<Fd> to_;
    bool packets_;
};

// Asked by several: poll(2) says by whom.
class Server : public OneWay {
public:
    Server(std::vector<Fd> clients, std::size_t size, bool packets) {
        for (auto& c : clients) {
            polled_.push_back({.fd = c.get(), .events = POLLIN, .revents = 0});
            ends_.push_back(std::make_unique<SocketEnd>(std::move(c), size, packets));
        }
    }
    void serve(MutBytes room) override {
        if (ends_.size() > 1) done("poll", [&] { return ::poll(polled_.data(), polled_.size(), -1); });
        for (std::size_t i = 0; i < ends_.size(); ++i)
            if (ends_.size() == 1 || polled_[i].revents) ends_[i]->send(room.first(ends_[i]->recv(room, false)));
    }

private:
    std::vector<pollfd> polled_;
    std::vector<std::unique_ptr<SocketEnd>> ends_;
};

class Listened : public RawMeans {
public:
    Listened(std::string n, std::string what, int domain, int type)
        : RawMeans(std::move(n), std::move(what)), domain_(domain), type_(type) {
        shapes = duel | fan | request;
        if (type == SOCK_SEQPACKET) largest = 212'992 - 32;
    }
    void prepare(Shape, unsigned parties) override {
        others_ = parties - 1;
        listener_ = fresh();
        if (domain_ == AF_UNIX) {
            const auto called = fresh_name();
            auto* u = reinterpret_cast<sockaddr_un*>(&at_);
            u->sun_family = AF_UNIX;
            std::memcpy(u->sun_path + 1, called.data(), called.size());  // after a 0: it is no file
            length_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + called.size());
        } else {
            auto* in = reinterpret_cast<sockaddr_in*>(&at_);
            in->sin_family = AF_INET, in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
            length_ = sizeof *in;
        }
        auto* a = reinterpret_cast<sockaddr*>(&at_);
        done("bind", [&] { return bind(listener_.get(), a, length_); });
        done("listen", [&] { return listen(listener_.get(), 64); });
        done("getsockname", [&] { return getsockname(listener_.get(), a, &length_); });
    }
    std::unique_ptr<End> open(Role r, unsigned) override {
        if (r == Role::publisher) return std::make_unique<Told>(all_who_come(), packets());
        if (r == Role::server) return std::make_unique<LateServer>(*this);
        Fd fd = r == Role::first ? accepted() : fresh();
        if (r != Role::first)
            done("connect", [&] { return connect(fd.get(), reinterpret_cast<sockaddr*>(&at_), length_); });
        no_delay(fd);
        return std::make_unique<SocketEnd>(std::move(fd), size, packets());
    }
    void clean() noexcept override { listener_.reset(); }

private:
    // It is said to be ready before its clients come.
    class LateServer : public OneWay {
    public:
        explicit LateServer(Listened& m) : m_(m) {}
        void serve(MutBytes room) override {
            if (!server_) server_ = std::make_unique<Server>(m_.all_who_come(), m_.size, m_.packets());
            server_->serve(room);
        }

    private:
        Listened& m_;
        std::unique_ptr<Server> server_{};
    };
    bool packets() const { return type_ != SOCK_STREAM; }
    Fd fresh() const {
        return Fd(done("socket", [&] { return socket(domain_, type_ | SOCK_CLOEXEC, 0); }));
    }
    Fd accepted() const {
        Fd fd(done("accept4", [&] { return accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC); }));
        no_delay(fd);
        return fd;
    }
    std::vector<Fd> all_who_come() const {
        std::vector<Fd> all;
        while (all.size() < others_) all.push_back(accepted());
        return all;
    }
    void no_delay(const Fd& fd) const {
        const int yes = 1;
        if (domain_ == AF_INET)
            done("setsockopt", [&] { return setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes); });
    }
    int domain_, type_;
    unsigned others_ = 1;
    Fd listener_;
    sockaddr_storage at_{};
    socklen_t length_ = 0;
};

}  // namespace

void add_streams(AllMeans& all) {
    const std::string packets = "send(2) and recv(2) of whole packets; poll is MSG_DONTWAIT",
                      bytes = "write(2) and recv(2) of a size both know; poll is MSG_DONTWAIT";
    all.push_back(std::make_unique<Pipe>());
    all.push_back(
        std::make_unique<Pair>("raw:socketpair", "socketpair(2) of type SOCK_STREAM: " + bytes, AF_UNIX, SOCK_STREAM));
    all.push_back(std::make_unique<Listened>("raw:unix", "Unix stream socket: " + bytes, AF_UNIX, SOCK_STREAM));
    all.push_back(std::make_unique<Listened>("raw:unix:seqpacket", "Unix socket of type SOCK_SEQPACKET: " + packets,
                                             AF_UNIX, SOCK_SEQPACKET));
    all.push_back(std::make_unique<Pair>("raw:unix:dgram", "Unix datagram sockets: " + packets, AF_UNIX, SOCK_DGRAM));
    all.push_back(
        std::make_unique<Listened>("raw:tcp", "TCP on 127.0.0.1, TCP_NODELAY: " + bytes, AF_INET, SOCK_STREAM));
    all.push_back(std::make_unique<Pair>("raw:udp", "UDP on 127.0.0.1, connected: " + packets, AF_INET, SOCK_DGRAM));
}

}  // namespace wye::peers
