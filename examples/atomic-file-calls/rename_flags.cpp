// renameat2(): RENAME_NOREPLACE never replaces, RENAME_EXCHANGE swaps two names in one step.
#include "../demo.hpp"

#include <cerrno>

void put(const char* name, char letter) {
    const int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    claim(write(fd, &letter, 1) == 1 && close(fd) == 0, "a file of one letter");
}

char letter_in(const char* name) {
    char letter = '?';
    const int fd = open(name, O_RDONLY);
    claim(read(fd, &letter, 1) == 1 && close(fd) == 0, "its letter");
    return letter;
}

int main() {
    own_directory();
    const int won = together(8, [](int who) {
        const char own[] = {static_cast<char>('0' + who), '\0'};
        put(own, own[0]);
        if (renameat2(AT_FDCWD, own, AT_FDCWD, "first", RENAME_NOREPLACE) == 0) return 1;
        return errno == EEXIST ? 0 : 255;
    });
    claim(won == 1, "exactly one of 8 got the name");

    put("a", 'a');
    put("b", 'b');
    const int wrong = together(2, [](int who) {
        for (int i = 0; i < 2001; ++i)
            if (who == 0 ? renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_EXCHANGE) != 0 : access("a", F_OK) != 0)
                return 1;
        return 0;
    });
    claim(wrong == 0, "neither name was ever missing");
    claim(letter_in("a") == 'b' && letter_in("b") == 'a', "an odd number of swaps swapped them");
}
