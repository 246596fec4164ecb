// What the examples share: a claim that must hold, a directory of their own, processes that start at one moment.
#pragma once
#include <fcntl.h>
#include <ftw.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

/// The program ends with 1 unless what is claimed holds.
inline void claim(bool holds, const char* what) {
    if (holds) return;
    std::perror(what);
    std::exit(1);
}

/// The working directory becomes a new one, removed at the end with everything in it.
inline void own_directory() {
    static char path[] = "/tmp/wye-example-XXXXXX";
    claim(mkdtemp(path) && chdir(path) == 0, "a directory of our own");
    std::atexit([] {
        nftw(path, [](const char* p, const struct stat*, int, struct FTW*) { return remove(p); }, 16, FTW_DEPTH);
    });
}

/// A process that runs body() and exits with its answer, at the latest killed by SIGALRM after 20 s.
template <class Body>
pid_t start(Body body) {
    const pid_t child = fork();
    claim(child >= 0, "fork");
    if (child > 0) return child;
    alarm(20);
    _exit(body());
}

/// What the process answered; one that was killed or answered more than 250 ends the example.
inline int answer_of(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) > 250) claim(false, "a process that came to its end");
    return WEXITSTATUS(status);
}

/// body(0) to body(count - 1), each in a process of its own, let go at the same moment; the sum of their answers.
template <class Body>
int together(int count, Body body) {
    int gate[2];
    claim(count <= 16 && pipe(gate) == 0, "a gate to wait at");
    pid_t children[16];
    for (int i = 0; i < count; ++i)
        children[i] = start([&] {
            char c;
            close(gate[1]);
            return read(gate[0], &c, 1) == 0 ? body(i) : 255;  // the end of file comes when the gate is closed
        });
    close(gate[0]);
    close(gate[1]);
    int sum = 0;
    for (int i = 0; i < count; ++i) sum += answer_of(children[i]);
    return sum;
}
