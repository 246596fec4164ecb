// Claim: who comes later begins with what was kept; who is slow is told exactly how much he lost.
#include <wye/wye.hpp>

#include "../demo.hpp"

#include <unistd.h>

int main() {
    return wye::run_main([]() -> wye::Result<> {
        const auto uri = "shm:demo-history-" + std::to_string(::getpid());
        WYE_TRY(auto out, wye::Publisher<int>::open(uri, {.depth = 4096}));
        WYE_TRY(auto slow, wye::Subscriber<int>::open(uri));
        for (int i = 0; i < 1000; ++i) WYE_CHECK(out.publish(i));
        WYE_TRY(auto late, wye::Subscriber<int>::open(uri, {.history = 3}));
        WYE_TRY(const auto first, late.next(std::chrono::seconds(1)));
        claim(*first == 997, "the late one begins three back");
        unsigned got = 0;
        while (slow.next(wye::Deadline::now())) ++got;
        claim(got + slow.lost() == 1000, "what the slow one got and what it lost is all there was");
        return wye::remove(uri);
    });
}
