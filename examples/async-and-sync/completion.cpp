// Completion: the read is handed over with its buffer first, and what is told later is that it is done.
#include "../demo.hpp"

#include <aio.h>

#include <cerrno>

int main() {
    int ends[2];
    claim(pipe(ends) == 0, "pipe");
    static char text[16];
    aiocb job = {};
    job.aio_fildes = ends[0];
    job.aio_buf = text;
    job.aio_nbytes = sizeof text;
    if (aio_read(&job) < 0) return 77;
    claim(aio_error(&job) == EINPROGRESS, "nothing has come; the buffer belongs to the operation until it is done");
    claim(write(ends[1], "hello", 5) == 5, "now it comes");
    const aiocb* jobs[] = {&job};
    while (aio_suspend(jobs, 1, nullptr) < 0) claim(errno == EINTR, "aio_suspend");
    claim(aio_error(&job) == 0 && aio_return(&job) == 5 && text[4] == 'o', "told when the bytes are in the buffer");
}
