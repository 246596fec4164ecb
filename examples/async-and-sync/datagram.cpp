// Datagrams into a full queue: a Unix socket makes the sender wait, UDP drops them and says nothing.
#include "../demo.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

int main() {
    char datagram[1000] = {};
    int s[2], sent = 0;
    claim(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, s) == 0, "socketpair");
    while (send(s[0], datagram, sizeof datagram, 0) > 0) ++sent;
    claim(errno == EAGAIN, "Unix: full is EAGAIN");
    while (recv(s[1], datagram, sizeof datagram, 0) > 0) --sent;
    claim(sent == 0, "and every datagram that was taken arrives");
    close(s[1]);
    claim(send(s[0], datagram, 1, 0) < 0 && errno == ECONNREFUSED, "the other end is gone: ECONNREFUSED");

    const int to = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), from = socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in here = {};
    here.sin_family = AF_INET;
    here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof here;
    const int small = 4096;
    setsockopt(to, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    claim(bind(to, reinterpret_cast<sockaddr*>(&here), length) == 0, "a port that is free");
    claim(getsockname(to, reinterpret_cast<sockaddr*>(&here), &length) == 0, "its number");
    claim(connect(from, reinterpret_cast<sockaddr*>(&here), length) == 0, "connect");
    for (sent = 0; sent < 200; ++sent) claim(send(from, datagram, sizeof datagram, 0) == 1000, "UDP: no error");
    int came = 0;
    while (recv(to, datagram, sizeof datagram, 0) > 0) ++came;
    claim(came > 0 && came < 200, "but some did not come");
}
