#pragma once
#include "wye/core/channel.hpp"
#include "wye/core/mechanism.hpp"
#include "wye/os/fd.hpp"

#include <array>
#include <string>
#include <vector>

namespace wye {

struct PosixMqOptions {
    Mode mode = Mode::both;
    Create create = Create::never;
    unsigned permissions = 0600;
    // 0: the system's default when it is made (10 messages of 8 KiB), whatever it has when it is there. Another value
    // than a queue that is there has is Errc::mismatch.
    std::size_t depth = 0, message_size = 0;
};

/// Tells when a message comes into an empty queue, on a descriptor: see PosixMq::notify_descriptor().
///
/// One process at a time may be told (Errc::busy), once, and only of the step from empty to not empty while nobody
/// waits in recv(). So: wait(), rearm(), and only then recv() with Deadline::now() until it times out. In that order no
/// burst is missed: what came before rearm() is read, and what comes after the queue ran empty tells again. A program
/// that can poll PosixMq::native_handle() needs none of this. Belongs to the process that made it: a forked child must
/// leave it alone. Closing any descriptor of the queue in this process ends it, as the kernel has it: wait() is then
/// Errc::closed.
class PosixMqNotification {
public:
    /// Readable when a message came (or the notification was ended).
    int native_handle() const noexcept { return socket_.get(); }
    /// Errc::closed when the queue was closed under it.
    Result<> wait(Deadline = Deadline::never());
    /// To be told again. Does nothing while it still waits for its message. Errc::busy: another process was faster.
    Result<> rearm();

private:
    friend class PosixMq;
    PosixMqNotification(int queue, Fd socket) noexcept : queue_(queue), socket_(std::move(socket)) {}
    Result<bool> heard();

    int queue_;  // the PosixMq's own: it must outlive this
    Fd socket_;
    bool armed_ = false, told_ = false;
};

/// A POSIX message queue: whole messages with a priority, kept by the kernel until removed.
///
/// Not for: messages above max_message() (8 KiB by default), depth beyond `ulimit -q`, descriptors (UnixSocket).
/// What hurts: the highest priority always goes first, oldest first within it, so a steady flow of it starves the rest.
/// A recv() into less than max_message() may find a larger message: it is then out of the kernel's queue and kept here
/// until a recv() has room, unseen by poll and by other readers, and lost with this object. Size `into` with
/// max_message(). Threads: any number may send and recv at once, but recv into less than max_message(), and recv_view,
/// only one. After fork: both processes hold the queue (what was kept here is then kept twice). After the last close it
/// still exists: remove() ends it. mq_overview(7), mq_open(3), mq_notify(3).
class PosixMq {
public:
    static constexpr Traits traits{.scheme = "posix-mq",
                                   .name = "message queue (POSIX)",
                                   .timing = Timing::async,
                                   .lifetime = Lifetime::kernel,
                                   .priorities = true,
                                   .sees_close = false};
    static constexpr unsigned max_priority = 32767;

    /// `name` is a slash and up to 255 bytes without another. Create::if_missing refuses (Errc::denied) a queue that
    /// neither this user nor root made; Create::never takes it, for then it was meant.
    [[nodiscard]] static Result<PosixMq> open(const std::string& name, PosixMqOptions = {});
    /// `posix-mq:/name?depth=10&size=8K`
    [[nodiscard]] static Result<PosixMq> open_uri(const Uri&, const OpenOptions&);

    Result<> send(Bytes b, Deadline d = Deadline::never()) { return send(b, Meta{}, d); }
    /// A higher Meta::priority is received first. Errc::too_big before anything is sent.
    Result<> send(Bytes, Meta, Deadline = Deadline::never());
    Result<MutBytes> recv(MutBytes into, Deadline d = Deadline::never()) {
        Meta m;
        return recv(into, m, d);
    }
    Result<MutBytes> recv(MutBytes into, Meta&, Deadline = Deadline::never());

    Result<Bytes> recv_view(Deadline d = Deadline::never()) {
        Meta m;
        return recv_view(m, d);
    }
    Result<Bytes> recv_view(Meta&, Deadline = Deadline::never());

    /// This process gets the signal, with si_code SI_MESGQ and `value` in si_value, when a message comes into the empty
    /// queue: once, and with PosixMqNotification's other conditions. Errc::busy when one is registered already.
    Result<> notify_signal(int number, int value = 0);
    /// No more of it. Fine when there was none.
    Result<> notify_cancel();
    /// The same, on a descriptor; armed. What is in the queue already does not tell: read it first. Must not outlive
    /// the queue.
    Result<PosixMqNotification> notify_descriptor();

    std::size_t max_message() const noexcept { return message_size_; }
    std::size_t depth() const noexcept { return depth_; }
    Result<std::size_t> messages() const;
    int native_handle() const noexcept { return fd_.get(); }

private:
    explicit PosixMq(Fd fd) noexcept : fd_(std::move(fd)) {}
    Result<> learn(const std::string& name, const PosixMqOptions&, bool made);
    Result<> may_recv(const Meta&) const;
    Result<> keep(Deadline);
    Result<std::size_t> receive(MutBytes, unsigned& priority, Deadline);

    Fd fd_;
    std::size_t message_size_ = 0, depth_ = 0;
    bool may_send_ = true, may_recv_ = true;
    std::vector<std::byte> kept_;  // a place of message_size_, made at the first recv_view(), or recv() into less
    std::size_t kept_size_ = 0;
    unsigned kept_priority_ = 0;
    bool keeps_ = false;
};

extern const Mechanism posix_mq_mechanism;

static_assert(Sender<PosixMq> && Viewer<PosixMq> && Tagged<PosixMq> && Pollable<PosixMq>);

}  // namespace wye
