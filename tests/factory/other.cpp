// What has no name: pipes, eventfds, signals; and a process that may not be looked into.
#include "factory.hpp"

#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>

namespace wye::factory {
namespace {

constexpr Scene all[] = {
    {"pipe", "", "a pipe that two processes have both ends of",
     [](const Words&) {
         int ends[2];
         must(::pipe(ends), "pipe");
         copy();
     }},
    {"pipe-unread", "", "a pipe that nobody reads",
     [](const Words&) {
         int ends[2];
         must(::pipe(ends), "pipe");
         ::close(ends[0]);
     }},
    {"eventfds", "", "two eventfds, the first of which two processes have; its count is 7",
     [](const Words&) {
         must(::eventfd(7, 0), "eventfd");
         copy();
         must(::eventfd(3, EFD_SEMAPHORE), "eventfd");
     }},
    {"pending", "", "SIGUSR1 is blocked and pending",
     [](const Words&) {
         sigset_t s;
         sigemptyset(&s), sigaddset(&s, SIGUSR1);
         ::sigprocmask(SIG_BLOCK, &s, nullptr);
         must(::kill(::getpid(), SIGUSR1), "kill");
     }},
    {"unreadable", "", "a process that may be looked into only with CAP_SYS_PTRACE",
     [](const Words&) { must(::prctl(PR_SET_DUMPABLE, 0), "prctl"); }},
};

}  // namespace
std::span<const Scene> other_scenes() { return all; }
}  // namespace wye::factory
