// Of many processes that make one directory, one succeeds and the others are told EEXIST: a lock with a name.
#include "../demo.hpp"

#include <sys/stat.h>

#include <cerrno>

int main() {
    own_directory();
    const int made = together(8, [](int) {
        int mine = 0;
        for (int i = 0; i < 30; ++i) {
            char name[16];
            std::snprintf(name, sizeof name, "lock-%d", i);
            if (mkdir(name, 0700) == 0)
                ++mine;
            else if (errno != EEXIST)
                return 255;
        }
        return mine;
    });
    claim(made == 30, "each of 30 directories was made by exactly one of 8 processes");
}
