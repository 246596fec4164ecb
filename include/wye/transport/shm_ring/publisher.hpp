#pragma once
#include "wye/core/endpoint.hpp"

#include <memory>
#include <optional>
#include <span>
#include <string>

namespace wye {

struct ShmPublishOptions {
    unsigned mode = 0600;            ///< of the path: who has the right to write to it may subscribe
    std::string group = {};          ///< of the path, by name or number; none: this process's
    std::size_t bytes = 1 << 20;     ///< of the lane, a power of two from 2K to 1G: how far a subscriber may lag
    std::size_t max_message = 0;     ///< 0: what the lane takes, which is nearly a quarter of it
    unsigned most_subscribers = 64;  ///< at once
};

struct ShmSubscribeOptions {
    std::uint64_t history = 0;                      ///< begins so many messages back, as far as they are there
    std::optional<unsigned> publisher = {};         ///< the user whom the path must belong to; none: whoever made it
    std::size_t most_bytes = std::size_t{1} << 30;  ///< of the lane: how much is mapped on a publisher's word
};

namespace shm {
struct PublisherState;
struct SubscriberState;
struct Free {
    void operator()(PublisherState*) const noexcept;
    void operator()(SubscriberState*) const noexcept;
};
}  // namespace shm

struct ShmPublishTraits {
    static constexpr Traits traits{.scheme = "shm",
                                   .name = "sealed shared-memory broadcast",
                                   .timing = Timing::async,
                                   .direction = Direction::one_way,
                                   .lossless = false,
                                   .many_writers = false};
};

/// Writes for subscribers of other users, whom it does not trust: a broadcast in a sealed memfd that they can map to
/// read and in no other way. Nothing that a subscriber does or leaves undone changes a byte that another one reads, or
/// makes send() wait: who is slow loses the oldest messages, and is told how many. No system call while nobody sleeps.
///
/// They meet at the path of a Unix socket, and the kernel's permissions on it (and on its directory) are who may
/// subscribe; nothing else is asked. send() never waits. Who knocks is let in by admit(), which never waits for a
/// subscriber either, and now and then by send(): with each eighth of the lane, not by the clock. So who sends seldom
/// calls admit() when native_handle() is readable, or before each message.
///
/// Not for: the same user's processes, which need neither descriptors nor a socket (ShmWriter, with loans, waiting
/// readers and history that outlives its writer); talking back; what must not be lost. Not reachable by a URI, no
/// loans: Errc::too_big above max_message().
/// What hurts: a subscriber that sleeps before each message, as an honest one may, costs a system call a message.
/// Subscribers are not told apart: one user may take every place. Their pages (one each) are this process's memory, and
/// who comes and goes may keep what he was given. Before Linux 6.16 a subscriber can make this process wait when it is
/// dropped, by what it put into its socket (see docs/decisions/0010). A path in a directory where others may write can
/// be taken by them first. Errors of open(): Errc::busy when a living publisher is there; a dead one's path is taken
/// over; Errc::mismatch when it is no socket; Errc::denied for a group that this process may not give away;
/// Errc::exhausted without memory for the lane. Threads: one. After fork: the child has neither the publisher
/// (Errc::unsupported) nor its sockets. After exec: gone. memfd_create(2), fcntl(2) "File Sealing", unix(7),
/// membarrier(2).
class ShmPublisher : public ShmPublishTraits {
public:
    [[nodiscard]] static Result<ShmPublisher> open(const std::string& path, const ShmPublishOptions& = {});

    Result<> send(Bytes, Deadline = Deadline::never());
    /// All of them, up to one that is too big; sleepers are woken once. How many.
    Result<std::size_t> send_many(std::span<const Bytes>, Deadline = Deadline::never());
    /// Lets in who waits, and frees the places of who has gone; waits for one to come until the deadline. How many came
    /// in: what is sent from then on they read, or count as lost.
    Result<unsigned> admit(Deadline = Deadline::now());
    /// When it looked last.
    unsigned subscribers() const noexcept;

    std::size_t max_message() const noexcept;
    /// For poll(2): readable when somebody waits for admit().
    int native_handle() const noexcept;

private:
    explicit ShmPublisher(shm::PublisherState*) noexcept;
    std::unique_ptr<shm::PublisherState, shm::Free> state_;
};

/// Reads what a ShmPublisher of whatever user writes. It need not trust the publisher's messages, nor its lane (the
/// memfd's seals and size are insisted on, every word is checked); but open() waits for it, and takes descriptors from
/// it: ShmSubscribeOptions::publisher says from whom.
///
/// recv() answers Errc::closed when the publisher went, Errc::peer_died when it died, after everything was read;
/// Errc::corrupt when what lies there is no message. Threads: one. After fork: the child opens its own.
class ShmSubscriber : public ShmPublishTraits {
public:
    /// Waits to be let in. Errc::not_found when nobody listens there, Errc::denied, Errc::exhausted when there is no
    /// place, Errc::mismatch when it is no publisher, or one of another version.
    [[nodiscard]] static Result<ShmSubscriber> open(const std::string& path, ShmSubscribeOptions = {},
                                                    Deadline = Deadline::never());

    Result<MutBytes> recv(MutBytes into, Deadline = Deadline::never());
    /// In a copy of its own, until the next call.
    Result<Bytes> recv_view(Deadline = Deadline::never());
    /// `f(Bytes)` for each message that is there, up to `most`; how many. Waits for the first.
    template <class F>
    Result<std::size_t> drain(std::size_t most, F&& f, Deadline d = Deadline::never()) {
        std::size_t n = 0;
        for (; n < most; ++n) {
            const auto got = recv_view(n == 0 ? d : Deadline::now());
            if (!got && n == 0) return std::unexpected(got.error());
            if (!got) break;
            f(*got);
        }
        return n;
    }
    /// Messages that it was too slow for.
    std::uint64_t lost() const noexcept;

    std::size_t max_message() const noexcept;
    /// For poll(2): readable when a recv() may find something, or the end. Call recv() until it finds nothing, then
    /// poll again.
    int native_handle() const noexcept;

private:
    explicit ShmSubscriber(shm::SubscriberState*) noexcept;
    std::unique_ptr<shm::SubscriberState, shm::Free> state_;
};

static_assert(Sender<ShmPublisher> && Viewer<ShmSubscriber> && Pollable<ShmSubscriber>);

}  // namespace wye
