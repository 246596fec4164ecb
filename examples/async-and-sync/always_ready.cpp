// A regular file is always ready, full or empty, so poll() says nothing about it and epoll refuses it.
#include "../demo.hpp"

#include <poll.h>
#include <sys/epoll.h>

#include <cerrno>

int main() {
    own_directory();
    const int fd = open("file", O_RDWR | O_CREAT, 0600);
    pollfd p = {fd, POLLIN | POLLOUT, 0};
    claim(poll(&p, 1, 0) == 1 && p.revents == (POLLIN | POLLOUT), "poll says readable of an empty file");
    char c;
    claim(read(fd, &c, 1) == 0, "and read says: nothing there now");
    claim(write(fd, "x", 1) == 1 && pread(fd, &c, 1, 0) == 1, "later there may be");
    epoll_event e = {};
    claim(epoll_ctl(epoll_create1(0), EPOLL_CTL_ADD, fd, &e) < 0 && errno == EPERM, "epoll: EPERM");
}
