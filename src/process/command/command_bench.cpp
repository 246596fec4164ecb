// Starting /bin/true from a process that is large: posix_spawn, ours, and fork + exec. The last number is the resident
// size in MiB: WYE_BENCH_RESIDENT (as 8G), by default 8 GiB or a quarter of what is free. Small pages, as a heap that
// has grown for a while has them: with huge ones fork copies 512 times fewer entries.
#include "wye/base/text.hpp"
#include "wye/process/command.hpp"

#include <benchmark/benchmark.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

extern char** environ;

namespace {

std::size_t resident() {
    if (const char* given = std::getenv("WYE_BENCH_RESIDENT"))
        if (const auto size = wye::parse_size(given)) return *size;
    const auto free =
        static_cast<std::size_t>(::sysconf(_SC_AVPHYS_PAGES)) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return std::min(std::size_t{8} << 30, free / 4);
}

// Touched by the first of these benchmarks, so that no other pays for it.
bool grow(std::size_t bytes) {
    static const bool grown = [bytes] {
        void* p = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED) return false;
        ::madvise(p, bytes, MADV_NOHUGEPAGE);
        for (std::size_t at = 0; at < bytes; at += 4096) static_cast<volatile char*>(p)[at] = 1;
        return true;
    }();
    return grown;
}

char program[] = "/bin/true";
char* const words[] = {program, nullptr};

bool by_spawn() {
    pid_t pid;
    int status;
    return ::posix_spawn(&pid, program, nullptr, nullptr, words, environ) == 0 && ::waitpid(pid, &status, 0) == pid &&
           status == 0;
}

bool by_fork() {
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::execve(program, words, environ);
        ::_exit(127);
    }
    int status;
    return pid > 0 && ::waitpid(pid, &status, 0) == pid && status == 0;
}

bool by_command() {
    static const auto command = wye::Command({program}).in(wye::Source::inherit()).out(wye::Target::inherit());
    const auto r = command.run();
    return r && r->exit.ok();
}

int register_spawn() {
    const auto size = resident();
    const auto add = [size](const char* kind, bool (*once)()) {
        benchmark::RegisterBenchmark((std::string(kind) + "/spawn/" + std::to_string(size >> 20)).c_str(),
                                     [size, once](benchmark::State& state) {
                                         if (!grow(size)) return state.SkipWithError("not enough memory");
                                         for (auto _ : state)
                                             if (!once()) return state.SkipWithError("it did not run");
                                     })
            ->UseRealTime()
            ->Unit(benchmark::kMicrosecond);
    };
    add("raw", by_spawn);
    add("wye", by_command);
    add("fork", by_fork);
    return 0;
}

const int registered = register_spawn();

}  // namespace
