// D-Bus by sd-bus: over a bus of its own, and from one process straight to the other.
#include "peer.hpp"

#include <sys/socket.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <optional>

using namespace wye::peers;

namespace {

constexpr const char *path = "/wye/bench", *interface = "wye.bench";

int good(const char* call, int r) {
    if (r < 0) fail(call, std::strerror(-r));
    return r;
}

std::size_t bytes_of(sd_bus_message* m, wye::MutBytes into) {
    const void* data = nullptr;
    std::size_t n = 0;
    good("sd_bus_message_read_array", sd_bus_message_read_array(m, 'y', &data, &n));
    n = std::min(n, into.size());
    std::memcpy(into.data(), data, n);
    return n;
}

class Bus : public End {
public:
    Bus(sd_bus* b, std::string to) : bus_(b), to_(std::move(to)) {}
    ~Bus() override { sd_bus_close_unref(bus_); }

    // Of each message, sd_bus_process() tells `heard`.
    void hear(const char* match) {
        const auto heard = [](sd_bus_message* m, void* me, sd_bus_error*) { return static_cast<Bus*>(me)->heard(m); };
        if (match)
            good("sd_bus_add_match", sd_bus_add_match(bus_, nullptr, match, heard, this));
        else
            good("sd_bus_add_filter", sd_bus_add_filter(bus_, nullptr, heard, this));
    }
    void await_ready() {
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(5);
        while (sd_bus_is_ready(bus_) == 0) {
            if (std::chrono::steady_clock::now() > until) fail("sd_bus_process", "no connection in 5 s");
            if (good("sd_bus_process", sd_bus_process(bus_, nullptr)) == 0)
                good("sd_bus_wait", sd_bus_wait(bus_, 100'000));
        }
    }
    void send(wye::Bytes b) override {
        sd_bus_message* m = nullptr;
        good("sd_bus_message_new_signal", sd_bus_message_new_signal(bus_, &m, path, interface, "Message"));
        if (!to_.empty()) good("sd_bus_message_set_destination", sd_bus_message_set_destination(m, to_.c_str()));
        good("sd_bus_message_append_array", sd_bus_message_append_array(m, 'y', b.data(), b.size()));
        const int r = sd_bus_send(bus_, m, nullptr);
        sd_bus_message_unref(m);
        good("sd_bus_send", r);
        good("sd_bus_flush", sd_bus_flush(bus_));  // what the socket had no room for
    }
    std::size_t recv(wye::MutBytes into, bool poll) override {
        for (into_ = into, got_ = false; !got_;) {
            const int r = good("sd_bus_process", sd_bus_process(bus_, nullptr));
            if (r == 0 && poll) let_others();
            if (r == 0 && !poll) good("sd_bus_wait", sd_bus_wait(bus_, UINT64_MAX));
        }
        return length_;
    }

protected:
    int heard(sd_bus_message* m) {
        if (!sd_bus_message_is_signal(m, interface, "Message")) return 0;
        length_ = bytes_of(m, into_), got_ = true;
        return 1;
    }
    sd_bus* bus_;
    std::string to_;
    wye::MutBytes into_{};
    std::size_t length_ = 0;
    bool got_ = false;
};

class Client : public Bus {
public:
    using Bus::Bus;
    void send(wye::Bytes b) override {
        sd_bus_message* m = nullptr;
        good("sd_bus_message_new_method_call",
             sd_bus_message_new_method_call(bus_, &m, to_.empty() ? nullptr : to_.c_str(), path, interface, "Ask"));
        good("sd_bus_message_append_array", sd_bus_message_append_array(m, 'y', b.data(), b.size()));
        sd_bus_error e{};
        sd_bus_message_unref(answer_);
        answer_ = nullptr;
        const int r = sd_bus_call(bus_, m, 5'000'000, &e, &answer_);
        sd_bus_message_unref(m);
        if (r < 0) fail("sd_bus_call", e.message ? e.message : std::strerror(-r));
    }
    std::size_t recv(wye::MutBytes into, bool) override { return bytes_of(answer_, into); }
    ~Client() override { sd_bus_message_unref(answer_); }

private:
    sd_bus_message* answer_ = nullptr;
};

class Server : public Bus {
public:
    Server(sd_bus* b, std::vector<std::byte> room) : Bus(b, {}), room_(std::move(room)) {
        static const sd_bus_vtable table[] = {SD_BUS_VTABLE_START(0), SD_BUS_METHOD("Ask", "ay", "ay", asked, 0),
                                              SD_BUS_VTABLE_END};
        good("sd_bus_add_object_vtable", sd_bus_add_object_vtable(bus_, nullptr, path, interface, table, this));
    }
    void serve_with(wye::MutBytes room, wye::Bytes answer) override {
        answer_ = answer;
        serve(room);
    }
    void serve(wye::MutBytes) override {
        if (good("sd_bus_process", sd_bus_process(bus_, nullptr)) == 0)
            good("sd_bus_wait", sd_bus_wait(bus_, UINT64_MAX));
    }

private:
    static int asked(sd_bus_message* m, void* me, sd_bus_error*) {
        auto& server = *static_cast<Server*>(me);
        const auto echo = wye::Bytes(server.room_).first(bytes_of(m, server.room_));
        const auto said = server.answer_.empty() ? echo : server.answer_;
        sd_bus_message* answer = nullptr;
        good("sd_bus_message_new_method_return", sd_bus_message_new_method_return(m, &answer));
        good("sd_bus_message_append_array", sd_bus_message_append_array(answer, 'y', said.data(), said.size()));
        const int r = sd_bus_send(nullptr, answer, nullptr);
        sd_bus_message_unref(answer);
        return r;
    }
    std::vector<std::byte> room_;
    wye::Bytes answer_{};  // empty: what was asked
};

// ---------------------------------------------------------------- means

struct DBus : Means {
    DBus(std::string n, std::string what) {
        name = std::move(n), group = "peer", summary = std::move(what);
        version = "sd-bus " LIBSYSTEMD_VERSION;
        largest = 64u << 20;  // an array of D-Bus
    }
};

class Direct : public DBus {
public:
    Direct()
        : DBus("dbus:direct",
               "sd-bus over a socket pair, no bus between: a signal with an array of bytes, or a "
               "method call; poll is sd_bus_process() and sched_yield(2)") {
        shapes = duel | request, can = answers;
    }
    void prepare(Shape, unsigned parties) override {
        if (parties > 2) throw std::runtime_error("two processes only: it is one connection");
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_) != 0) fail("socketpair");
    }
    std::unique_ptr<End> open(Role r, unsigned) override {
        const bool serves = r == Role::first || r == Role::server;
        sd_bus* b = nullptr;
        good("sd_bus_new", sd_bus_new(&b));
        const int fd = std::exchange(ends_[serves ? 0 : 1], -1);
        clean();
        good("sd_bus_set_fd", sd_bus_set_fd(b, fd, fd));
        if (serves) {
            sd_id128_t id;
            good("sd_id128_randomize", sd_id128_randomize(&id));
            good("sd_bus_set_server", sd_bus_set_server(b, 1, id));
        }
        auto end = r == Role::server   ? std::make_unique<Server>(b, std::vector<std::byte>(size))
                   : r == Role::client ? std::unique_ptr<Bus>(std::make_unique<Client>(b, ""))
                                       : std::make_unique<Bus>(b, "");
        if (r == Role::first || r == Role::second) end->hear(nullptr);
        good("sd_bus_start", sd_bus_start(b));
        if (r != Role::server) end->await_ready();
        return end;
    }
    void clean() noexcept override {
        for (int& fd : ends_)
            if (fd >= 0) close(std::exchange(fd, -1));
    }

private:
    int ends_[2] = {-1, -1};
};

class OverBus : public DBus {
public:
    OverBus()
        : DBus("dbus",
               "sd-bus over a dbus-daemon that is started for it: a signal with an array of bytes, to one "
               "or to all, or a method call; poll is sd_bus_process() and sched_yield(2)") {
        shapes = duel | fan | request, can = answers;
        own_threads = true;  // a third process takes part
    }
    void prepare(Shape, unsigned) override {
        const auto abstract = fresh_name();
        bus_.emplace(std::vector<std::string>{"dbus-daemon", "--session", "--nofork", "--nopidfile", "--nosyslog",
                                              "--print-address", "--address=unix:abstract=" + abstract},
                     [](const std::string& said) { return said.ends_with('\n'); });
        address_ = bus_->said().substr(0, bus_->said().find('\n'));
        daemons = {bus_->pid()};
    }
    std::unique_ptr<End> open(Role r, unsigned) override {
        sd_bus* b = nullptr;
        good("sd_bus_new", sd_bus_new(&b));
        good("sd_bus_set_address", sd_bus_set_address(b, address_.c_str()));
        good("sd_bus_set_bus_client", sd_bus_set_bus_client(b, 1));
        good("sd_bus_start", sd_bus_start(b));
        switch (r) {
            case Role::server: {
                auto server = std::make_unique<Server>(b, std::vector<std::byte>(size));
                take(b, "wye.bench.server");
                return server;
            }
            case Role::client:
                await_name(b, "wye.bench.server");
                return std::make_unique<Client>(b, "wye.bench.server");
            case Role::publisher:
                return std::make_unique<Bus>(b, "");
            case Role::subscriber: {
                auto s = std::make_unique<Bus>(b, "");
                s->hear("type='signal',interface='wye.bench'");
                return s;
            }
            default: {
                const bool first = r == Role::first;
                auto end = std::make_unique<Bus>(b, first ? "wye.bench.second" : "wye.bench.first");
                end->hear(nullptr);
                take(b, first ? "wye.bench.first" : "wye.bench.second");
                await_name(b, first ? "wye.bench.second" : "wye.bench.first");
                return end;
            }
        }
    }
    void clean() noexcept override {
        daemons.clear();
        bus_.reset();
    }

private:
    static void take(sd_bus* b, const char* called) { good("sd_bus_request_name", sd_bus_request_name(b, called, 0)); }
    static void await_name(sd_bus* b, const char* called) {
        await("D-Bus: no answer of the other", [&] {
            sd_bus_creds* who = nullptr;
            const int r = sd_bus_get_name_creds(b, called, 0, &who);
            sd_bus_creds_unref(who);
            return r >= 0;
        });
    }
    std::optional<Daemon> bus_;
    std::string address_;
};

}  // namespace

int main(int argc, char** argv) { return peer_main(argc, argv, all_of<OverBus, Direct>()); }
