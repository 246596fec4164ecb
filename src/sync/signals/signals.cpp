// Signals taken as from a queue, and sent by pidfd.
#include "wye/sync/signals.hpp"

#include "wye/base/text.hpp"

#include "os/errno.hpp"
#include "os/signal_calls.hpp"
#include "os/syscall.hpp"
#include "os/wait.hpp"

#include <algorithm>
#include <array>

namespace wye {
namespace {

std::unexpected<Error> no_signal(int number) {
    return refuse(Errc::bad_address,
                  std::to_string(number) + " is no signal; they are from 1 to " + std::to_string(SIGRTMAX));
}

// 32 and 33 (SIGRTMIN is 34 then) are how the C library cancels threads and changes their users.
Result<> can_be_blocked(int number) {
    if (number < 1 || number > SIGRTMAX) return no_signal(number);
    if (number == SIGKILL || number == SIGSTOP || (number > 31 && number < SIGRTMIN))
        return refuse(Errc::unsupported, "signal " + std::to_string(number) + " cannot be blocked");
    return {};
}

sigset_t set_of(std::span<const int> numbers) noexcept {
    sigset_t s;
    sigemptyset(&s);
    for (const int n : numbers) sigaddset(&s, n);
    return s;
}

}  // namespace

// ---------------------------------------------------------------- life

Result<SignalSet> SignalSet::block(std::span<const int> numbers) {
    for (const int n : numbers) WYE_CHECK(can_be_blocked(n));
    SignalSet s;
    s.numbers_.assign(numbers.begin(), numbers.end());
    const auto set = set_of(numbers);
    const long fd = sys::signalfd(set);
    if (fd < 0) return sys::fail(fd, "signalfd");
    s.fd_ = Fd(static_cast<int>(fd));
    sigset_t before;
    sys::mask(SIG_BLOCK, set, &before);
    for (const int n : numbers)
        if (!sigismember(&before, n)) s.blocked_.push_back(n);
    return s;
}

SignalSet::SignalSet(SignalSet&& o) noexcept
    : numbers_(std::move(o.numbers_)), blocked_(std::exchange(o.blocked_, {})), fd_(std::move(o.fd_)) {}

// Only what this one blocked, so that two of them may end in any order.
SignalSet::~SignalSet() {
    if (!blocked_.empty()) sys::mask(SIG_UNBLOCK, set_of(blocked_));
}

// ---------------------------------------------------------------- work

Result<SignalInfo> SignalSet::wait(Deadline d) {
    const auto set = set_of(numbers_);
    for (;;) {
        siginfo_t info{};
        const sys::Left left(d);
        const long n = sys::sigtimedwait(set, &info, left.get());
        if (n == -EINTR) continue;
        if (n == -EAGAIN) return fail(Errc::timed_out);
        if (n < 0) return sys::fail(n, "sigtimedwait");
        SignalInfo s{.number = static_cast<int>(n), .sender = info.si_pid, .user = info.si_uid, .code = info.si_code};
        if (n == SIGCHLD && info.si_code > 0) {
            s.value = info.si_status;
        } else if (info.si_code == SI_QUEUE || info.si_code == SI_MESGQ || info.si_code == SI_TIMER) {
            s.value = info.si_value.sival_int;
            s.word = reinterpret_cast<std::uintptr_t>(info.si_value.sival_ptr);
        }
        return s;
    }
}

Result<SignalTarget> SignalTarget::of(pid_t pid) {
    if (pid <= 0) return refuse(Errc::bad_address, std::to_string(pid) + " is no process id");
    const long fd = sys::pidfd_open(pid);
    if (fd == -EINVAL) return refuse(Errc::not_found, std::to_string(pid) + " is a thread of another process");
    if (fd < 0) return sys::fail(fd, "pidfd_open", std::to_string(pid));
    return SignalTarget(Fd(static_cast<int>(fd)));
}

Result<> send(const SignalTarget& target, int number) {
    if (number > 31) return queue(target, number, 0);
    if (number < 0) return no_signal(number);
    const long r = sys::pidfd_send_signal(target.pidfd(), number);
    return r < 0 ? Result<>(sys::fail(r, "pidfd_send_signal")) : Result<>();
}

Result<> queue(const SignalTarget& target, int number, std::uint64_t word) {
    if (number < 1 || number > SIGRTMAX) return no_signal(number);
    siginfo_t info{};
    info.si_signo = number;
    info.si_code = SI_QUEUE;
    info.si_pid = sys::own_pid();
    info.si_uid = sys::real_user();
    info.si_value.sival_ptr = reinterpret_cast<void*>(static_cast<std::uintptr_t>(word));  // NOLINT: no pointer
    const long r = sys::pidfd_queue(target.pidfd(), number, &info);
    if (r == -EAGAIN)
        return refuse(Errc::exhausted, "the receiver's user has as many signals pending as RLIMIT_SIGPENDING allows");
    return r < 0 ? Result<>(sys::fail(r, "pidfd_send_signal")) : Result<>();
}

Result<int> real_time(unsigned n) {
    const int most = SIGRTMAX - SIGRTMIN;
    if (n > static_cast<unsigned>(most))
        return refuse(Errc::unsupported,
                      "SIGRTMIN+" + std::to_string(n) + ": the last is SIGRTMIN+" + std::to_string(most));
    return SIGRTMIN + static_cast<int>(n);
}

// ---------------------------------------------------------------- names

namespace {

struct Name {
    int number;
    std::string_view name;
};
constexpr Name names[] = {
    {SIGHUP, "HUP"},       {SIGINT, "INT"},     {SIGQUIT, "QUIT"}, {SIGILL, "ILL"},   {SIGTRAP, "TRAP"},
    {SIGABRT, "ABRT"},     {SIGBUS, "BUS"},     {SIGFPE, "FPE"},   {SIGKILL, "KILL"}, {SIGUSR1, "USR1"},
    {SIGSEGV, "SEGV"},     {SIGUSR2, "USR2"},   {SIGPIPE, "PIPE"}, {SIGALRM, "ALRM"}, {SIGTERM, "TERM"},
    {SIGCHLD, "CHLD"},     {SIGCONT, "CONT"},   {SIGSTOP, "STOP"}, {SIGTSTP, "TSTP"}, {SIGTTIN, "TTIN"},
    {SIGTTOU, "TTOU"},     {SIGURG, "URG"},     {SIGXCPU, "XCPU"}, {SIGXFSZ, "XFSZ"}, {SIGVTALRM, "VTALRM"},
    {SIGPROF, "PROF"},     {SIGWINCH, "WINCH"}, {SIGIO, "IO"},     {SIGPWR, "PWR"},   {SIGSYS, "SYS"},
    {SIGSTKFLT, "STKFLT"},
};

std::unexpected<Error> no_name(std::string_view text) {
    return refuse(Errc::bad_address, "\"" + escape(text) + "\" is no signal; write it as TERM, SIGUSR1, RTMIN+3 or 15");
}

}  // namespace

Result<int> signal_number(std::string_view text) {
    auto word = text;
    if (word.starts_with("SIG")) word.remove_prefix(3);
    if (const auto n = parse_number(word)) {
        if (*n < 1 || *n > static_cast<std::uint64_t>(SIGRTMAX) || word.size() != text.size()) return no_name(text);
        return static_cast<int>(*n);
    }
    for (const auto& s : names)
        if (s.name == word) return s.number;
    const bool up = word.starts_with("RTMIN"), down = word.starts_with("RTMAX");
    if (!up && !down) return no_name(text);
    word.remove_prefix(5);
    std::uint64_t n = 0;
    if (!word.empty()) {
        const auto offset = parse_number(word.substr(1));
        if (word[0] != (up ? '+' : '-') || !offset) return no_name(text);
        n = *offset;
    }
    if (n > static_cast<std::uint64_t>(SIGRTMAX - SIGRTMIN)) return no_name(text);
    return up ? SIGRTMIN + static_cast<int>(n) : SIGRTMAX - static_cast<int>(n);
}

std::string signal_name(int number) {
    for (const auto& s : names)
        if (s.number == number) return "SIG" + std::string(s.name);
    if (number < SIGRTMIN || number > SIGRTMAX) return "signal " + std::to_string(number);
    return number == SIGRTMIN ? "SIGRTMIN" : "SIGRTMIN+" + std::to_string(number - SIGRTMIN);
}

// ---------------------------------------------------------------- the room

// A signal goes to a process, and nothing is there to open: the row is for the table of means and for what is pending.
void see_signals(const sys::Snapshot&, Inventory&);  // see.cpp

const Mechanism signal_mechanism{.traits = SignalSet::traits,
                                 .summary = "a number and a word to a process: wye signal, wye::SignalSet",
                                 .example = "signal:TERM",
                                 .see = see_signals};

}  // namespace wye
