// Reading, adding and writing back are three steps: whoever comes between is overwritten.
#include "../demo.hpp"

int main() {
    own_directory();
    int zero = 0, a = 0, b = 0, now = 0;
    const int fd = open("counter", O_RDWR | O_CREAT, 0600);
    claim(pwrite(fd, &zero, sizeof zero, 0) == sizeof zero, "a counter");
    claim(pread(fd, &a, sizeof a, 0) == sizeof a, "one reads 0");
    claim(pread(fd, &b, sizeof b, 0) == sizeof b, "another reads 0");
    ++a, ++b;
    claim(pwrite(fd, &a, sizeof a, 0) == sizeof a, "one writes 1");
    claim(pwrite(fd, &b, sizeof b, 0) == sizeof b, "the other writes 1");
    claim(pread(fd, &now, sizeof now, 0) == sizeof now && now == 1, "two additions, and it is 1");
}
