// What has a name among files: shared memory, semaphores, queues, FIFOs, locks.
#include "factory.hpp"

#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <thread>

namespace wye::factory {
namespace {

int shared(const std::string& name) {
    const auto fd = static_cast<int>(must(::shm_open(name.c_str(), O_CREAT | O_RDWR, 0600), "shm_open"));
    must(::ftruncate(fd, 65536), "ftruncate");
    return fd;
}
void map(int fd, int protection = PROT_READ | PROT_WRITE) {
    must(::mmap(nullptr, 4096, protection, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0, "mmap");
}
sem_t* semaphore(const std::string& name) {
    sem_t* s = ::sem_open(name.c_str(), O_CREAT, 0600, 0);
    must(s == SEM_FAILED ? -1 : 0, "sem_open");
    return s;
}
mqd_t queue(const std::string& name) {
    mq_attr a{};
    a.mq_maxmsg = 4, a.mq_msgsize = 100;
    return static_cast<mqd_t>(must(::mq_open(name.c_str(), O_CREAT | O_RDWR, 0600, &a), "mq_open"));
}
int opened(const std::string& path) {
    return static_cast<int>(must(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600), "open"));
}
int access(const std::string& word) { return word == "r" ? O_RDONLY : word == "w" ? O_WRONLY : O_RDWR; }

// flock, posix or ofd, waiting where it must.
void lock(int fd, const std::string& kind, bool wait) {
    struct flock f{};
    f.l_type = F_WRLCK;
    if (kind == "flock") must(::flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB), "flock");
    if (kind == "posix") must(::fcntl(fd, wait ? F_SETLKW : F_SETLK, &f), "fcntl");
    if (kind == "ofd") must(::fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &f), "fcntl");
    if (kind == "lease") must(::fcntl(fd, F_SETLEASE, F_WRLCK), "fcntl");
}

constexpr Scene all[] = {
    {"shm", "NAME", "POSIX shared memory, open and mapped", [](const Words& w) { map(shared(w[0])); }},
    {"shm-map", "NAME", "mapped read-only, with no descriptor of it",
     [](const Words& w) {
         const int fd = shared(w[0]);
         map(fd, PROT_READ);
         ::close(fd);
     }},
    {"shm-unlinked", "NAME", "mapped, and its name removed",
     [](const Words& w) {
         map(shared(w[0]));
         must(::shm_unlink(w[0].c_str()), "shm_unlink");
     }},
    {"shm-in-flight", "NAME", "its only descriptor lies unread in a socket",
     [](const Words& w) {
         const int fd = shared(w[0]);
         int ends[2];
         must(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), "socketpair");
         alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {};
         char byte = 'x';
         iovec v{&byte, 1};
         msghdr m{};
         m.msg_iov = &v, m.msg_iovlen = 1, m.msg_control = control, m.msg_controllen = sizeof control;
         auto* c = CMSG_FIRSTHDR(&m);
         c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(sizeof fd);
         std::memcpy(CMSG_DATA(c), &fd, sizeof fd);
         must(::sendmsg(ends[0], &m, 0), "sendmsg");
         ::close(fd);
     }},
    {"sem", "NAME", "a POSIX semaphore that this process made", [](const Words& w) { semaphore(w[0]); }},
    {"sem-wait", "NAME", "sleeps in sem_wait(3)",
     [](const Words& w) {
         sem_t* s = semaphore(w[0]);
         ready();
         must(::sem_wait(s), "sem_wait");
     }},
    {"mq", "NAME", "a POSIX queue with one message, open",
     [](const Words& w) { must(::mq_send(queue(w[0]), "x", 1, 0), "mq_send"); }},
    {"mq-other-ipc", "NAME", "a POSIX queue in another IPC namespace, open",
     [](const Words& w) {
         must(::unshare(CLONE_NEWIPC), "unshare");
         must(::mq_send(queue(w[0]), "x", 1, 0), "mq_send");
     }},
    {"mq-receive", "NAME", "sleeps in mq_receive(3)",
     [](const Words& w) {
         const auto q = queue(w[0]);
         ready();
         char text[100];
         must(::mq_receive(q, text, sizeof text, nullptr), "mq_receive");
     }},
    {"fifo", "PATH r|w|rw", "a FIFO, open without waiting",
     [](const Words& w) { must(::open(w[0].c_str(), access(w[1]) | O_NONBLOCK), "open"); }},
    {"fifo-on-tmpfs", "DIR", "the first FIFO of a tmpfs of its own mount namespace, at DIR/f, open",
     [](const Words& w) {
         must(::unshare(CLONE_NEWNS), "unshare");
         must(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "mount");
         must(::mount("tmpfs", w[0].c_str(), "tmpfs", 0, "size=64k"), "mount");
         const auto path = w[0] + "/f";
         must(::mkfifo(path.c_str(), 0600), "mkfifo");
         must(::open(path.c_str(), O_RDWR), "open");
     }},
    {"fifo-wait", "PATH r|w", "sleeps in open(2) of a FIFO",
     [](const Words& w) {
         ready();
         must(::open(w[0].c_str(), access(w[1])), "open");
         std::puts("woken");
         std::fflush(stdout);
     }},
    {"fifo-thread", "PATH", "a FIFO that only one thread has open, in descriptors of its own",
     [](const Words& w) {
         std::thread([path = w[0]] {
             must(::unshare(CLONE_FILES), "unshare");
             must(::open(path.c_str(), O_RDWR), "open");
             ready();
             for (;;) ::pause();
         }).detach();
     }},
    {"lock", "PATH flock|posix|ofd|lease", "a locked file", [](const Words& w) { lock(opened(w[0]), w[1], false); }},
    {"lock-wait", "PATH flock|posix|ofd", "sleeps for a lock",
     [](const Words& w) {
         const int fd = opened(w[0]);
         ready();
         lock(fd, w[1], true);
     }},
    {"memfd", "NAME", "a memfd that two processes have",
     [](const Words& w) {
         map(static_cast<int>(must(::memfd_create(w[0].c_str(), 0), "memfd_create")));
         copy();
     }},
};

}  // namespace
std::span<const Scene> file_scenes() { return all; }
}  // namespace wye::factory
