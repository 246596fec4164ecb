// rename() over a file: who opens the name gets the old file or the new one, whole, and never nothing.
#include "../demo.hpp"

#include <cstring>

constexpr int size = 8192;

// A file of one letter, ready before it has the name that others open.
bool replace(const char* draft, char letter) {
    char text[size];
    std::memset(text, letter, size);
    const int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const bool written = write(fd, text, size) == size;
    return close(fd) == 0 && written && rename(draft, "current") == 0;
}

bool see_one_whole_file() {
    char text[size + 1];
    const int fd = open("current", O_RDONLY);
    const bool whole = read(fd, text, size + 1) == size && std::memcmp(text, text + 1, size - 1) == 0;
    return close(fd) == 0 && whole;
}

int main() {
    own_directory();
    claim(replace("draft", '0'), "the first version");
    const int wrong = together(4, [](int who) {
        const bool writes = who < 2;
        const char* draft = who == 0 ? "draft-0" : "draft-1";
        for (int i = 0; i < (writes ? 300 : 20000); ++i)
            if (writes ? !replace(draft, static_cast<char>('a' + i % 26)) : !see_one_whole_file()) return 1;
        return 0;
    });
    claim(wrong == 0, "2 readers saw a whole version 40,000 times while 2 writers replaced it 600 times");
}
