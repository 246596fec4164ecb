// Both ways over one connection. Whoever answers listens; a program with many to answer has a UnixListener or a
// TcpListener, which accepts each, or a wye::Server.
#include <wye/wye.hpp>

wye::Result<std::string> say(const std::string& uri, std::string_view text) {
    WYE_TRY(auto other, wye::open(uri, {}, std::chrono::seconds(10)));
    WYE_CHECK(other.send(wye::bytes_of(text), std::chrono::seconds(10)));
    WYE_TRY(const auto answer, other.recv_view(std::chrono::seconds(10)));
    return std::string(wye::text_of(answer));
}

wye::Result<> echo(const std::string& uri) {
    WYE_TRY(auto other, wye::open(uri + "?listen"));
    WYE_TRY(const auto heard, other.recv_view(std::chrono::seconds(10)));
    return other.send(heard, std::chrono::seconds(10));
}
// ---- that it does so
#include "../demo.hpp"

int main() {
    own_directory();
    const auto host = "tcp://127.0.8." + std::to_string(getpid() % 250 + 1) + ":7100";
    for (const std::string& uri : {std::string("unix:socket"), host}) {
        const pid_t other = start([&] { return echo(uri) ? 0 : 1; });
        auto answer = say(uri, "hello");
        for (; !answer; answer = say(uri, "hello")) usleep(20'000);  // until it listens
        claim(*answer == "hello" && answer_of(other) == 0, uri.c_str());
    }
}
