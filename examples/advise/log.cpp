// Events for everybody, also for who comes later: several append, and each reader sees all from the first on.
#include <wye/wye.hpp>

wye::Result<> append(std::string_view uri, std::string_view event) {
    WYE_TRY(auto log, wye::open(uri, {.mode = wye::Mode::write, .create = wye::Create::if_missing}));
    return log.send(wye::bytes_of(event));
}

wye::Result<unsigned> count_of(std::string_view uri) {
    WYE_TRY(auto log, wye::open(uri, {.mode = wye::Mode::read}));
    for (unsigned n = 0;; ++n)
        if (const auto event = log.recv_view(wye::Deadline::now()); !event) return n;  // never() follows it
}
// ---- that it does so
#include "../demo.hpp"

int main() {
    own_directory();
    claim(append("file:events", "one") && append("file:events", "two"), "appended");
    for (int reader = 0; reader < 2; ++reader) {
        const auto n = count_of("file:events");
        claim(n && *n == 2, "each reader has both");
    }
}
