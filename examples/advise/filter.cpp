// What a shell, or whoever started us, has connected: from standard input to standard output, a line a message.
#include <wye/wye.hpp>

wye::Result<> copy_lines(std::string_view uri = "fd:0,1?framing=lines") {
    WYE_TRY(auto ends, wye::open(uri));
    for (;;) {
        const auto line = ends.recv_view();
        if (!line && line.error().is(wye::Errc::closed)) return {};
        if (!line) return std::unexpected(line.error());
        WYE_CHECK(ends.send(*line));
    }
}
// ---- that it does so
#include "../demo.hpp"

int main() {
    int in[2], out[2];
    claim(pipe(in) == 0 && pipe(out) == 0 && write(in[1], "one\ntwo\n", 8) == 8 && close(in[1]) == 0, "two pipes");
    const auto uri = "fd:" + std::to_string(in[0]) + "," + std::to_string(out[1]) + "?framing=lines";
    claim(copy_lines(uri).has_value(), "copied");
    char text[16];
    claim(read(out[0], text, sizeof text) == 8 && std::string_view(text, 8) == "one\ntwo\n", "all of it");
}
