// wye run: a program by argv, with a deadline for everything it starts; `__sandbox` is the first process of --sandbox.
#include "wye/base/text.hpp"
#include "wye/process/command.hpp"

#include "command.hpp"
#include "os/sandbox.hpp"
#include "os/transfer.hpp"
#include "os/wait.hpp"
#include "process/command/tree.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <optional>

namespace wye::cli {
namespace {

using namespace std::chrono_literals;

struct Options {
    std::vector<std::string> argv, env;
    std::string timeout, grace = "2s", arg0, directory, limit;
    bool clear_env = false, sandbox = false, has_arg0 = false;
    int parent = 0;  // of __sandbox
};

// As env(1), nohup(1) and timeout(1) have them.
enum RunExit : int { run_failed = 125, run_not_executable = 126, run_not_found = 127 };

// Signals that came and were not yet passed on, a bit each. Lock-free, so a handler may touch it; relaxed: it carries
// nothing but itself.
std::atomic<std::uint64_t> arrived{0};
std::atomic<bool> shares_terminal{false};

void note(int number, siginfo_t* info, void*) {
    // What a key of the terminal sent, the program has got too.
    if (info->si_code == SI_KERNEL && shares_terminal.load(std::memory_order_relaxed)) return;
    arrived.fetch_or(std::uint64_t{1} << number, std::memory_order_relaxed);
}

void note_signals() {
    struct sigaction a{};
    a.sa_sigaction = note;
    a.sa_flags = SA_SIGINFO;
    for (const int n : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) ::sigaction(n, &a, nullptr);
}

int trouble(const Error& e) {
    (void)report("run", e);
    if (e.op() != "exec" || e.is(Errc::exhausted)) return run_failed;
    return e.is(Errc::not_found) ? run_not_found : run_not_executable;
}

int code_of(const wye::Exit& e) { return e.signal ? 128 + e.signal : e.status; }

// What is the same in the sandbox and outside.
wye::Command command_of(const Options& o) {
    wye::Command c(o.argv);
    c.in(Source::inherit()).out(Target::inherit()).err(Target::inherit());
    if (o.clear_env) c.clear_env();
    for (const auto& e : o.env) {
        const auto mark = e.find('=');
        if (mark != e.npos)
            c.env(e.substr(0, mark), e.substr(mark + 1));
        else if (o.clear_env)  // else it is inherited as it is
            c.keep_env(e);
    }
    if (o.has_arg0) c.arg0(o.arg0);
    if (!o.directory.empty()) c.directory(o.directory);
    return c;
}

// The same options again, for the one that will start the program inside.
wye::Command sandboxed(const Options& o) {
    std::vector<std::string> argv = {"/proc/self/exe", "__sandbox", "--parent", std::to_string(::getpid())};
    for (const auto& e : o.env) argv.insert(argv.end(), {"--env", e});
    if (o.clear_env) argv.emplace_back("--clear-env");
    if (o.has_arg0) argv.insert(argv.end(), {"--arg0", o.arg0});
    if (!o.directory.empty()) argv.insert(argv.end(), {"--directory", o.directory});
    argv.emplace_back("--");
    argv.insert(argv.end(), o.argv.begin(), o.argv.end());
    wye::Command c(std::move(argv));
    c.in(Source::inherit()).out(Target::inherit()).err(Target::inherit()).arg0("wye");
    return c;
}

class Runner {
public:
    Runner(Deadline total, std::chrono::nanoseconds grace) : total_(total), grace_(grace) {}

    // Through us, so that it can be counted.
    void limit(wye::Command& c, std::size_t bytes) {
        c.limit_output(bytes);
        c.out(Target::stream([this](Bytes b) { return pass_on(1, out_, b); }));
        c.err(Target::stream([this](Bytes b) { return pass_on(2, err_, b); }));
    }

    // Orphans become our children instead of init's: they can be found, and are ours to bury.
    void adopt() { adopts_ = ::prctl(PR_SET_CHILD_SUBREAPER, 1) == 0; }

