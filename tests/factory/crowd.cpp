// Many processes with something of everything, for how long looking takes.
#include "factory.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <thread>

namespace wye::factory {
namespace {

int opened(const std::string& path) {
    return static_cast<int>(must(::open(path.c_str(), O_RDWR | O_CREAT, 0600), "open"));
}

// With the pipe and the socket of each neighbour, 20 descriptors in all.
void furnish(const std::string& directory, const std::string& number) {
    const int null = static_cast<int>(must(::open("/dev/null", O_RDWR), "open"));
    for (int fd = 0; fd < 3; ++fd) must(::dup2(null, fd), "dup2");
    ::close(null);
    int own[2];
    must(::pipe(own), "pipe");
    for (int n = 0; n < 3; ++n) must(::eventfd(0, 0), "eventfd");
    must(::epoll_create1(0), "epoll_create1");
    const int memory =
        static_cast<int>(must(::shm_open(("/crowd-" + number).c_str(), O_CREAT | O_RDWR, 0600), "shm_open"));
    const int anonymous = static_cast<int>(must(::memfd_create("crowd", 0), "memfd_create"));
    for (const int fd : {memory, anonymous}) {
        must(::ftruncate(fd, 4096), "ftruncate");
        must(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0, "mmap");
    }
    must(::flock(opened(directory + "/lock-" + number), LOCK_EX), "flock");
    for (const char* file : {"/a", "/b", "/c"}) opened(directory + file);
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    std::strncpy(at.sun_path, (directory + "/" + number).c_str(), sizeof at.sun_path - 1);
    const int listener = static_cast<int>(must(::socket(AF_UNIX, SOCK_STREAM, 0), "socket"));
    must(::bind(listener, reinterpret_cast<const sockaddr*>(&at), sizeof at), "bind");
    must(::listen(listener, 8), "listen");
}

void crowd(const Words& w) {
    int left[2], ends[2], pair[2], all_there[2];  // of the neighbour before: a pipe to read, a socket
    ::close_range(3, ~0u, 0);                     // what the caller left open would be everybody's
    must(::pipe(ends), "pipe"), must(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
    left[0] = ends[0], left[1] = pair[0];
    ::close(ends[1]), ::close(pair[1]);
    must(::pipe(all_there), "pipe");
    std::fflush(stdout);
    const auto parent = ::getpid();
    for (int n = 0; n < std::atoi(w[0].c_str()); ++n) {
        must(::pipe(ends), "pipe"), must(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
        if (must(::fork(), "fork") == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (::getppid() != parent) ::_exit(1);
            ::close(ends[0]), ::close(pair[0]), ::close(all_there[0]);
            furnish(w[1], std::to_string(n));
            ::close(all_there[1]);
            for (;;) ::pause();
        }
        for (const int fd : {left[0], left[1], ends[1], pair[1]}) ::close(fd);
        left[0] = ends[0], left[1] = pair[0];
    }
    ::close(all_there[1]);
    char c;
    (void)!::read(all_there[0], &c, 1);
    if (::waitpid(-1, nullptr, WNOHANG) != 0) std::_Exit(1);  // one could not be furnished, and said why
}

// What one does and has that is there for a moment only.
[[noreturn]] void pass_by(unsigned n) {
    int ends[2];
    if (n % 4 == 0) (void)::unshare(CLONE_NEWIPC);
    must(::pipe(ends), "pipe");
    must(::eventfd(n, 0), "eventfd");
    const auto name = "/storm-" + std::to_string(n % 64);
    const int fd = ::shm_open(name.c_str(), O_CREAT | O_RDWR, 0600);
    if (fd >= 0 && ::ftruncate(fd, 4096) == 0) ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, 0);
    if (n % 3 == 0) ::shm_unlink(name.c_str());
    const int id = ::shmget(IPC_PRIVATE, 4096, 0600);
    ::shmat(id, nullptr, 0);
    ::shmctl(id, IPC_RMID, nullptr);
    if (n % 2 == 0) std::thread([] { ::usleep(200); }).join();
    if (n % 5 == 0) ::execl("/bin/true", "true", nullptr);
    ::_exit(0);
}

// Some at a time, each a new one.
void storm(const Words&) {
    ready();
    int alive = 0;
    for (unsigned n = 0;; ++n) {
        if (must(::fork(), "fork") == 0) pass_by(n);
        if (++alive < 8) continue;
        ::wait(nullptr);
        --alive;
    }
}

constexpr Scene all[] = {
    {"crowd", "COUNT DIRECTORY", "so many processes with 20 descriptors each, all of whose files lie in the directory",
     crowd},
    {"storm", "", "processes that come and go without end", storm},
};

}  // namespace
std::span<const Scene> crowd_scenes() { return all; }
}  // namespace wye::factory
