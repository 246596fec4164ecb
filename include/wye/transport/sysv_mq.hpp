#pragma once
#include "wye/core/channel.hpp"
#include "wye/core/mechanism.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace wye {

struct SysvMqOptions {
    Mode mode = Mode::both;
    Create create = Create::never;
    unsigned permissions = 0600;
    long type = 0;  ///< what send() sends and recv() asks for when Meta::type is 0; 0: send 1, take any
};

/// What the kernel knows of a queue (msgctl(2), IPC_STAT).
struct SysvMqStat {
    using Time = std::chrono::system_clock::time_point;
    int id = -1;
    std::int32_t key = 0;
    std::uint32_t owner = 0, group = 0, creator = 0, creator_group = 0;
    unsigned mode = 0;  ///< the nine permission bits
    std::uint64_t messages = 0, bytes = 0, limit = 0;
    std::int32_t last_sender = 0, last_receiver = 0;  ///< process ids; 0: nobody yet
    Time last_send, last_receive, last_change;        ///< the epoch: never
};

/// A System V message queue: whole messages with a type, kept by the kernel until the queue is removed.
///
/// Not for: messages above max_message() (8 KiB by default), poll and epoll (it is no descriptor; see PosixMq),
/// descriptors. What hurts: one type can fill the whole queue (msg_qbytes, 16 KiB by default), and then the senders of
/// every other type wait too: give each kind of traffic that must not wait for another a queue of its own. ftok() keeps
/// 8 bits of the number, 16 of the inode and 8 of the device, so two paths can have one key: a URI with a path
/// refuses what was made for another one (Errc::mismatch), key_of() cannot. A waiting call with a deadline costs a
/// timer, because the kernel has no timed form. Threads: one may send and one may recv at once. Of several receivers
/// that wait, the kernel serves the longest waiting first. After fork: both processes have the queue. It outlives
/// everybody: remove() ends it, and whoever waits in it then gets Errc::closed. msgget(2), msgsnd(2), sysvipc(7).
class SysvMq {
public:
    static constexpr Traits traits{.scheme = "sysv-mq",
                                   .name = "message queue (SysV)",
                                   .timing = Timing::async,
                                   .lifetime = Lifetime::kernel,
                                   .pollable = false,
                                   .types = true,
                                   .sees_close = false};

    /// The key of a file, as ftok(3) makes it. The file must exist, and must not be replaced afterwards: its inode is
    /// the key.
    [[nodiscard]] static Result<std::int32_t> key_of(const std::string& path, unsigned project);

    /// Create::if_missing refuses (Errc::denied) a queue that neither this user nor root made: somebody may have been
    /// waiting for us there. Create::never takes it, for then it was meant.
    [[nodiscard]] static Result<SysvMq> open(std::int32_t key, SysvMqOptions = {});
    /// `sysv-mq:/etc/hostname#7`
    [[nodiscard]] static Result<SysvMq> open_uri(const Uri&, const OpenOptions&);
    /// By the kernel's number, as ipcs(1) shows it: for queues without a key.
    [[nodiscard]] static Result<SysvMq> open_id(int id, SysvMqOptions = {});

    /// Errc::too_big before the call. Errc::closed when the queue was removed.
    Result<> send(Bytes b, Deadline d = Deadline::never()) { return send(b, Meta{}, d); }
    Result<> send(Bytes, Meta, Deadline = Deadline::never());

    /// A message longer than `into` stays in the queue (Errc::too_big); nothing is ever cut off.
    Result<MutBytes> recv(MutBytes into, Deadline d = Deadline::never()) {
        Meta m;
        return recv(into, m, d);
    }
    /// `Meta::type` asks (0 any, n exactly n, -n the lowest up to n), and is then the type that came.
    Result<MutBytes> recv(MutBytes into, Meta&, Deadline = Deadline::never());

    Result<Bytes> recv_view(Deadline d = Deadline::never()) {
        Meta m;
        return recv_view(m, d);
    }
    Result<Bytes> recv_view(Meta&, Deadline = Deadline::never());

    /// The lesser of the queue's limit and the system's, as they are now.
    std::size_t max_message() const;
    Result<SysvMqStat> stat() const;
    int id() const noexcept { return id_; }
    /// Ends the queue for everybody. Only its owner, its creator and root may.
    Result<> remove();

private:
    // The kernel wants type and text in one piece; these are the places, made once.
    struct Place {
        std::unique_ptr<std::byte[]> bytes;
        std::size_t room = 0;
        void make(std::size_t n);
        std::byte* text() const noexcept { return bytes.get() + sizeof(long); }
    };
    SysvMq(int id, SysvMqOptions o) noexcept : id_(id), options_(o) {}
    static Result<SysvMq> opened(int id, SysvMqOptions, const std::string& subject);
    std::unexpected<Error> failed(long r, const char* op) const;
    Result<Bytes> take(std::size_t most, Meta&, Deadline);

    int id_;
    SysvMqOptions options_;
    std::size_t max_ = 0;
    Place out_, in_;
};

extern const Mechanism sysv_mq_mechanism;

static_assert(Sender<SysvMq> && Viewer<SysvMq> && Tagged<SysvMq> && !Pollable<SysvMq>);

}  // namespace wye