    int run(const wye::Command& c) {
        auto job = c.start();
        if (!job) return trouble(job.error());
        job_ = &*job;
        for (;;) {
            const auto exit = job->wait(total_.sooner(100ms));
            forward();
            if (exit) return code_of(*exit);
            bury_orphans();
            if (!job->running()) return ended_by_us(exit.error());
            if (!exit.error().is(Errc::timed_out)) return trouble(exit.error());
            if (total_.passed()) return out_of_time();
        }
    }

private:
    int out_of_time() {
        end();
        fmt::print(stderr, "wye: run: the deadline passed\n");
        return exit_timeout;
    }

    // The program's tree, and with it whoever left that: all of them are below us.
    void end() {
        Tree strays;
        if (adopts_) strays.look(::getpid());
        strays.signal(SIGTERM);
        strays.signal(SIGCONT);
        const Deadline last = grace_;
        (void)job_->end();
        for (const auto& fd : strays.pidfds()) (void)sys::wait_ready(fd.get(), POLLIN, last);
        kill_strays();
    }

    void kill_strays() {
        // Again until none is found: one may be born while its parent is being killed.
        for (int i = 0; adopts_ && i < 100; ++i) {
            Tree strays;
            strays.look(::getpid());
            if (strays.pidfds().empty()) return;
            strays.signal(SIGKILL);
            for (const auto& fd : strays.pidfds()) (void)sys::wait_ready(fd.get(), POLLIN, 1s);
            bury_orphans();
        }
    }

    void bury_orphans() {
        for (siginfo_t info{}; adopts_ && sys::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
                               info.si_pid != 0 && (!job_->running() || info.si_pid != job_->pid());
             info = {})
            (void)sys::waitid(P_PID, static_cast<id_t>(info.si_pid), &info, WEXITED);
    }

    int ended_by_us(const Error& e) {
        kill_strays();
        if (e.is(Errc::closed)) return 128 + SIGPIPE;  // a reader that had enough, as if the program had met it itself
        if (e.is(Errc::timed_out)) return out_of_time();
        return trouble(e);
    }

    void forward() {
        const auto bits = arrived.exchange(0, std::memory_order_relaxed);
        for (int n = 1; n < 64; ++n)
            if (bits >> n & 1) (void)job_->signal(n);
    }

    Result<> pass_on(int fd, Port& port, Bytes b) {
        while (!b.empty()) {
            const iovec v{const_cast<std::byte*>(b.data()), b.size()};
            const auto n = sys::write_some(fd, port, &v, 1, total_.sooner(100ms));
            forward();
            if (n)
                b = b.subspan(*n);
            else if (!n.error().is(Errc::timed_out) || total_.passed())
                return std::unexpected(n.error());
        }
        return {};
    }

