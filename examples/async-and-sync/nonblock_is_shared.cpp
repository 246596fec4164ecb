// O_NONBLOCK belongs to the open file description, which every process that inherited it shares.
#include "../demo.hpp"

#include <sys/socket.h>

#include <cerrno>

int main() {
    int ends[2], s[2];
    claim(pipe(ends) == 0, "pipe");
    const pid_t child = start([&] { return fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 ? 0 : 1; });
    claim(answer_of(child) == 0, "a child sets it, and is gone");
    char c;
    claim(read(ends[0], &c, 1) < 0 && errno == EAGAIN, "the parent's read does not wait any more");

    claim(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0, "socketpair");
    claim(recv(s[0], &c, 1, MSG_DONTWAIT) < 0 && errno == EAGAIN, "MSG_DONTWAIT: this one call does not wait");
    claim((fcntl(s[0], F_GETFL) & O_NONBLOCK) == 0, "and nobody else sees anything of it");
}
