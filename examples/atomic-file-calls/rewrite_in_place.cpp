// Writing a file anew in place: a reader that comes in between sees nothing, then a part.
#include "../demo.hpp"

#include <sys/stat.h>

off_t seen_by_a_reader() {
    struct stat s;
    claim(stat("settings", &s) == 0, "stat");
    return s.st_size;
}

int main() {
    own_directory();
    int fd = open("settings", O_WRONLY | O_CREAT, 0600);
    claim(write(fd, "old old old\n", 12) == 12 && close(fd) == 0, "the old settings");
    fd = open("settings", O_WRONLY | O_TRUNC);
    claim(seen_by_a_reader() == 0, "after O_TRUNC the file is empty");
    claim(write(fd, "new ", 4) == 4 && seen_by_a_reader() == 4, "and between two writes it has a part");
    claim(write(fd, "new new\n", 8) == 8 && seen_by_a_reader() == 12, "only then it is new");
}
