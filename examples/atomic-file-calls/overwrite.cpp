// Without O_APPEND each opening has an offset of its own and writes over the other; a shared opening has one offset.
#include "../demo.hpp"

#include <sys/stat.h>

off_t size_of(const char* name) {
    struct stat s;
    claim(stat(name, &s) == 0, "stat");
    return s.st_size;
}

int main() {
    own_directory();
    const int a = open("two-openings", O_WRONLY | O_CREAT, 0600);
    const int b = open("two-openings", O_WRONLY);
    claim(write(a, "first\n", 6) == 6 && write(b, "other\n", 6) == 6, "write");
    claim(size_of("two-openings") == 6, "the second line lies where the first was");

    const int shared = open("one-opening", O_WRONLY | O_CREAT, 0600);
    const int failed = together(4, [&](int) {  // the description is inherited, and the offset with it
        for (int i = 0; i < 1000; ++i)
            if (write(shared, "a line\n", 7) != 7) return 1;
        return 0;
    });
    claim(failed == 0 && size_of("one-opening") == 4 * 1000 * 7, "no write lies over another (since Linux 3.14)");
}
