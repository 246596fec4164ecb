// rename() away from a name: each job is taken by exactly one worker, the others are told ENOENT.
#include "../demo.hpp"

#include <sys/stat.h>

#include <cerrno>

int main() {
    own_directory();
    claim(mkdir("todo", 0700) == 0 && mkdir("taken", 0700) == 0, "mkdir");
    char from[32], to[32];
    for (int job = 0; job < 100; ++job) {
        std::snprintf(from, sizeof from, "todo/%d", job);
        close(open(from, O_WRONLY | O_CREAT | O_EXCL, 0600));
    }
    const int taken = together(8, [&](int who) {
        int mine = 0;
        for (int job = 0; job < 100; ++job) {
            std::snprintf(from, sizeof from, "todo/%d", job);
            std::snprintf(to, sizeof to, "taken/%d-by-%d", job, who);
            if (rename(from, to) == 0)
                ++mine;
            else if (errno != ENOENT)
                return 255;
        }
        return mine;
    });
    claim(taken == 100, "100 jobs were taken, each by one of 8 workers");
}
