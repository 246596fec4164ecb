#include "support/support.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>

namespace wye::test {

namespace fs = std::filesystem;

namespace {
int failures() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    int n = 0;
    for (int i = 0; test && i < test->result()->total_part_count(); ++i)
        n += test->result()->GetTestPartResult(i).failed();
    return n;
}
}  // namespace

Child::Child(const std::function<bool()>& body) {
    std::fflush(nullptr);
    const int before = failures();  // of the parent, and none of the child's
    pid_ = ::fork();
    if (pid_ == 0) {
        bool good = false;
        try {
            good = body();
        } catch (const std::exception& e) {  // else the test would go on here, too
            std::printf("in a child: %s\n", e.what());
        }
        std::fflush(nullptr);
        ::_exit(good && failures() == before ? 0 : 1);
    }
}

Child::~Child() {
    if (pid_ > 0) kill();
}

void Child::signal(int number) const {
    if (pid_ <= 0) return;
    ::kill(pid_, number);
    // The kernel returns before the threads have heard of it; it reports the stop when the last one stands.
    siginfo_t what{};
    while (number == SIGSTOP && ::waitid(P_PID, static_cast<id_t>(pid_), &what, WSTOPPED | WEXITED | WNOWAIT) != 0 &&
           errno == EINTR) {}
}

void Child::kill() {
    signal(SIGKILL);
    if (pid_ > 0) ::waitpid(pid_, &status_, 0);
    pid_ = -1;
}

int Child::exit_code() const { return WIFEXITED(status_) ? WEXITSTATUS(status_) : -1; }

bool Child::ok(Deadline deadline) {
    if (pid_ < 0) return WIFEXITED(status_) && WEXITSTATUS(status_) == 0;
    const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
    for (;;) {
        pollfd p{.fd = pidfd, .events = POLLIN, .revents = 0};
        const auto left = deadline.is_never() ? -1 : static_cast<int>(deadline.left().count() / 1'000'000);
        const int r = ::poll(&p, 1, left);
        if (r < 0) continue;  // EINTR, with the time that is left
        ::close(pidfd);
        if (r == 0) {
            kill();
            return false;
        }
        break;
    }
    ::waitpid(pid_, &status_, 0);
    pid_ = -1;
    return WIFEXITED(status_) && WEXITSTATUS(status_) == 0;
}

TempDir::TempDir() {
    const char* base = std::getenv("TMPDIR");
    path_ = std::string(base ? base : "/tmp") + "/wye-test-XXXXXX";
    if (!::mkdtemp(path_.data())) std::abort();
}
TempDir::~TempDir() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

bool own_tmpfs(const std::string& at, const char* options) {
    return ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
           ::mount("tmpfs", at.c_str(), "tmpfs", 0, options) == 0;
}

EintrStorm::EintrStorm() {
    struct sigaction a{};
    a.sa_handler = [](int) {};
    ::sigaction(SIGALRM, &a, nullptr);
    const itimerval every{.it_interval = {.tv_sec = 0, .tv_usec = 200}, .it_value = {.tv_sec = 0, .tv_usec = 200}};
    ::setitimer(ITIMER_REAL, &every, nullptr);
}
EintrStorm::~EintrStorm() {
    const itimerval off{};
    ::setitimer(ITIMER_REAL, &off, nullptr);
    ::signal(SIGALRM, SIG_IGN);
}

std::vector<int> open_descriptors() {
    std::vector<int> all;
    for (const auto& e : fs::directory_iterator("/proc/self/fd")) {
        const int fd = std::atoi(e.path().filename().c_str());
        if (::fcntl(fd, F_GETFD) >= 0) all.push_back(fd);
    }
    std::erase_if(all, [](int fd) { return ::fcntl(fd, F_GETFD) < 0; });  // the directory's own
    return all;
}

std::vector<int> inheritable_descriptors() {
    auto all = open_descriptors();
    std::erase_if(all, [](int fd) { return fd <= 2 || (::fcntl(fd, F_GETFD) & FD_CLOEXEC); });
    return all;
}

std::chrono::nanoseconds cpu_time() {
    timespec t{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

std::string unique_name(const std::string& prefix) {
    static std::atomic<unsigned> n{0};
    return prefix + "-" + std::to_string(::getpid()) + "-" + std::to_string(n++);
}

}  // namespace wye::test
