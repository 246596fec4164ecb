#pragma once
#include "wye/base/bytes.hpp"
#include "wye/base/deadline.hpp"
#include "wye/base/error.hpp"
#include "wye/core/channel.hpp"
#include "wye/os/exit.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace wye {

/// Takes what a program writes, as it comes; an error ends the program and is what wait() answers.
using Sink = std::function<Result<>(Bytes)>;

/// Where a program's standard input comes from.
struct Source {
    enum class Kind : std::uint8_t { inherit, null, bytes, file, descriptor };
    Kind kind = Kind::null;
    std::shared_ptr<const std::string> text{};  ///< the bytes, or the path
    int fd = -1;

    static Source inherit() { return {.kind = Kind::inherit}; }
    static Source null() { return {}; }
    static Source bytes(std::string b) {
        return {.kind = Kind::bytes, .text = std::make_shared<const std::string>(std::move(b))};
    }
    static Source file(std::string path) {
        return {.kind = Kind::file, .text = std::make_shared<const std::string>(std::move(path))};
    }
    /// Lent: it must stay open until start() has returned.
    static Source descriptor(int lent) { return {.kind = Kind::descriptor, .fd = lent}; }
    /// What an endpoint would have received, framing and all (`?framing=raw` and `lines` suit most programs).
    static Source endpoint(const Channel& c) { return descriptor(c.raw_handles().read); }
};

/// Where a program's standard output or error goes.
struct Target {
    enum class Kind : std::uint8_t { inherit, null, capture, stream, file, descriptor, output };
    Kind kind = Kind::inherit;
    std::string path{};
    bool append = false;
    int fd = -1;
    Sink sink{};

    static Target inherit() { return {}; }
    static Target null() { return {.kind = Kind::null}; }
    static Target capture() { return {.kind = Kind::capture}; }  ///< into Output, up to limit_output()
    static Target stream(Sink s) { return {.kind = Kind::stream, .sink = std::move(s)}; }
    /// Made if it is missing (0666, narrowed by the umask), emptied unless `append`.
    static Target file(std::string path, bool append = false) {
        return {.kind = Kind::file, .path = std::move(path), .append = append};
    }
    static Target descriptor(int lent) { return {.kind = Kind::descriptor, .fd = lent}; }
    static Target endpoint(const Channel& c) { return descriptor(c.raw_handles().write); }
    static Target output() { return {.kind = Kind::output}; }  ///< of standard error: where standard output goes
};

/// What a run gave.
struct Output {
    Exit exit;                ///< of a pipeline: of the last command that failed (see Pipeline), else of the last
    std::vector<Exit> exits;  ///< of every command of a pipeline
    std::string out, err;     ///< what was captured
};

/// A program that runs, with everything it started: one process group for each command.
///
/// Its bytes move while wait() is in progress, all directions at once, so that no sizes deadlock; a program whose
/// output is captured stands still while nobody waits. One thread at a time. Dropping it ends the tree at once
/// (SIGKILL) and reaps the program: no zombie stays. A copy made by fork() does nothing.
class Job {
public:
    Job(Job&&) noexcept;
    Job& operator=(Job&&) = delete;
    ~Job();

    /// Until every command has ended and everything that is captured or streamed has been read to its end; a descendant
    /// that keeps the pipe open therefore counts, as it does in a shell's $(...). The same answer ever after.
    /// Errc::timed_out leaves it running: wait again, or end() it. Errc::too_big (limit_output) and a Sink's own error
    /// come after the tree was ended.
    Result<Exit> wait(Deadline d = Deadline::never());
    /// To the whole tree, as end() knows it.
    Result<> signal(int number);
    /// SIGTERM (and SIGCONT) to the whole tree; after the grace, or as soon as all of it has ended, SIGKILL to what is
    /// left. Answers how the program itself ended.
    ///
    /// The tree is the process group, and every descendant that /proc shows at that moment (CONFIG_PROC_CHILDREN), also
    /// one that left the group. What escapes: a descendant that left the group (setsid) and whose parent ended before,
    /// which the kernel has given to init, and one that is born outside the group while its parents are being killed.
    /// `wye run --timeout` adopts those; only a pid namespace has no gap at all: `wye run --sandbox`.
    Result<Exit> end();

