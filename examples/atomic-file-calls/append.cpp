// O_APPEND: finding the end and writing there are one step, so lines of several processes all arrive, whole.
#include "../demo.hpp"

#include <cstring>

int main() {
    own_directory();
    const int failed = together(4, [](int who) {
        const int fd = open("log", O_WRONLY | O_CREAT | O_APPEND, 0600);
        for (int i = 0; i < 1000; ++i) {
            char line[64];
            const int length = std::snprintf(line, sizeof line, "%d %d %.*s\n", who, i, i % 50,
                                             "----------------------------------------------------");
            if (write(fd, line, static_cast<size_t>(length)) != length) return 1;  // one write a line
        }
        return 0;
    });
    claim(failed == 0, "every write wrote its line");

    int lines = 0, next[4] = {};
    FILE* log = std::fopen("log", "r");
    for (char line[128]; std::fgets(line, sizeof line, log); ++lines) {
        int who = -1, i = -1, dashes = 0;
        std::sscanf(line, "%d %d %n", &who, &i, &dashes);
        claim(who >= 0 && who < 4 && i == next[who]++, "the lines of each process are there in its order");
        claim(std::strspn(line + dashes, "-") == static_cast<size_t>(i % 50), "and none is torn");
    }
    std::fclose(log);
    claim(lines == 4000, "none is lost");
}
