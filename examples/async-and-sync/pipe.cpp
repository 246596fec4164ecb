// A pipe that is full, empty, and without its other end.
#include "../demo.hpp"

#include <signal.h>

#include <cerrno>

int main() {
    int ends[2];
    claim(pipe2(ends, O_NONBLOCK) == 0, "pipe");
    char block[4096] = {};
    claim(read(ends[0], block, 1) < 0 && errno == EAGAIN, "empty: a reader would have to wait");

    int written = 0;
    while (write(ends[1], block, sizeof block) == sizeof block) written += 4096;
    claim(errno == EAGAIN && written == fcntl(ends[1], F_GETPIPE_SZ), "full: a writer would have to wait");
    claim(read(ends[0], block, sizeof block) == sizeof block, "the reader takes a block");
    claim(write(ends[1], block, sizeof block) == sizeof block, "so there is room for a block");

    close(ends[1]);
    while (read(ends[0], block, sizeof block) > 0) written -= 4096;
    claim(written == 0 && read(ends[0], block, 1) == 0, "no writer: what is in it is read, then the end of file");

    claim(pipe2(ends, O_NONBLOCK) == 0, "pipe");
    close(ends[0]);
    signal(SIGPIPE, SIG_IGN);
    claim(write(ends[1], "x", 1) < 0 && errno == EPIPE, "no reader: EPIPE, and SIGPIPE unless it is ignored");
}