    bool running() const noexcept;  ///< false once wait() or end() has told how it ended
    int pid() const noexcept;       ///< of a pipeline's last command
    /// What was captured so far, whatever happened.
    const Output& output() const noexcept;
    Output take_output() noexcept;

private:
    friend class Command;
    friend class Pipeline;
    struct State;
    explicit Job(std::unique_ptr<State>) noexcept;
    std::unique_ptr<State> state_;
};

/// A program to be run, by argv: popen(3) and system(3) without the shell. What hurts there and cannot happen here is
/// told in docs/why-not-popen.md.
///
///     auto sorted = Command({"sort", "-u"}).in(Source::bytes("b\na\nb\n")).run(5s);   // sorted->out == "a\nb\n"
///
/// Not for talking back and forth: `exec:` is that. By default standard input is /dev/null (a program does not eat its
/// caller's), output is captured, errors go where ours go. No word is ever looked at by a shell. The program starts
/// with descriptors 0, 1, 2 and no others, default signal actions, none blocked, in a process group of its own. It is
/// started by posix_spawn(3): the price does not grow with our memory.
///
/// When this process is killed, the program is not: it runs on, reads the end of its input, and is told (SIGPIPE) when
/// it writes to what nobody reads any more.
///
/// Threads: start() and run() only read the Command, so that several threads may share one; they read the environment,
/// so that nobody may call setenv(3) meanwhile. posix_spawn(3), pidfd_open(2), close_range(2), environ(7).
class Command {
public:
    /// Found on our PATH, whatever environment it gets; a name with a slash is looked up in its directory().
    explicit Command(std::vector<std::string> argv) : argv_(std::move(argv)) {}

    // Each returns *this, so that they can be chained.
    Command& env(std::string name, std::string value);  ///< beats what is inherited
    Command& clear_env();                               ///< nothing is inherited
    Command& keep_env(std::string name);                ///< of ours, only the names kept; an unset one stays unset
    Command& arg0(std::string text);                    ///< what it sees as its own name
    Command& directory(std::string path);               ///< where it starts
    Command& in(Source);
    Command& out(Target);
    Command& err(Target);
    /// The most that is captured (default 16 MiB) or streamed (default: no end), out and err together. Beyond it the
    /// run ends with Errc::too_big, with what came before.
    Command& limit_output(std::size_t bytes);
    /// Between SIGTERM and SIGKILL; default 2 s.
    Command& grace(std::chrono::nanoseconds);
    /// Stays in our process group, so that Ctrl-C, Ctrl-Z and reading from the terminal work as if it were ours. The
    /// tree is then only what /proc shows below it.
    Command& foreground();

    /// Errc::not_found, Errc::denied, Errc::exhausted (RLIMIT_NPROC) are the exec's own; Errc::bad_address for a word
    /// with a zero byte or a name of the environment with '='.
    [[nodiscard]] Result<Job> start() const;
    /// start() and wait(); a deadline that passes ends the whole tree (Job::end) and is Errc::timed_out. A program that
    /// fails is no Error: look at exit.
    [[nodiscard]] Result<Output> run(Deadline d = Deadline::never()) const;
    /// The same, where what was captured is wanted beside an error too.
    Result<> run_into(Output&, Deadline d = Deadline::never()) const;

private:
    friend class Pipeline;
    struct Stage;
    std::vector<std::string> argv_;
    std::vector<std::pair<std::string, std::string>> env_;
    std::vector<std::string> keep_;
    bool clear_ = false, foreground_ = false, has_arg0_ = false, limited_ = false;
    std::string arg0_, directory_;
    Source in_;
    Target out_ = Target::capture(), err_;
    std::size_t limit_ = 16 * 1024 * 1024;
    std::chrono::nanoseconds grace_ = std::chrono::seconds(2);
};

/// Commands whose outputs are the next one's inputs, as `a | b | c`: in() is the first's, out() the last's, err()
/// each one's own; limit_output, grace and foreground are the last's. What lies between is set by the pipeline.
///
/// Output::exit is that of the rightmost command that failed (pipefail), where one that a later command stopped
/// listening to (SIGPIPE) has not failed.
class Pipeline {
public:
    explicit Pipeline(std::vector<Command> commands) : commands_(std::move(commands)) {}
    [[nodiscard]] Result<Job> start() const;
    [[nodiscard]] Result<Output> run(Deadline d = Deadline::never()) const;
    Result<> run_into(Output&, Deadline d = Deadline::never()) const;

private:
    std::vector<Command> commands_;
};

inline Pipeline pipeline(std::vector<Command> commands) { return Pipeline(std::move(commands)); }

}  // namespace wye
