// A stream socket that is full, empty, and closed by the other end.
#include "../demo.hpp"

#include <sys/socket.h>

#include <cerrno>

int main() {
    int s[2];
    char block[4096] = {};
    claim(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, s) == 0, "socketpair");
    claim(recv(s[0], block, 1, 0) < 0 && errno == EAGAIN, "empty: EAGAIN");
    claim(send(s[1], "last words", 10, 0) == 10 && shutdown(s[1], SHUT_WR) == 0, "one direction is closed");
    claim(recv(s[0], block, sizeof block, 0) == 10, "what was sent before arrives");
    claim(recv(s[0], block, 1, 0) == 0, "then the end");
    claim(send(s[0], "answer", 6, 0) == 6 && recv(s[1], block, sizeof block, 0) == 6, "the other direction is open");

    while (send(s[0], block, sizeof block, 0) > 0) {}
    claim(errno == EAGAIN, "full: EAGAIN");
    close(s[1]);
    claim(send(s[0], "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE, "closed: EPIPE, and no SIGPIPE with MSG_NOSIGNAL");
}
