#include "peer.hpp"

#include "links.hpp"
#include "patterns/ways.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace wye::peers {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

void fail(const char* call) { fail(call, std::strerror(errno)); }

void let_others() noexcept { sched_yield(); }

std::string fresh_name() {
    static unsigned n = 0;
    return "wye-peer-" + std::to_string(getpid()) + "-" + std::to_string(++n);
}

void await(const char* what, const std::function<bool()>& done) {
    for (const auto until = Clock::now() + 5s; !done(); usleep(200))
        if (Clock::now() > until) fail(what, "nothing in 5 s");
}

// ---------------------------------------------------------------- what must not stay

// Everybody who is started from now on has the writing end: its end of file is the end of them all.
Janitor::Janitor(std::function<void()> clean) {
    int ends[2];
    if (pipe(ends) != 0) fail("pipe");
    std::fflush(nullptr);
    pid_ = fork();
    if (pid_ < 0) fail("fork");
    until_ = ends[1];
    close(ends[pid_ == 0 ? 1 : 0]);
    if (pid_ > 0) return;
    setsid();  // Ctrl-C is for the others
    sigset_t every;
    sigfillset(&every);
    sigprocmask(SIG_SETMASK, &every, nullptr);
    const int nowhere = ::open("/dev/null", O_RDWR);
    for (const int fd : {0, 1, 2}) dup2(nowhere, fd);
    char none;
    while (read(ends[0], &none, 1) < 0 && errno == EINTR) {}
    clean();
    _exit(0);
}

Janitor::~Janitor() {
    close(until_);
    waitpid(pid_, nullptr, 0);
}

Daemon::Daemon(const std::vector<std::string>& command, const std::function<bool(const std::string&)>& ready,
               int end_by)
    : end_by_(end_by) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) fail("pipe2");
    std::vector<char*> words;
    for (const auto& w : command) words.push_back(const_cast<char*>(w.c_str()));
    words.push_back(nullptr);
    const auto parent = getpid();
    pid_ = fork();
    if (pid_ < 0) fail("fork");
    if (pid_ == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(1);
        const int nowhere = ::open("/dev/null", O_RDWR);
        dup2(nowhere, 0), dup2(ends[1], 1), dup2(nowhere, 2);
        execvp(words[0], words.data());
        _exit(127);
    }
    close(ends[1]);
    out_ = ends[0];
    for (const auto until = Clock::now() + 20s; !ready(said_);) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
        pollfd p{.fd = out_, .events = POLLIN, .revents = 0};
        char room[4096];
        const auto n = left > 0 && ::poll(&p, 1, static_cast<int>(left)) > 0 ? read(out_, room, sizeof room) : 0;
        if (n <= 0) {
            end();
            fail(command[0], "it does not become ready");
        }
        said_.append(room, static_cast<std::size_t>(n));
    }
}

Daemon::~Daemon() { end(); }

void Daemon::end() {
    kill(pid_, end_by_);
    close(out_);
    for (int i = 0; i < 2000; ++i, usleep(1000))
        if (waitpid(pid_, nullptr, WNOHANG) != 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
}

// ---------------------------------------------------------------- the benches that have work of their own

namespace {

Means* chosen = nullptr;

struct Link {
    std::unique_ptr<End> end;
    bool polls;
    void send(std::span<const std::byte> b) const { end->send(b); }
    void recv(std::span<std::byte> b) const { end->recv(b, polls); }
};

struct Two {
    bool polls;
    explicit Two(const bench::Args& a) : polls(a.polls() && chosen->polls) {
        chosen->size = a.number("bytes", a.what == "flow" ? 8 : 48);
        chosen->prepare(duel, 2);
    }
    ~Two() { chosen->clean(); }
    Link open(bench::Side s) const {
        return {chosen->open(s == bench::Side::parent ? Role::first : Role::second, 0), polls};
    }
};

struct Ways {
    bool shares;
    explicit Ways(const bench::Args& a) : shares(bench::is(a, "pattern", "queue")) {
        chosen->size = a.number("bytes", 64);
        chosen->prepare(shares ? queue : fan, 1);  // the sender is there first, and waits for nobody
    }
    ~Ways() { chosen->clean(); }
    Link sender() const { return {chosen->open(shares ? Role::producer : Role::publisher, 0), false}; }
    Link receiver() const { return {chosen->open(shares ? Role::worker : Role::subscriber, 0), false}; }
};

int work_of(int argc, char** argv, const AllMeans& all) {
    const bench::Args a(argc, argv);
    const bool patterns = a.given.contains("pattern");
    if (a.what != "pingpong" && a.what != "flow" && a.what != "paced") return program_main(argc, argv, all);
    const auto means = a.given.find("means");
    for (const auto& m : all)
        if (!chosen && (means == a.given.end() || means->second == m->name)) chosen = m.get();
    try {
        if (!chosen) fail(means->second, "no such means here");
        if (patterns ? bench::ways_of<Ways>(a) : a.what != "paced") {
            if (!patterns) a.what == "flow" ? bench::flow<Two>(a) : bench::ping_pong<Two>(a);
            return 0;
        }
        fail(a.what, "pingpong or flow, or with pattern=pub or queue: flow or paced");
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 1;
    }
}

}  // namespace

int peer_main(int argc, char** argv, const AllMeans& all) {
    const int code = work_of(argc, argv, all);
    std::fflush(nullptr);
    _exit(code);  // what libraries do at the end is with daemons that are gone
}

}  // namespace wye::peers
