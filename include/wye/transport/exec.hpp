#pragma once
#include "wye/io/framed_stream.hpp"

#include <span>

namespace wye {

struct ExecOptions {
    StreamOptions stream{};
    /// write: its standard output is ours; read: its standard input is /dev/null; both: two pipes.
    Mode mode = Mode::both;
};

/// A child process as the peer: we write to its standard input and read from its standard output. popen(3) without the
/// shell.
///
/// `exec:sort -u`: words are split at spaces and then %-decoded (`%20` is a space inside an argument); the program is
/// found on PATH; no shell ever sees them. It inherits 0, 1, 2 and the environment, default signal actions, and nothing
/// else. What hurts: a program that writes while we write fills both pipes; send with a deadline, and recv between.
/// Programs that know nothing of wye want `?framing=lines` or raw; mind that many of them buffer their output when it
/// is no terminal. Its end: recv() gives Errc::closed after exit status 0, and Errc::peer_died with the status or
/// signal otherwise. Dropping this closes its input, waits a second, and ends it (SIGKILL, through a pidfd); no zombie
/// stays. posix_spawn(3), pidfd_open(2).
class Exec {
public:
    static constexpr Traits traits{.scheme = "exec",
                                   .name = "child process",
                                   .timing = Timing::sync,
                                   .direction = Direction::both_ways,
                                   .relation = Relation::related,
                                   .boundaries = Boundaries::stream,
                                   .lifetime = Lifetime::handle,
                                   .duplex = true};

    [[nodiscard]] static Result<Exec> start(std::span<const std::string> argv, ExecOptions = {});
    Exec(Exec&&) noexcept;
    Exec& operator=(Exec&&) = delete;
    ~Exec();

    Result<> send(Bytes b, Deadline d = Deadline::never());
    Result<MutBytes> recv(MutBytes into, Deadline d = Deadline::never());
    Result<Bytes> recv_view(Deadline d = Deadline::never());
    /// The program reads its end of file.
    Result<> close_write();
    /// Closes its input and waits for its end: Errc::peer_died when that was not exit status 0.
    Result<> finish(Deadline d = Deadline::never());

    std::size_t max_message() const noexcept;
    int native_handle() const noexcept;
    Channel::RawHandles raw_handles() const noexcept;
    int pid() const noexcept;

private:
    struct Child;
    explicit Exec(std::unique_ptr<Child> c) noexcept;
    template <class T>
    Result<T> judged(Result<T>, Deadline);
    std::unique_ptr<Child> child_;
};

extern const Mechanism exec_mechanism;

static_assert(Sender<Exec> && Viewer<Exec> && HalfCloser<Exec> && Pollable<Exec>);

}  // namespace wye
