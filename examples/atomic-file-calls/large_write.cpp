// A write of more than PIPE_BUF bytes to a pipe may be cut, and others may write in between.
#include "../demo.hpp"

#include <signal.h>
#include <sys/ioctl.h>

#include <cstring>

constexpr int size = 128 * 1024;

int main() {
    static char text[size];
    int ends[2], in_pipe = 0;
    claim(pipe(ends) == 0, "pipe");
    const int capacity = fcntl(ends[0], F_GETPIPE_SZ);
    claim(capacity > 0 && capacity < size, "the pipe holds less than one message");
    const pid_t writer = start([&] {
        std::memset(text, 'a', size);
        ssize_t done = 0;
        while (done < size) done += write(ends[1], text + done, static_cast<size_t>(size - done));
        return 0;
    });
    while (in_pipe < capacity) claim(ioctl(ends[0], FIONREAD, &in_pipe) == 0, "how much is in the pipe");
    kill(writer, SIGSTOP);  // it stands in the middle of its message
    waitpid(writer, nullptr, WUNTRACED);
    claim(read(ends[0], text, static_cast<size_t>(capacity)) == capacity, "the first part came");
    claim(write(ends[1], "b", 1) == 1, "another writes one byte");
    kill(writer, SIGCONT);

    int have = capacity;
    for (ssize_t got; have < size + 1; have += static_cast<int>(got))
        claim((got = read(ends[0], text, static_cast<size_t>(size + 1 - have))) > 0 &&
                  (have > capacity || text[0] == 'b'),
              "what came next is the byte of the other");
    claim(answer_of(writer) == 0, "the rest of the message came after it");
}
