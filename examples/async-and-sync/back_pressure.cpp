// Back-pressure: a writer that is faster than its reader is never further ahead than the pipe holds.
#include "../demo.hpp"

#include <sys/mman.h>

#include <atomic>
#include <new>

int main() {
    int ends[2];
    claim(pipe(ends) == 0, "pipe");
    const int capacity = fcntl(ends[0], F_GETPIPE_SZ) / 4096;
    void* page = mmap(nullptr, sizeof(std::atomic<int>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    claim(page != MAP_FAILED, "mmap");
    auto& written = *new (page) std::atomic<int>(0);
    const pid_t writer = start([&] {
        char block[4096] = {};
        for (int i = 0; i < 500; ++i) {
            if (write(ends[1], block, sizeof block) != sizeof block) return 1;
            ++written;
        }
        return 0;
    });
    char block[4096];
    int furthest = 0;
    for (int taken = 0; taken < 500; ++taken) {
        const int ahead = written - taken;
        if (ahead > furthest) furthest = ahead;
        claim(read(ends[0], block, sizeof block) == sizeof block, "a block");
    }
    claim(answer_of(writer) == 0 && furthest <= capacity, "the writer was made to wait");
}
