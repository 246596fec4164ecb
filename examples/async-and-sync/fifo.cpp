// A FIFO: opening waits for the other end, and what nobody read is gone with the last one who had it open.
#include "../demo.hpp"

#include <sys/stat.h>

#include <cerrno>

int main() {
    own_directory();
    claim(mkfifo("f", 0600) == 0, "mkfifo");
    claim(open("f", O_WRONLY | O_NONBLOCK) < 0 && errno == ENXIO, "no reader: a writer that does not wait gets ENXIO");

    const pid_t reader = start([] {
        char c = 0;
        const int fd = open("f", O_RDONLY);  // waits for a writer
        return read(fd, &c, 1) == 1 && c == 'x' ? 0 : 1;
    });
    int fd = open("f", O_WRONLY);  // waits for a reader
    claim(write(fd, "x", 1) == 1 && answer_of(reader) == 0, "they met");
    close(fd);

    const int a = open("f", O_RDONLY | O_NONBLOCK), b = open("f", O_WRONLY);
    claim(write(b, "lost", 4) == 4, "four bytes that nobody reads");
    close(a);
    close(b);
    char c;
    fd = open("f", O_RDONLY | O_NONBLOCK);
    claim(read(fd, &c, 1) == 0, "the name is still there, the bytes are not");
}
