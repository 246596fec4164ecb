// link() gives a file that is finished its name, if nobody has that name yet.
#include "../demo.hpp"

#include <sys/stat.h>

#include <cerrno>

int main() {
    own_directory();
    const int linked = together(8, [](int who) {
        char own[16], text[16];
        std::snprintf(own, sizeof own, "draft-%d", who);
        const int length = std::snprintf(text, sizeof text, "written by %d\n", who);
        const int fd = open(own, O_WRONLY | O_CREAT | O_EXCL, 0600);
        if (write(fd, text, static_cast<size_t>(length)) != length) return 255;
        const bool won = link(own, "result") == 0;
        if (!won && errno != EEXIST) return 255;
        struct stat s;
        if (fstat(fd, &s) != 0 || (s.st_nlink == 2) != won) return 255;  // the way to be sure on NFS: open(2)
        unlink(own);
        return int(won);
    });
    claim(linked == 1, "exactly one of 8 finished files became the result");
    struct stat s;
    claim(stat("result", &s) == 0 && s.st_size == 13 && s.st_nlink == 1, "and it is there as a whole");
}
