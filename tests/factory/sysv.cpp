// System V objects.
#include "factory.hpp"

#include <sched.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

namespace wye::factory {
namespace {

key_t key(const std::string& text) { return static_cast<key_t>(std::strtoul(text.c_str(), nullptr, 0)); }
int segment(const std::string& k) { return static_cast<int>(must(::shmget(key(k), 8192, IPC_CREAT | 0600), "shmget")); }
void attach(int id) { must(::shmat(id, nullptr, 0) == reinterpret_cast<void*>(-1) ? -1 : 0, "shmat"); }

struct Message {
    long type = 1;
    char text[100] = {};
};

constexpr Scene all[] = {
    {"segment", "KEY", "a segment that nobody has attached", [](const Words& w) { segment(w[0]); }},
    {"attached", "KEY COPIES MORE", "attached, with copies of the process that have it too, and attached again",
     [](const Words& w) {
         const int id = segment(w[0]);
         attach(id);
         for (int n = std::atoi(w[1].c_str()); n > 0; --n) copy();
         for (int n = std::atoi(w[2].c_str()); n > 0; --n) attach(id);
     }},
    {"attached-removed", "KEY", "attached, and removed",
     [](const Words& w) {
         const int id = segment(w[0]);
         attach(id);
         must(::shmctl(id, IPC_RMID, nullptr), "shmctl");
     }},
    {"attached-twice", "KEY", "attached, then in another IPC namespace attached to a namesake",
     [](const Words& w) {
         attach(segment(w[0]));
         must(::unshare(CLONE_NEWIPC), "unshare");
         attach(segment(w[0]));
     }},
    {"attached-vfork", "KEY", "attached, with a child that shares the memory itself",
     [](const Words& w) {
         attach(segment(w[0]));
         // CLONE_VM without CLONE_THREAD, and without waiting as vfork does.
         static char stack[65536];
         must(::clone(
                  [](void*) {
                      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
                      for (;;) ::pause();
                      return 0;
                  },
                  stack + sizeof stack, CLONE_VM | SIGCHLD, nullptr),
              "clone");
     }},
    {"attached-pid-ns", "KEY", "made and attached by a process of another pid namespace",
     [](const Words& w) {
         must(::unshare(CLONE_NEWPID), "unshare");
         int done[2];
         must(::pipe(done), "pipe");
         if (must(::fork(), "fork") == 0) {
             ::prctl(PR_SET_PDEATHSIG, SIGKILL);
             attach(segment(w[0]));
             (void)!::write(done[1], "x", 1);
             for (;;) ::pause();
         }
         char c = 0;
         must(::read(done[0], &c, 1), "read");
     }},
    {"empty-ipc", "PATH", "an IPC namespace with a segment, a set and a queue in it that only a mount at PATH keeps",
     [](const Words& w) {
         int status = 0;
         const auto child = must(::fork(), "fork");
         if (child == 0) {
             must(::unshare(CLONE_NEWIPC), "unshare");
             segment("0x51");
             must(::semget(0x52, 3, IPC_CREAT | 0600), "semget");
             must(::msgget(0x53, IPC_CREAT | 0600), "msgget");
             must(::mount("/proc/self/ns/ipc", w[0].c_str(), nullptr, MS_BIND, nullptr), "mount");
             ::_exit(0);
         }
         ::waitpid(static_cast<pid_t>(child), &status, 0);
         if (status != 0) std::_Exit(WEXITSTATUS(status));
     }},
    {"semop", "KEY", "sleeps in semop(2)",
     [](const Words& w) {
         const int id = static_cast<int>(must(::semget(key(w[0]), 2, IPC_CREAT | 0600), "semget"));
         ready();
         sembuf op{.sem_num = 1, .sem_op = -1, .sem_flg = 0};
         must(::semop(id, &op, 1), "semop");
     }},
    {"msgrcv", "KEY", "sleeps in msgrcv(2)",
     [](const Words& w) {
         const int id = static_cast<int>(must(::msgget(key(w[0]), IPC_CREAT | 0600), "msgget"));
         ready();
         Message m;
         must(::msgrcv(id, &m, sizeof m.text, 0, 0), "msgrcv");
     }},
    {"msgrcv-thread", "KEY", "a thread that is not the first sleeps in msgrcv(2)",
     [](const Words& w) {
         const int id = static_cast<int>(must(::msgget(key(w[0]), IPC_CREAT | 0600), "msgget"));
         std::thread([id] {
             Message m;
             must(::msgrcv(id, &m, sizeof m.text, 0, 0), "msgrcv");
         }).detach();
     }},
    {"messages", "KEY", "a queue with two messages of 100 bytes",
     [](const Words& w) {
         const int id = static_cast<int>(must(::msgget(key(w[0]), IPC_CREAT | 0600), "msgget"));
         const Message m;
         for (int n = 0; n < 2; ++n) must(::msgsnd(id, &m, sizeof m.text, 0), "msgsnd");
     }},
};

}  // namespace
std::span<const Scene> sysv_scenes() { return all; }
}  // namespace wye::factory