    Deadline total_;
    std::chrono::nanoseconds grace_;
    bool adopts_ = false;
    Job* job_ = nullptr;
    Port out_, err_;
};

std::optional<int> check(const Options& o) {
    for (const auto& e : o.env)
        if (e.empty() || e[0] == '=')
            return usage_error("run", fmt::format("--env={}: write it as NAME=VALUE, or NAME to keep ours", escape(e)));
    if (!o.timeout.empty() && !duration_of("run", "--timeout", o.timeout)) return exit_usage;
    if (!duration_of("run", "--grace", o.grace)) return exit_usage;
    if (!o.limit.empty() && !parse_size(o.limit))
        return usage_error("run", fmt::format("--limit-output={}: write it as 4096, 64K or 1M", escape(o.limit)));
    return {};
}

int run(const Options& o) {
    if (const auto wrong = check(o)) return *wrong;
    auto c = command_of(o);
    if (o.sandbox) {
        if (const auto r = sys::enter_sandbox(); !r) return trouble(r.error());
        c = sandboxed(o);
    }
    c.grace(*parse_duration(o.grace));
    // Where Ctrl-C, Ctrl-Z and reading from the terminal are to work, the program must be of our group.
    if (::isatty(0) && ::tcgetpgrp(0) == ::getpgrp()) {
        c.foreground();
        shares_terminal = true;
    }
    note_signals();
    Runner runner(o.timeout.empty() ? Deadline::never() : Deadline(*parse_duration(o.timeout)),
                  *parse_duration(o.grace));
    if (!o.limit.empty()) runner.limit(c, *parse_size(o.limit));
    if (!o.sandbox && !(o.timeout.empty() && o.limit.empty())) runner.adopt();
    return runner.run(c);
}

// The first process of the namespace: it starts the program, buries orphans, and takes everything along at its end.
// It stays in the program's group; the kernel keeps from it every signal but SIGKILL.
int first_process(const Options& o) {
    if (const auto r = sys::settle_sandbox(o.parent); !r) return trouble(r.error());
    auto c = command_of(o);
    auto job = c.foreground().start();
    if (!job) return trouble(job.error());
    for (;;) {
        siginfo_t info{};
        if (sys::waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) < 0) continue;
        if (info.si_pid == job->pid()) break;
        (void)sys::waitid(P_PID, static_cast<id_t>(info.si_pid), &info, WEXITED);
    }
    const auto exit = job->wait();
    return exit ? code_of(*exit) : trouble(exit.error());
}

void common_options(Arguments& app, Options& o) {
    app.allow_extras();
    app.add_option("--env", o.env,
                   "NAME=VALUE, given to it; NAME, kept of ours in spite of --clear-env; may be repeated")
        ->type_name("NAME[=VALUE]")
        ->expected(1)
        ->take_all()
        ->allow_extra_args(false);
    app.add_flag("--clear-env", o.clear_env, "it inherits no environment");
    app.add_option(
           "--arg0", [&o](const std::string& s) { o.arg0 = s, o.has_arg0 = true; }, "what it sees as its own name")
        ->type_name("TEXT");
    app.add_option("--directory", o.directory, "where it starts")->type_name("DIR");
}

// The program and its arguments, as they were given.
int with_words(const Arguments& app, Options& o, int (*next)(const Options&)) {
    auto words = verbatim_words(app, "run");
    if (!words) return exit_usage;
    if (words->empty()) return usage_error("run", "no program (wye run [OPTIONS] -- CMD...; see wye help run)");
    o.argv = std::move(*words);
    return next(o);
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    common_options(app, *o);
    app.add_option("-t,--timeout", o->timeout, "end it and all it started after this long (SIGTERM, then SIGKILL)")
        ->type_name("TIME");
    app.add_option("--grace", o->grace, "from SIGTERM to SIGKILL (default 2s)")->type_name("TIME");
    app.add_option("--limit-output", o->limit, "end it when it has written more than this, out and err together")
        ->type_name("SIZE");
    app.add_flag("--sandbox", o->sandbox, "own pid, ipc and mount namespaces: nothing it started outlives it");
    return [o, &app] { return with_words(app, *o, run); };
}

Run define_sandbox(Arguments& app) {
    auto o = std::make_shared<Options>();
    common_options(app, *o);
    app.add_option("--parent", o->parent)->required();
    return [o, &app] { return with_words(app, *o, first_process); };
}

}  // namespace

extern const Command run_command, sandbox_command;
const Command run_command{.name = "run",
                          .arguments = "[OPTIONS] -- CMD...",
                          .summary = "run a program by argv, with a deadline for everything it starts",
                          .examples =
                              "wye run --timeout 10s -- make test\n"
                              "wye run --limit-output 1M --clear-env --env PATH --env LANG=C -- ./untrusted\n"
                              "wye run --sandbox -- sh -c 'daemon & work'     # the daemon ends with the shell",
                          .define = define};
const Command sandbox_command{
    .name = "__sandbox", .arguments = "-- CMD...", .summary = "", .examples = "", .define = define_sandbox};

}  // namespace wye::cli
