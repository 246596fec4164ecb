// One write() over a regular file is not one step for who reads: ends with 77 where that could not be seen.
#include "../demo.hpp"

#include <signal.h>

#include <cstring>
#include <ctime>

constexpr size_t size = 1 << 20;
static char text[size];

int main() {
    own_directory();
    const int fd = open("data", O_RDWR | O_CREAT, 0600);
    claim(pwrite(fd, text, size, 0) == ssize_t(size), "a file of 1 MiB");
    const pid_t writer = start([&] {
        for (int letter = 'a';; letter = letter == 'z' ? 'a' : letter + 1) {
            std::memset(text, letter, size);
            if (pwrite(fd, text, size, 0) != ssize_t(size)) return 1;
        }
    });
    bool torn = false;
    for (const time_t end = time(nullptr) + 4; !torn && time(nullptr) < end;)
        torn = pread(fd, text, size, 0) == ssize_t(size) && std::memcmp(text, text + 1, size - 1) != 0;
    kill(writer, SIGKILL);
    waitpid(writer, nullptr, 0);
    return torn ? 0 : 77;
}
