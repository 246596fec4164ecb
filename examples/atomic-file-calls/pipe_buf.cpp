// A write of up to PIPE_BUF bytes to a pipe lies in one piece, whoever else writes.
#include "../demo.hpp"

#include <climits>
#include <cstring>

int main() {
    int ends[2];
    claim(pipe(ends) == 0 && fcntl(ends[1], F_SETPIPE_SZ, PIPE_BUF) > 0, "a small pipe: writers wait for one another");
    // Four processes write blocks of one letter, a fifth looks at what comes.
    const int wrong = together(5, [&](int who) {
        char block[PIPE_BUF];
        if (who < 4) {
            std::memset(block, 'a' + who, PIPE_BUF);
            for (int i = 0; i < 500; ++i)
                if (write(ends[1], block, PIPE_BUF) != PIPE_BUF) return 1;
            return 0;
        }
        for (int i = 0; i < 4 * 500; ++i) {
            for (ssize_t have = 0, got; have < PIPE_BUF; have += got)
                if ((got = read(ends[0], block + have, static_cast<size_t>(PIPE_BUF - have))) <= 0) return 1;
            if (std::memcmp(block, block + 1, PIPE_BUF - 1) != 0) return 2;
        }
        return 0;
    });
    claim(wrong == 0, "2000 blocks of 4 writers came, none mixed with another");
}
