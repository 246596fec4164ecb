// epoll: level-triggered tells as long as something is there, edge-triggered only when more comes.
#include "../demo.hpp"

#include <sys/epoll.h>

bool told(int epoll) {
    epoll_event e;
    return epoll_wait(epoll, &e, 1, 0) == 1;
}

int watch(int fd, unsigned events) {
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    epoll_event e = {};
    e.events = events;
    claim(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) == 0, "epoll_ctl");
    return epoll;
}

int main() {
    int ends[2];
    char c;
    claim(pipe2(ends, O_NONBLOCK) == 0, "pipe");
    const int level = watch(ends[0], EPOLLIN), edge = watch(ends[0], EPOLLIN | EPOLLET);
    claim(!told(level) && !told(edge), "nothing there");
    claim(write(ends[1], "abc", 3) == 3 && told(level) && told(edge), "three bytes come: both tell");
    claim(read(ends[0], &c, 1) == 1 && told(level), "one is read, two are left: level tells again");
    claim(!told(edge), "edge does not: who does not read until EAGAIN waits for ever");
    claim(write(ends[1], "d", 1) == 1 && told(edge), "unless more comes");
}
