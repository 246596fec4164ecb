// fcntl() locks: the classic ones belong to the process and are lost by any close; F_OFD_ ones belong to the opening.
#include "../demo.hpp"

#include <cerrno>

bool lock(int fd, int command, off_t from, off_t length) {
    struct flock range = {};
    range.l_type = F_WRLCK;
    range.l_whence = SEEK_SET;
    range.l_start = from;
    range.l_len = length;
    return fcntl(fd, command, &range) == 0;
}

bool another_process_can_lock(int command) {
    return answer_of(start([&] { return int(lock(open("file", O_RDWR), command, 0, 1)); })) == 1;
}

int main() {
    own_directory();
    const int a = open("file", O_RDWR | O_CREAT, 0600);
    claim(lock(a, F_SETLK, 0, 1) && !another_process_can_lock(F_SETLK), "a classic lock keeps other processes out");
    close(open("file", O_RDONLY));
    claim(another_process_can_lock(F_SETLK), "but any close of that file anywhere in the process ends it");

    claim(lock(a, F_OFD_SETLK, 0, 1) && !another_process_can_lock(F_OFD_SETLK), "an OFD lock does as well");
    close(open("file", O_RDONLY));
    claim(!another_process_can_lock(F_OFD_SETLK), "and stays");
    const int b = open("file", O_RDWR);
    claim(!lock(b, F_OFD_SETLK, 0, 1) && errno == EAGAIN, "it keeps out another opening of the same process too");
    claim(lock(b, F_OFD_SETLK, 1, 1), "the byte beside it is another range");
}
