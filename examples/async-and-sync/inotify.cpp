// inotify: what happened in a directory, as events that are read from a descriptor.
#include "../demo.hpp"

#include <sys/inotify.h>

#include <cerrno>
#include <cstring>

// The next event, which must be this one.
void expect(int watcher, unsigned mask, const char* name) {
    static char events[4096];
    static ssize_t have = 0, at = 0;
    if (at == have) at = 0, have = read(watcher, events, sizeof events);
    claim(have > 0, "there is an event");
    inotify_event e;
    std::memcpy(&e, events + at, sizeof e);
    claim((e.mask & mask) != 0 && std::strcmp(events + at + sizeof e, name) == 0, name);
    at += static_cast<ssize_t>(sizeof e + e.len);
}

int main() {
    own_directory();
    const int watcher = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    claim(inotify_add_watch(watcher, ".", IN_CLOSE_WRITE | IN_MOVED_TO) >= 0, "inotify_add_watch");
    const int fd = open("draft", O_WRONLY | O_CREAT, 0600);
    claim(write(fd, "x", 1) == 1 && close(fd) == 0 && rename("draft", "finished") == 0, "a file is written and named");
    expect(watcher, IN_CLOSE_WRITE, "draft");
    expect(watcher, IN_MOVED_TO, "finished");
    char rest[4096];
    claim(read(watcher, rest, sizeof rest) < 0 && errno == EAGAIN, "and nothing else happened");
}
