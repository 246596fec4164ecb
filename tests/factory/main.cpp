// factory SCENE [ARGUMENT]...: makes the objects of a scene, prints "ready", and stays until it is ended, at the latest
// by its parent's end. For tests of what looks at a machine from outside.
#include "factory.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace wye::factory {

long must(long result, const char* what) {
    if (result != -1) return result;
    std::fprintf(stderr, "factory: %s: %s\n", what, std::strerror(errno));
    // A kernel or a user that cannot have the scene: the test is skipped.
    std::_Exit(errno == EPERM || errno == ENOSYS || errno == EOPNOTSUPP ? 77 : 1);
}

void ready() {
    std::puts("ready");
    std::fflush(stdout);
}

int copy() {
    std::fflush(stdout);
    const auto parent = ::getpid();
    const auto pid = static_cast<int>(must(::fork(), "fork"));
    if (pid != 0) return pid;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    for (;;) ::pause();
}

namespace {

std::array<std::span<const Scene>, 6> all_scenes() {
    return {sysv_scenes(), file_scenes(), socket_scenes(), other_scenes(), knot_scenes(), crowd_scenes()};
}

int run(const std::string& name, const Words& arguments) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (const auto scenes : all_scenes())
        for (const auto& s : scenes)
            if (name == s.name) {
                s.make(arguments);
                ready();
                for (;;) ::pause();
            }
    for (const auto scenes : all_scenes())
        for (const auto& s : scenes) std::printf("%-18s %-22s %s\n", s.name, s.arguments, s.what);
    return 2;
}

}  // namespace
}  // namespace wye::factory

int main(int argc, char** argv) {
    wye::factory::Words words(argv + 1, argv + argc);
    words.resize(words.size() + 4);  // what is not given is empty
    return wye::factory::run(words[0], {words.begin() + 1, words.end()});
}
