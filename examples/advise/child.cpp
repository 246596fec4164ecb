// A program of ours as the other end: its standard input and output, and no shell between.
#include <wye/wye.hpp>

wye::Result<std::string> sorted(std::initializer_list<std::string_view> words) {
    WYE_TRY(auto sort, wye::open("exec:sort -r?framing=lines"));
    for (const auto word : words) WYE_CHECK(sort.send(wye::bytes_of(word), std::chrono::seconds(10)));
    WYE_CHECK(sort.close_write());
    std::string all;
    for (;;) {
        const auto line = sort.recv_view(std::chrono::seconds(10));
        if (!line && line.error().is(wye::Errc::closed)) return all;  // peer_died: it failed
        if (!line) return std::unexpected(line.error());
        all += std::string(wye::text_of(*line)) + "\n";
    }
}
// ---- that it does so
#include "../demo.hpp"

int main() {
    const auto got = sorted({"b", "c", "a"});
    claim(got && *got == "c\nb\na\n", "sorted by sort(1)");
}
