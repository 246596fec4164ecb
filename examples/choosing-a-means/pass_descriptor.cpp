// What is open here is handed to another process: the descriptor travels over a Unix socket, no byte is copied.
#include <wye/transport/unix.hpp>

#include "../demo.hpp"

#include <sys/mman.h>

using namespace std::chrono_literals;

int main() {
    own_directory();
    const wye::UnixOptions passing{.pass_fds = true};
    auto listener = wye::UnixListener::listen("socket", passing);
    claim(listener.has_value(), "listen");
    const pid_t child = start([&] {
        auto to_parent = wye::UnixSocket::connect("socket", passing, 10s);
        const int page = memfd_create("page", MFD_CLOEXEC);
        if (!to_parent || ftruncate(page, 1 << 20) != 0 || pwrite(page, "from the child", 14, 0) != 14) return 1;
        return to_parent->send_fds(wye::bytes_of("a page of mine"), {&page, 1}, 10s) ? 0 : 2;
    });
    auto from_child = listener->accept(10s);
    claim(from_child.has_value(), "accept");
    std::byte room[64];
    std::vector<wye::Fd> fds;
    const auto message = from_child->recv_fds(room, fds, 10s);
    claim(message && wye::text_of(*message) == "a page of mine" && fds.size() == 1, "a message, and a descriptor");
    const void* page = mmap(nullptr, 1 << 20, PROT_READ, MAP_SHARED, fds[0].get(), 0);
    claim(page != MAP_FAILED && wye::text_of({static_cast<const std::byte*>(page), 14}) == "from the child",
          "the page");
    claim(answer_of(child) == 0, "the child has ended, the page is here");
}
