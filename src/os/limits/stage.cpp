// A child process, its namespaces, and the lines in which it tells what it saw.
#include "os/limits/stage.hpp"

#include "wye/base/text.hpp"
#include "wye/os/fd.hpp"

#include "os/errno.hpp"
#include "os/limits/calls.hpp"
#include "os/limits/limit.hpp"
#include "os/sandbox.hpp"
#include "os/small_file.hpp"
#include "os/syscall.hpp"
#include "os/usage/proc_text.hpp"
#include "os/wait.hpp"

#include <algorithm>
#include <csignal>
#include <cstring>

namespace wye::sys {
namespace {

constexpr int died = 3;

std::string gives(long r) {
    if (r >= 0) return {};
    const char* n = ::strerrorname_np(static_cast<int>(-r));
    return n ? n : std::to_string(-r);
}

bool write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const long n = sys::write(fd, text.data(), text.size());
        if (n == -EINTR) continue;
        if (n <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

long put_file(const char* path, const std::string& text) {
    const Fd f(static_cast<int>(sys::open(path, O_WRONLY)));
    return f.get() < 0 ? f.get() : sys::write(f.get(), text.data(), text.size());
}

// The file's numbers with the n-th replaced.
std::string with_number(std::string_view text, unsigned n, std::uint64_t value) {
    auto line = take_line(text);
    std::string out;
    for (unsigned i = 0;; ++i) {
        const auto w = take_word(line);
        if (w.empty()) return out;
        out += (i == n ? std::to_string(value) : std::string(w)) + " ";
    }
}

// ---------------------------------------------------------------- in the child

[[noreturn]] void refused(int out, std::string_view what, long r, std::string_view why) {
    write_all(out, "E\t" + std::string(what) + "\t" + std::to_string(-r) + "\t" + std::string(why) + "\n");
    ::_exit(died);
}

std::string words(unsigned spaces) {
    std::string s = "user";
    if (spaces & CLONE_NEWIPC) s += "+ipc";
    if (spaces & CLONE_NEWNET) s += "+net";
    if (spaces & CLONE_NEWNS) s += "+mount";
    if (spaces & CLONE_NEWPID) s += "+pid";
    return s;
}

// Root is not held to most limits, and may write every setting of the machine from inside a user namespace. False where
// there is no such user id: in a user namespace, whose root is not everybody's.
bool become_stranger(int out) {
    const auto id = 3'900'000'000u + static_cast<unsigned>(sys::own_pid());
    const auto set = [&](long number) { return call(Call::any, [&] { return ::syscall(number, id, id, id); }); };
    (void)call(Call::any, [] { return ::syscall(SYS_setgroups, 0, nullptr); });
    for (const long number : {SYS_setresgid, SYS_setresuid})
        if (const long r = set(number); r == -EINVAL)
            return false;
        else if (r < 0)
            refused(out, "setresuid", r, "root needs CAP_SETUID, to be nobody for this");
    (void)sys::prctl(PR_SET_DUMPABLE, 1);  // or /proc/self would be root's
    return true;
}

void enter(int out, unsigned spaces) {
    const auto user = std::to_string(sys::effective_user()), group = std::to_string(::getegid());
    if (const long r = sys::unshare(CLONE_NEWUSER | spaces); r < 0)
        refused(out, "a user namespace", r, why_no_namespaces());
    (void)put_file("/proc/self/setgroups", "deny");
    if (const long w = put_file("/proc/self/uid_map", "0 " + user + " 1"); w < 0) refused(out, "uid_map", w, "");
    if (const long w = put_file("/proc/self/gid_map", "0 " + group + " 1"); w < 0) refused(out, "gid_map", w, "");
    if (spaces & CLONE_NEWNS)
        if (const long m = sys::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr); m < 0)
            refused(out, "mount", m, "");
    write_all(out, "P\tin a throw-away " + words(spaces) + " namespace\n");
}

// Settings that a new namespace has of its own. Any other is the machine's, which a trial never writes, whatever its
// row says: root in a user namespace may write there.
bool is_own(std::string_view file, unsigned spaces) {
    static constexpr struct {
        std::string_view prefix;
        unsigned space, since;  // 6014: Linux 6.14, where it was the machine's before
    } own[] = {{"/proc/sys/kernel/sem", CLONE_NEWIPC, 0}, {"/proc/sys/kernel/shm", CLONE_NEWIPC, 0},
               {"/proc/sys/kernel/msg", CLONE_NEWIPC, 0}, {"/proc/sys/fs/mqueue/", CLONE_NEWIPC, 0},
               {"/proc/sys/net/", CLONE_NEWNET, 0},       {"/proc/sys/kernel/pid_max", CLONE_NEWPID, 6014},
               {"/proc/sys/user/", CLONE_NEWUSER, 0}};
    const auto kernel = kernel_version();
    return std::ranges::any_of(
        own, [&](const auto& o) { return file.starts_with(o.prefix) && (spaces & o.space) && kernel >= o.since; });
}

void set_ceiling(int out, const Limit& l, std::uint64_t value) {
    if (l.ceiling.resource >= 0) {
        const rlimit r{value, value};
        if (const long e = sys::setrlimit(l.ceiling.resource, r); e < 0)
            refused(out, "setrlimit", e, "the hard limit here is lower than what the trial sets");
        return;
    }
    const char* file = l.trial.knob ? l.trial.knob : l.ceiling.file;
    if (!file) return;
    if (!is_own(file, l.trial.spaces | CLONE_NEWUSER))
        refused(out, file, -EPERM, "it is the machine's here, and no namespace's own");
    const auto now = read_whole(file);
    if (!now) refused(out, file, -now.error().sys(), "this kernel has no such setting");
    if (const long e = put_file(file, with_number(*now, l.trial.knob ? 0 : l.ceiling.field, value)); e < 0)
        refused(out, file, e, "this kernel does not let a namespace have its own");
}

// The first process of a new pid namespace does the work; its end is the end of all in it.
void first_process(int out) {
    const long pid = sys::fork();
    if (pid < 0) refused(out, "fork", pid, "");
    if (pid == 0) {
        (void)sys::prctl(PR_SET_PDEATHSIG, SIGKILL);
        return;
    }
    const int status = wait_status(pid);
    ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : died);
}

[[noreturn]] void in_child(const Limit& l, std::uint64_t value, int out, int parent) {
    const rlimit none{0, 0};
    (void)sys::setrlimit(RLIMIT_CORE, none);
    const auto& t = l.trial;
    const bool stranger = sys::effective_user() == 0 && become_stranger(out);
    if (t.stranger && !stranger)
        refused(out, l.name, -EPERM, "this trial needs a user id that nobody has, which only root can take");
    enter(out, t.spaces);
    (void)sys::prctl(PR_SET_PDEATHSIG, SIGKILL);  // only now: a change of credentials forgets it
    if (::getppid() != parent) ::_exit(died);
    if (t.spaces & CLONE_NEWPID) first_process(out);
    if (value > 0) set_ceiling(out, l, value);
    Stage stage(l, value, out);
    t.run(stage);
    write_all(out, "D\n");
    ::_exit(0);
}

// ---------------------------------------------------------------- in the parent

std::string field(std::string_view& line) {
    const auto end = std::min(line.find('\t'), line.size());
    std::string f(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
    return f;
}

Result<Trace> parse(std::string_view text, Trace t) {
    bool whole = false;
    while (!text.empty()) {
        auto line = take_line(text);
        const auto what = field(line);
        if (what == "P") t.place = field(line);
        if (what == "D") whole = true;
        if (what == "S") {
            Step s;
            s.call = field(line);
            s.first = parse_number(field(line)).value_or(1);
            s.last = parse_number(field(line)).value_or(1);
            s.gives = field(line);
            s.remark = field(line);
            t.steps.push_back(std::move(s));
        }
        if (what == "E") {
            const auto call = field(line);
            const int e = static_cast<int>(parse_number(field(line)).value_or(0));
            const auto why = field(line);
            return refuse(e == EPERM || e == EACCES || e == ENOSPC ? Errc::denied : Errc::unsupported,
                          call + (e ? std::string(": ") + std::strerror(e) : "") + (why.empty() ? "" : ": " + why));
        }
    }
    if (!whole) return refuse(Errc::failed, "the trial ended early");
    return t;
}

Result<std::string> read_until_closed(int fd, Deadline d) {
    std::string text;
    for (;;) {
        WYE_CHECK(wait_ready(fd, POLLIN, d));
        char part[4096];
        const long n = sys::read(fd, part, sizeof part);
        if (n == -EINTR) continue;
        if (n < 0) return fail(n, "read", "trial");
        if (n == 0) return text;
        text.append(part, static_cast<std::size_t>(n));
        if (text.size() > 1 << 20) return refuse(Errc::failed, "the trial has too much to say");
    }
}

}  // namespace

void Stage::put(const Step& s) {
    write_all(out_, "S\t" + s.call + "\t" + std::to_string(s.first) + "\t" + std::to_string(s.last) + "\t" + s.gives +
                        "\t" + s.remark + "\n");
}

long Stage::call(std::string_view name, long result, std::string_view remark) {
    put({.call = std::string(name), .gives = gives(result), .remark = std::string(remark)});
    return result;
}

long Stage::until(std::string_view name, std::uint64_t most, const std::function<long(std::uint64_t)>& f) {
    for (std::uint64_t i = 1; i <= most; ++i) {
        const long r = f(i);
        if (r >= 0 && i < most) continue;
        const auto good = r >= 0 ? i : i - 1;
        if (good > 0) put({.call = std::string(name), .last = good});
        if (r < 0) put({.call = std::string(name), .first = i, .last = i, .gives = gives(r)});
        return r;
    }
    return 0;
}

void Stage::deadly(std::string_view name, const std::function<void()>& f) {
    const long pid = sys::fork();
    if (pid < 0) give_up("fork failed");
    if (pid == 0) {
        for (const int s : {SIGBUS, SIGXFSZ, SIGSEGV}) (void)::signal(s, SIG_DFL);
        f();
        ::_exit(0);
    }
    const int status = wait_status(pid);
    const char* s = WIFSIGNALED(status) ? ::sigabbrev_np(WTERMSIG(status)) : nullptr;
    put({.call = std::string(name),
         .gives = s ? std::string("SIG") + s : "",
         .remark = s ? "the program is killed" : ""});
}

void Stage::give_up(std::string_view why) { refused(out_, limit_.name, 0, why); }

Result<Trace> probe(const Limit& l, bool like_here, Deadline deadline) {
    const auto& t = l.trial;
    if (!t.run) return refuse(Errc::unsupported, std::string(l.name) + " is only told of: " + (t.told ? t.told : ""));
    Trace trace;
    trace.set = t.small;
    if (like_here && t.small > 0) {
        const auto here = l.ceiling.here();
        trace.set = std::min(here.value_or(t.small), std::max(t.most, t.small));
        if (here && trace.set < *here)
            trace.note = "the ceiling here is " + (*here == no_ceiling ? "none" : std::to_string(*here)) +
                         ": to reach it would cost too much";
    }
    int ends[2];
    if (const long r = sys::pipe2(ends, 0); r < 0) return fail(r, "pipe");
    Fd in(ends[0]), out(ends[1]);
    const int parent = sys::own_pid();
    const long pid = sys::fork();
    if (pid < 0) return fail(pid, "fork");
    if (pid == 0) in_child(l, trace.set, out.get(), parent);
    out.reset();
    const auto text = read_until_closed(in.get(), deadline);
    (void)sys::kill(static_cast<pid_t>(pid), SIGKILL);  // ours and not reaped: the number is still its own
    siginfo_t info{};
    while (sys::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED) == -EINTR) {}
    if (!text) return std::unexpected(text.error());
    return parse(*text, std::move(trace));
}

}  // namespace wye::sys
