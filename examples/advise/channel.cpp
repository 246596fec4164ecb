// One program sends, another receives; the URI says by what. Where it takes `listen`, the receiver's has it.
#include <wye/wye.hpp>

wye::Result<> send_to(const std::string& uri, std::string_view text) {
    WYE_TRY(auto to, wye::open(uri, {.mode = wye::Mode::write}, std::chrono::seconds(10)));
    return to.send(wye::bytes_of(text), std::chrono::seconds(10));
}

wye::Result<std::string> receive_from(const std::string& uri) {
    WYE_TRY(auto from, wye::open(uri, {.mode = wye::Mode::read, .create = wye::Create::if_missing}));
    WYE_TRY(const auto message, from.recv_view(std::chrono::seconds(10)));
    return std::string(wye::text_of(message));
}
// ---- that it does so
#include "../demo.hpp"

int main() {
    own_directory();
    const auto own = std::to_string(getpid());
    for (const std::string uri : {"unix:socket", "fifo:fifo", "tcp://127.0.0.1:0", "udp://127.0.0.1:0"}) {
        const bool listens = uri[0] != 'f', has_port = uri.ends_with(":0");
        const auto address = has_port ? uri.substr(0, 10) + std::to_string(getpid() % 250 + 1) + ":7100" : uri;
        const pid_t receiver = start([&] {
            const auto got = receive_from(listens ? address + "?listen" : address);
            return got && *got == "hello" ? 0 : 1;
        });
        int status = 0;
        while (waitpid(receiver, &status, WNOHANG) == 0) (void)(send_to(address, "hello")), usleep(20'000);
        claim(WIFEXITED(status) && WEXITSTATUS(status) == 0, address.c_str());
    }
    const auto ring = "shm:wye-example-" + own;
    claim(wye::make(ring) && send_to(ring, "hello") && *receive_from(ring) == "hello", "a ring keeps it");
    claim(wye::remove(ring).has_value(), "the ring goes");
}
