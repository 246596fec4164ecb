// strtok() remembers where it was in one place for all: a handler that uses it too moves that. strtok_r() does not.
#include "../demo.hpp"

#include <signal.h>

#include <cstring>

static bool reentrantly = false;

char* next_word(char* text, char** place) { return reentrantly ? strtok_r(text, " ", place) : strtok(text, " "); }

void handler(int) {
    static char text[] = "x y z";
    char* place = nullptr;
    next_word(text, &place);
}

int words() {
    char text[] = "one two three", *place = nullptr;
    int n = 0;
    for (char* word = next_word(text, &place); word; word = next_word(nullptr, &place)) {
        if (std::strcmp(word, "one") == 0) raise(SIGUSR1);  // here, as it could come at any time
        if (std::strcmp(word, "one") == 0 || std::strcmp(word, "two") == 0 || std::strcmp(word, "three") == 0) ++n;
    }
    return n;
}

int main() {
    signal(SIGUSR1, handler);
    claim(words() == 1, "the words behind the first are never seen");
    reentrantly = true;
    claim(words() == 3, "with a place of its own for each use they are");
}
