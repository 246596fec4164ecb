#pragma once
#include "wye/core/mechanism.hpp"
#include "wye/os/fd.hpp"

namespace wye {

struct PosixMqOptions {
    Mode mode = Mode::both;
    Create create = Create::never;
    unsigned permissions = 0600;
    // Of a queue that is created; an existing one keeps its own.
    long depth = 10;           ///< messages; an unprivileged process may have /proc/sys/fs/mqueue/msg_max
    long message_size = 8192;  ///< bytes; likewise msgsize_max
};

/// A POSIX message queue: whole messages with a priority, kept by the kernel until they are read or the queue is removed.
///
/// Not for: large messages (8 KiB unless the administrator allows more), descriptors (UnixSocket), knowing that the other side has gone: a
/// queue has no ends, so nobody ever sees a close; use deadlines.
/// Order: the highest priority first, within one priority as sent. A steady stream of high ones starves the low ones.
/// A message that was received is gone, also when the receiver dies before it has done its work.
/// What hurts: RLIMIT_MSGQUEUE (800 KiB a user) is used up by the size of the queues, not by what is in them: Errc::exhausted.
/// Threads: any number may send and any number may receive, each with an object of its own (see open()).
/// After fork: both processes hold the queue. It stays after the last close until remove(). mq_overview(7).
class PosixMq {
public:
    static constexpr Traits traits{.scheme = "posix-mq",
                                   .name = "POSIX message queue",
                                   .timing = Timing::async,
                                   .direction = Direction::both_ways,
                                   .relation = Relation::any,
                                   .boundaries = Boundaries::message,
                                   .lifetime = Lifetime::kernel,
                                   .priorities = true,
                                   .sees_close = false};

    /// `name` as "/jobs". Errc::bad_address when it is no queue name; Errc::exhausted names the limit that is in the way.
    [[nodiscard]] static Result<PosixMq> open(const std::string& name, PosixMqOptions = {});
    [[nodiscard]] static Result<> remove(const std::string& name);

    Result<> send(Bytes b, Deadline d = Deadline::never()) { return send(b, Meta{}, d); }
    Result<> send(Bytes, Meta, Deadline = Deadline::never());
    Result<MutBytes> recv(MutBytes into, Deadline d = Deadline::never()) {
        Meta ignored;
        return recv(into, ignored, d);
    }
    Result<MutBytes> recv(MutBytes into, Meta&, Deadline = Deadline::never());

    std::size_t max_message() const noexcept { return message_size_; }
    /// Readable when a message waits, writable when there is room: on Linux a queue is a descriptor.
    int native_handle() const noexcept { return fd_.get(); }
    Result<std::size_t> waiting() const;  ///< messages in the queue now

    /// `signal` comes once, when a message arrives in the empty queue and nobody waits in recv(). One process at a time may ask:
    /// Errc::busy. Ask again *before* draining the queue, or a message that comes between is not told.
    Result<> notify_signal(int signal);
    Result<> notify_cancel();

    /// The same by a descriptor that becomes readable, for a loop that wants the edge rather than native_handle()'s level.
    class Notice {
    public:
        int native_handle() const noexcept { return fd_.get(); }
        /// Takes the notice that came, if any, and asks for the next: false when none had come.
        Result<bool> rearm();

    private:
        friend class PosixMq;
        Fd fd_;
        int queue_ = -1;  // lent by the PosixMq, which must outlive this
    };
    Result<Notice> notify_descriptor();

private:
    PosixMq(Fd fd, std::size_t size) : fd_(std::move(fd)), message_size_(size) {}
    Result<std::size_t> take(std::byte* into, unsigned& priority, Deadline);

    Fd fd_;
    std::size_t message_size_;
    std::unique_ptr<std::byte[]> room_;  // for callers whose buffer is smaller than the kernel demands
    std::size_t held_ = 0;               // a message in room_ that was too big for its caller
    bool holds_ = false;
    unsigned held_priority_ = 0;
};

extern const Mechanism posix_mq_mechanism;

static_assert(Sender<PosixMq> && Receiver<PosixMq> && Tagged<PosixMq> && Pollable<PosixMq> && !Lender<PosixMq>);

}  // namespace wye
