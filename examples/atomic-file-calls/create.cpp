// O_CREAT|O_EXCL: one creator, and a symbolic link that somebody laid there is not followed.
#include "../demo.hpp"

#include <cerrno>

int main() {
    own_directory();
    const int made = together(8, [](int) {
        int mine = 0;
        for (int i = 0; i < 30; ++i) {
            char name[16];
            std::snprintf(name, sizeof name, "file-%d", i);
            if (open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600) >= 0)
                ++mine;
            else if (errno != EEXIST)
                return 255;
        }
        return mine;
    });
    claim(made == 30, "each of 30 files was created by exactly one of 8 processes");

    claim(symlink("elsewhere", "trap") == 0, "symlink");
    claim(open("trap", O_WRONLY | O_CREAT | O_EXCL, 0600) < 0 && errno == EEXIST, "with O_EXCL a link is an obstacle");
    claim(access("elsewhere", F_OK) < 0, "and what it names was not created");
    claim(open("trap", O_WRONLY | O_CREAT, 0600) >= 0 && access("elsewhere", F_OK) == 0, "without, it is followed");
}
