// errno belongs to the thread, and so to the handler too: one that makes calls puts it back.
#include "../demo.hpp"

#include <signal.h>

#include <cerrno>

static bool put_back = false;

void handler(int) {
    const int saved = errno;
    close(-1);  // allowed in a handler; fails with EBADF
    if (put_back) errno = saved;
}

int errno_after_a_failure_and_a_signal() {
    if (open("/no/such/file", O_RDONLY) >= 0) return 0;
    raise(SIGUSR1);  // here, as it could come at any time
    return errno;
}

int main() {
    signal(SIGUSR1, handler);
    const int seen = errno_after_a_failure_and_a_signal();
    if (seen == ENOENT) return 77;  // ThreadSanitizer puts it back for us
    claim(seen == EBADF, "the failure of open() cannot be told any more");
    put_back = true;
    claim(errno_after_a_failure_and_a_signal() == ENOENT, "with errno put back it can");
}
