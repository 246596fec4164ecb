// A question goes to one of the servers, and its answer back. Over sockets the server has `?listen`.
#include <wye/wye.hpp>

wye::Result<int> ask(const std::string& uri, int question) {
    WYE_TRY(auto squares, (wye::Client<int, int>::open(uri, {}, std::chrono::seconds(10))));
    return squares.call(question, std::chrono::seconds(10));
}

wye::Result<> answer_one(const std::string& uri) {
    WYE_TRY(auto server, (wye::Server<int, int>::open(uri, {}, std::chrono::seconds(10))));
    return server.serve_one([](int x) { return x * x; }, std::chrono::seconds(10));
}
// ---- that it does so
#include "../demo.hpp"

int main() {
    own_directory();
    const auto ring = "shm:wye-example-" + std::to_string(getpid());
    for (const std::string& uri : {ring, std::string("unix:socket")}) {
        const auto hub = uri == ring ? uri : uri + "?listen";
        const pid_t server = start([&] { return answer_one(hub) ? 0 : 1; });
        auto nine = ask(uri, 3);
        for (; !nine; nine = ask(uri, 3)) usleep(20'000);  // until it listens
        claim(*nine == 9 && answer_of(server) == 0, uri.c_str());
    }
    claim(wye::remove(ring).has_value(), "removed");
}
