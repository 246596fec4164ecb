// What one tells, all hear who have subscribed. Over sockets one of them has `?listen`.
#include <wye/wye.hpp>

wye::Result<> tell(const std::string& uri, double price) {
    WYE_TRY(auto prices, wye::Publisher<double>::open(uri, {.subscribers = 1}, std::chrono::seconds(10)));
    WYE_CHECK(prices.publish(price, "fx.eur", std::chrono::seconds(10)));
    return prices.flush(std::chrono::seconds(10));
}

wye::Result<double> hear(const std::string& uri) {
    WYE_TRY(auto prices, wye::Subscriber<double>::open(uri, {.filter = "fx.*"}, std::chrono::seconds(10)));
    WYE_TRY(const auto price, prices.next(std::chrono::seconds(10)));
    return *price;
}
// ---- that it does so
#include "../demo.hpp"

int main() {
    own_directory();
    const auto ring = "shm:wye-example-" + std::to_string(getpid());
    for (const std::string& uri : {ring, std::string("unix:socket")}) {
        const auto hub = uri == ring ? uri : uri + "?listen";
        const pid_t listener = start([&] {
            const auto got = hear(hub);
            return got && *got == 1.5 ? 0 : 1;
        });
        while (!tell(uri, 1.5)) usleep(20'000);  // until it listens
        claim(answer_of(listener) == 0, uri.c_str());
    }
    claim(wye::remove(ring).has_value(), "removed");
}
