#pragma once
#include <chrono>

#include "wye/core/mechanism.hpp"

namespace wye {

struct SysvMqOptions {
    Create create = Create::never;
    unsigned permissions = 0600;
    long type = 0;  ///< what Meta{} means: sent with this type (0: 1), asked for by it (0: any)
};

/// A System V message queue: whole messages with a type, kept by the kernel until they are read or the queue is removed.
///
/// Several conversations can share one queue: a receiver asks for its type. Waiting receivers are served in the order they came.
/// Not for: event loops (there is no descriptor to poll), large messages (8 KiB by default, see max_message()), knowing that the other
/// side has gone: use deadlines.
/// What hurts: the 16 KiB of a queue (MSGMNB) are shared by all types, so one type that nobody takes fills it for every other; keys
/// made by ftok() keep 8 bits of the number, 8 of the device and 16 of the inode: two paths can give one key, and stat() tells whose queue
/// one has got. A message received is gone, also when its receiver dies.
/// Threads: as many as you like, each with an object of its own. After fork: both hold it. It stays until remove(). msgop(2), sysvipc(7).
class SysvMq {
public:
    static constexpr Traits traits{.scheme = "sysv-mq",
                                   .name = "System V message queue",
                                   .timing = Timing::async,
                                   .direction = Direction::both_ways,
                                   .relation = Relation::any,
                                   .boundaries = Boundaries::message,
                                   .lifetime = Lifetime::kernel,
                                   .pollable = false,
                                   .types = true,
                                   .sees_close = false};

    [[nodiscard]] static Result<SysvMq> open(std::int32_t key, SysvMqOptions = {});
    /// ftok(3): the path must exist, `number` is 1 to 255.
    [[nodiscard]] static Result<std::int32_t> key_of(const std::string& path, int number);
    [[nodiscard]] static Result<> remove(std::int32_t key);

    Result<> send(Bytes b, Deadline d = Deadline::never()) { return send(b, Meta{}, d); }
    /// Meta::type > 0 is the message's type.
    Result<> send(Bytes, Meta, Deadline = Deadline::never());
    Result<MutBytes> recv(MutBytes into, Deadline d = Deadline::never()) {
        Meta any;
        return recv(into, any, d);
    }
    /// Meta::type asks: 0 the oldest, n the oldest of type n, -n the oldest of the lowest type up to n. It answers the type that came.
    /// Errc::too_big leaves the message in the queue; a message is never cut. Errc::closed: the queue was removed.
    Result<MutBytes> recv(MutBytes into, Meta&, Deadline = Deadline::never());

    /// As the queue and the kernel have it now: the lesser of msg_qbytes and /proc/sys/kernel/msgmax.
    std::size_t max_message() const noexcept { return max_; }

    struct Stat {
        std::uint32_t owner, group, creator;
        unsigned mode;
        std::uint64_t messages, bytes, limit;
        int last_sender, last_receiver;  ///< pids; 0 when there was none
        std::int64_t sent_at, received_at, changed_at;  ///< seconds since 1970; 0 never
    };
    Result<Stat> stat() const;
    int id() const noexcept { return id_; }

private:
    struct Message;
    SysvMq(int id, std::size_t max, long type);
    int id_;
    std::size_t max_;
    long type_;
    // The kernel wants the type and the text in one place: one such place for each way.
    std::unique_ptr<std::byte[]> out_, in_;
};

extern const Mechanism sysv_mq_mechanism;

static_assert(Sender<SysvMq> && Receiver<SysvMq> && Tagged<SysvMq> && !Pollable<SysvMq>);

}  // namespace wye
