// wye lock: a command runs while this process, which it takes the place of, holds a lock on a file.
#include "wye/base/text.hpp"
#include "wye/sync/file_lock.hpp"

#include "child.hpp"
#include "command.hpp"
#include "terminal.hpp"

#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace wye::cli {
namespace {

using namespace std::chrono_literals;

struct Options {
    std::string file, timeout;
    int conflict = -1;
    bool shared = false, exclusive = false, nonblock = false, close = false, any_owner = false, remote = false,
         fair = false;
};

unsigned umask_now() {
    const auto mask = ::umask(0);
    ::umask(mask);
    return mask;
}

// The lock goes with the descriptor to the program that takes our place.
int become(FileLock& lock, std::vector<std::string>& command) {
    if (const auto r = lock.keep_over_exec(); !r) return report("lock", r.error());
    std::vector<char*> argv;
    for (auto& word : command) argv.push_back(word.data());
    argv.push_back(nullptr);
    ::signal(SIGPIPE, SIG_DFL);  // main() ignores it
    ::execvp(argv[0], argv.data());
    return cannot_run("lock", command[0], errno);
}

int conflict(const Options& o, const FileLock& lock, int code) {
    const auto who = lock.holder();
    const bool named = who && *who && (*who)->pid > 0;
    fmt::print(stderr, "wye: lock: {}: {}{}\n", escape(o.file),
               o.nonblock ? "is locked" : "was locked until the timeout",
               named ? fmt::format(" by process {}{}", (*who)->pid, (*who)->shared ? " (shared)" : "") : "");
    return o.conflict >= 0 ? o.conflict : code;
}

int run(const Options& o, std::vector<std::string> command) {
    const Dispositions before;
    const bool marked = !command.empty() && command[0] == "--";
    if (marked) command.erase(command.begin());
    if (!marked && !command.empty() && command[0].starts_with('-'))
        return usage_error(
            "lock", fmt::format("{}: unknown option (wye lock FILE -- CMD...; see wye help lock)", escape(command[0])));
    if (command.empty()) return usage_error("lock", "no command (wye lock FILE -- CMD...; see wye help lock)");
    Deadline deadline = o.nonblock ? Deadline::now() : Deadline::never();
    if (!o.timeout.empty()) {
        const auto t = duration_of("lock", "--timeout", o.timeout);
        if (!t) return exit_usage;
        deadline = *t;
    }
    auto lock = FileLock::open(
        o.file, {.permissions = 0666 & ~umask_now(), .any_owner = o.any_owner, .remote = o.remote, .fair = o.fair});
    if (!lock) return report("lock", lock.error());
    const auto held = o.shared ? lock->lock_shared(deadline) : lock->lock(deadline);
    if (!held && held.error().is(Errc::timed_out))
        return conflict(o, *lock, o.nonblock ? int{exit_busy} : int{exit_timeout});
    if (!held) return report("lock", held.error());
    return o.close ? run_child("lock", command, before) : become(*lock, command);
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    app.prefix_command();  // what follows FILE is the command's, options too
    app.add_option("file", o->file, "the file or directory that stands for the lock; made where it is missing")
        ->required();
    auto* shared = app.add_flag("-s,--shared", o->shared, "together with others that hold it shared");
    app.add_flag("-x,--exclusive", o->exclusive, "alone (the default)")->excludes(shared);
    auto* now = app.add_flag("-n,--nonblock", o->nonblock, "if it is locked do not wait: exit code 5");
    app.add_option("-w,--timeout", o->timeout, "wait so long, 2s or 250ms, then exit code 124")
        ->type_name("TIME")
        ->excludes(now);
    app.add_option("-E,--conflict-exit-code", o->conflict, "exit code instead of 5 and 124")
        ->type_name("N")
        ->between(0, 255);
    app.add_flag("-o,--close", o->close, "hold it in this process, so that what CMD leaves running does not keep it");
    app.add_flag("--fair", o->fair, "who comes later waits behind who waits, where all of them say so");
    app.add_flag("--remote", o->remote, "lock a file of a network file system, whose server is known to lock");
    app.add_flag("--any-owner", o->any_owner, "lock a file that neither you nor root owns");
    return [o, &app] { return run(*o, app.remaining()); };
}

}  // namespace

extern const Command lock_command;
const Command lock_command{.name = "lock",
                           .arguments = "FILE -- CMD...",
                           .summary = "run a command while a lock on a file is held, as flock(1)",
                           .examples =
                               "wye lock /run/backup.lock -- rsync -a src dst\n"
                               "wye lock -n /tmp/l -- make || echo busy     # 5: somebody has it, and who is said\n"
                               "wye lock -s -w 2s data -- cat data          # readers together, 2 s of patience",
                           .define = define};

}  // namespace wye::cli
