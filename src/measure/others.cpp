#include "measure/others.hpp"

#include "measure/clock.hpp"
#include "measure/life.hpp"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace wye::measure {
namespace {

using namespace std::chrono_literals;
constexpr auto patience = 5s;

double cpu_of(clockid_t clock) {
    timespec t{};
    return clock_gettime(clock, &t) == 0 ? static_cast<double>(t.tv_sec) * 1e9 + static_cast<double>(t.tv_nsec) : 0;
}

// Of all its threads.
double switches_of(pid_t pid) {
    double sum = 0;
    std::error_code e;
    for (std::filesystem::directory_iterator it("/proc/" + std::to_string(pid) + "/task", e), end; !e && it != end;
         it.increment(e)) {
        std::ifstream status(it->path() / "status");
        for (std::string line; std::getline(status, line);)
            if (line.find("_ctxt_switches:") != line.npos) sum += std::strtod(&line[line.find(':') + 1], nullptr);
    }
    return sum;
}

}  // namespace

void pin(unsigned nth) {
    cpu_set_t may;
    if (sched_getaffinity(0, sizeof may, &may) != 0 || CPU_COUNT(&may) < 2) return;
    nth %= static_cast<unsigned>(CPU_COUNT(&may));
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (!CPU_ISSET(cpu, &may) || nth-- > 0) continue;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        (void)sched_setaffinity(0, sizeof one, &one);
        return;
    }
}

void Others::start(unsigned which, const std::function<void(unsigned)>& body, bool pinned) {
    const auto parent = getpid();
    std::fflush(nullptr);
    const auto pid = fork();
    if (pid < 0) throw std::runtime_error(std::string("fork: ") + std::strerror(errno));
    if (pid > 0) return pids_.push_back(pid);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    int status = 0;
    try {
        if (pinned) pin(which + 1);
        body(which);
    } catch (const std::exception& e) {
        std::snprintf(board_->places[which].trouble, sizeof Board::Place::trouble, "%s", e.what());
        status = 1;
    }
    board_->places[which].done = 1;
    if (status != 0) _exit(status);
    for (;;) pause();  // what it opened stays until the others have read it all
}

void Others::check() {
    for (unsigned i = 0; i < pids_.size(); ++i) {
        siginfo_t info{};
        if (waitid(P_PID, static_cast<id_t>(pids_[i]), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0)
            continue;
        const char* said = board_->places[i].trouble;
        throw std::runtime_error(*said ? said : "the other process ended by signal " + std::to_string(info.si_status));
    }
}

void Others::wait_ready() {
    const auto until = std::chrono::steady_clock::now() + patience;
    for (unsigned i = 0; i < pids_.size(); ++i)
        while (board_->places[i].ready == 0) {
            check();
            if (std::chrono::steady_clock::now() > until)
                throw std::runtime_error("the other process did not open its end in 5 s");
            usleep(100);
        }
}

std::string Others::trouble() const {
    for (unsigned i = 0; i < pids_.size(); ++i)
        if (board_->places[i].done && board_->places[i].trouble[0]) return board_->places[i].trouble;
    return {};
}

void Others::kill_first() const noexcept { kill_for_certain(pids_.front()); }

void Others::kill_all() const noexcept {
    for (const auto pid : pids_) kill_for_certain(pid);
}

void Others::end() noexcept {
    for (const auto pid : pids_) kill(pid, SIGKILL);
    for (const auto pid : pids_) waitpid(pid, nullptr, 0);
    pids_.clear();
}

Others::Cost Others::cost() const {
    Cost c = cost_of(getpid());
    for (const auto* pids : {&pids_, &beside_})
        for (const auto pid : *pids) c = c + cost_of(pid);
    return c;
}

Others::Cost Others::cost_of(pid_t pid) {
    clockid_t clock;
    return {.cpu_ns = clock_getcpuclockid(pid, &clock) == 0 ? cpu_of(clock) : 0, .switches = switches_of(pid)};
}

}  // namespace wye::measure
