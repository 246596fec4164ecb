#pragma once
#include "wye/base/deadline.hpp"
#include "wye/base/error.hpp"
#include "wye/core/mechanism.hpp"
#include "wye/os/fd.hpp"

#include <sys/types.h>

#include <cstdint>
#include <initializer_list>
#include <vector>

namespace wye {

/// A signal that was taken (siginfo_t).
struct SignalInfo {
    int number = 0;
    pid_t sender = 0;  ///< process id; of SIGCHLD the child's. 0: the kernel, or a process of another pid namespace
    uid_t user = 0;    ///< real user id of the sender
    int value = 0;     ///< the low half of `word`, all that sigqueue(3) callers often fill; of SIGCHLD its status
    std::uint64_t word = 0;  ///< what queue() sent along; 0 where nothing was
    int code = 0;            ///< why it came, a SI_ or CLD_ number; queued() is the one most ask for
    bool queued() const noexcept { return code == -1; }  ///< by queue() or sigqueue(3): `value` and `word` are meant
};

/// Signals taken one by one, as from a queue, instead of by a handler: nothing async-signal-safe to mind, and beside
/// I/O by poll(2).
///
/// What coalesces: of a standard signal (SIGUSR1, SIGCHLD, SIGWINCH, SIGTERM) one can be pending, so five sent may be
/// one taken, with the sender and word of the first: read it as "at least one". Real-time signals (real_time(0) and up)
/// are queued, each with its word, those of one number in order and lower numbers first; when the queue of this user is
/// full (RLIMIT_SIGPENDING) the sender gets Errc::exhausted. Words are no secrets and no proofs: `sender` and `user` of
/// a queued signal are what the sending program wrote.
///
/// Threads: a signal to the process goes to any thread that does not block it, so make this first, in main, before
/// other threads, which inherit the mask; a thread started before must block the same signals (sigprocmask of its own),
/// or it gets them with their default action. Several threads may wait(): each signal goes to one of them. Drop it in
/// the thread that made it: what this object blocked is unblocked there, and what is still pending then takes its
/// default action, as if it had come that moment.
///
/// fork(): the child has the same mask, an object that works, and no pending signals. exec: the mask stays! A program
/// started by this library gets an empty one; with your own fork and exec drop this object before exec. SIGKILL and
/// SIGSTOP cannot be blocked (Errc::unsupported), nor may those that the library of C keeps for itself (32, 33); a
/// SIGSEGV, SIGBUS, SIGFPE or SIGILL that an instruction raises ends the process, blocked or not. signal(7),
/// signalfd(2), sigtimedwait(2).
class SignalSet {
public:
    static constexpr Traits traits{.scheme = "signal",
                                   .name = "signal",
                                   .timing = Timing::async,
                                   .direction = Direction::one_way,
                                   .data = Data::word,
                                   .lossless = false,
                                   .sees_close = false,
                                   .empty_messages = false};

    /// Blocks them in this thread, and takes them from now on. Errc::bad_address for what is no signal.
    [[nodiscard]] static Result<SignalSet> block(std::initializer_list<int> numbers) {
        return block(std::span(numbers.begin(), numbers.size()));
    }
    [[nodiscard]] static Result<SignalSet> block(std::span<const int> numbers);
    SignalSet(SignalSet&&) noexcept;
    SignalSet& operator=(SignalSet&&) = delete;
    ~SignalSet();

    /// The next that is pending, or that comes before the deadline.
    Result<SignalInfo> wait(Deadline d = Deadline::never());

    /// Readable (POLLIN) while one is pending: for poll and epoll; take it by wait(Deadline::now()). Another thread may
    /// be faster.
    int native_handle() const noexcept { return fd_.get(); }

private:
    SignalSet() = default;
    std::vector<int> numbers_, blocked_;  // blocked_: by us, and unblocked again
    Fd fd_;
};

/// SIGRTMIN + n: the first that the C library leaves free is not the same everywhere, so never write 34. Errc::
/// unsupported beyond SIGRTMAX.
Result<int> real_time(unsigned n);

/// "TERM", "SIGTERM", "15", "RTMIN+3", "RTMAX-1"; Errc::bad_address for anything else.
Result<int> signal_number(std::string_view);
/// "SIGTERM", "SIGRTMIN+3".
std::string signal_name(int number);

/// A process that signals can be sent to: by pidfd, so that another process which has its number by now is never hit.
class SignalTarget {
public:
    /// Errc::not_found when there is none. The number may have changed hands before this call: hold a lock of the
    /// process (PidFile), or be its parent, to know whom it names.
    [[nodiscard]] static Result<SignalTarget> of(pid_t);
    /// From a pidfd that somebody else made.
    explicit SignalTarget(Fd pidfd) noexcept : pidfd_(std::move(pidfd)) {}
    int pidfd() const noexcept { return pidfd_.get(); }

private:
    Fd pidfd_;
};

/// Errc::not_found when it has ended and been reaped, Errc::denied for another user's. Number 0 only asks. A real-time
/// signal is queued, with the word 0: sent as kill(2) does, it could lose its place in the queue in silence.
Result<> send(const SignalTarget&, int number);

/// With a word of data. Errc::exhausted when RLIMIT_SIGPENDING signals of the receiving user are pending, and then
/// nothing was sent; a standard signal that is pending already takes no new word.
Result<> queue(const SignalTarget&, int number, std::uint64_t word);

extern const Mechanism signal_mechanism;

}  // namespace wye
