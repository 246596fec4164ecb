// A page is made, written and sealed here, and its descriptor handed over a Unix socket: no byte is copied.
#include <wye/memory/memfd.hpp>
#include <wye/transport/unix.hpp>

wye::Result<> hand_over(wye::UnixSocket& peer, std::string_view text) {
    WYE_TRY(auto page, wye::Memfd::make({.size = 4096}));
    std::ranges::copy(wye::bytes_of(text), page.mut_bytes().begin());
    WYE_CHECK(page.seal());  // frozen: the receiver need not trust us
    const int fd = page.native_handle();
    return peer.send_fds(wye::bytes_of("a page"), {&fd, 1}, std::chrono::seconds(10));
}

wye::Result<wye::Memfd> take_over(wye::UnixSocket& peer) {
    std::byte room[64];
    std::vector<wye::Fd> fds;
    WYE_CHECK(peer.recv_fds(room, fds, std::chrono::seconds(10)));
    if (fds.empty()) return wye::fail(wye::Errc::mismatch, "recv_fds");
    return wye::Memfd::accept(std::move(fds[0]));
}
// ---- that it does so
#include "../demo.hpp"

int main() {
    own_directory();
    auto listener = wye::UnixListener::listen("socket", {.pass_fds = true});
    auto one = wye::UnixSocket::connect("socket", {.pass_fds = true});
    auto other = listener->accept();
    claim(one && other && hand_over(*one, "of mine"), "handed over");
    const auto page = take_over(*other);
    claim(page && wye::text_of(page->bytes().first(7)) == "of mine", "the page is here");
}
