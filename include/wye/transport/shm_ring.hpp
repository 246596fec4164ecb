#pragma once
#include "wye/core/endpoint.hpp"
#include "wye/core/mechanism.hpp"
#include "wye/transport/shm_ring/bell.hpp"
#include "wye/transport/shm_ring/cursors.hpp"
#include "wye/transport/shm_ring/queue.hpp"

#include <array>
#include <memory>
#include <string>

namespace wye {

/// How a ring is made; who attaches takes it as it is.
struct ShmShape {
    ring::Shape shape = ring::Shape::stream;
    std::size_t bytes = 0;         ///< of a lane, a power of two; 0: 64 KiB, of a queue 8 KiB
    unsigned participants = 0;     ///< at once; 0: 8 of a stream, 128 of a broadcast, 48 of a queue
    unsigned lanes = 8;            ///< of a queue: producers at once
    bool strict = false;           ///< a queue: one lane for all producers, first in first out among them too
    unsigned most_deliveries = 0;  ///< a queue: a job whose worker died that often is set aside; 0: never
    std::uint64_t start = 0;       ///< the first position; for tests of numbers that wrap
};

struct ShmOptions {
    ShmShape made = {};
    Create create = Create::if_missing;
    ring::Policy policy = ring::Policy::block;  ///< of a broadcast's reader
    unsigned patience_ms = 100;                 ///< of Policy::demote
    std::uint64_t history = 0;                  ///< a broadcast's reader begins so many messages back
    bool spin = false;                          ///< waits without ever sleeping: takes a whole processor
    unsigned readers = 0;                       ///< a broadcast's writer waits until so many are there
    bool waits_on = false;                      ///< who reads waits for the next writer instead of Errc::closed
    std::size_t max_message = std::size_t{16} << 20;
    std::size_t most_lent = std::size_t{256} << 20;  ///< bytes of loans at once
};

namespace shm {
struct State;  // what a handle shares with its loans and leases
struct Forget {
    void operator()(State*) const noexcept;
};
using Handle = std::unique_ptr<State, Forget>;
}  // namespace shm

struct ShmTraits {
    static constexpr Traits traits{.scheme = "shm",
                                   .name = "shared-memory ring",
                                   .timing = Timing::both,
                                   .direction = Direction::one_way,
                                   .lifetime = Lifetime::kernel,
                                   .loans = true,
                                   .many_writers = false};
    static constexpr bool room_is_readable = true;  ///< native_handle() of a writing end: see Async
    static constexpr Traits queue_traits = [] {
        auto t = traits;
        t.many_writers = t.redelivers = true;
        t.ordered = false;
        return t;
    }();
};

/// Writes into a ring in shared pages: a stream for one reader, or a broadcast for many. No daemon, no lock, no copy in
/// the kernel, no system call while nobody sleeps: a message of up to 48 bytes is one cache line that goes from one
/// processor to the other.
///
/// One writer at a time (Errc::busy names the other). What it wrote stays when it goes, however it goes: its reader
/// reads it, then gets Errc::closed, or Errc::peer_died where the kernel says that the writer died; the next writer
/// goes on behind it. send() waits while a reader that must not lose anything has no room left: Errc::closed when that
/// one left meanwhile, Errc::peer_died when it died. Without any reader a stream keeps what fits; a broadcast forgets
/// the oldest.
///
/// Not for: other users (ShmPublisher), other machines; talking back (one ring each way); several writers (ShmProducer,
/// or one ring each). What hurts: whoever waits longer than 10 ms needs three descriptors, and one for each peer, so
/// that their death wakes him; where he gets none, or a peer lives in another pid namespace, he looks up to twice a
/// second. A child of fork() must open its own (Errc::unsupported); who of this user makes the file shorter ends all
/// who have it open by SIGBUS, and whatever else it writes there harms messages only (docs/shm-layout.md). Threads:
/// one. Removed by wye::remove("shm:NAME"); until then it is a file of 1/8 MiB in /dev/shm/wye-UID. shm_overview(7),
/// futex(2), membarrier(2), fcntl(2).
class ShmWriter : public ShmTraits {
public:
    [[nodiscard]] static Result<ShmWriter> open(const std::string& name, ShmOptions = {});

    [[gnu::always_inline]] Result<> send(Bytes b, Deadline d = Deadline::never()) {
        if (core_->ours() && b.size() < core_->below && core_->put(b)) [[likely]] {
            core_->data();
            return {};
        }
        return send_slowly(b, d);
    }
    /// One message of two parts.
    Result<> send(Bytes b, Bytes behind, Deadline d) {
        if (core_->ours() && b.size() + behind.size() < core_->below && core_->put(b, behind)) [[likely]] {
            core_->data();
            return {};
        }
        return send_slowly(b, d, behind);
    }
    /// As many as there is room for, at least one; they appear one after the other, and sleepers are woken once.
    Result<std::size_t> send_many(std::span<const Bytes>, Deadline = Deadline::never());
    /// A place for `n` bytes that the reader will look at where it lies; in pages of its own, 16-byte aligned.
    Result<Loan> loan(std::size_t n, Deadline = Deadline::never());
    /// The reader gets Errc::closed behind the last message.
    Result<> close_write();

    std::size_t max_message() const noexcept;
    /// For poll(2): readable when a send() may find room again.
    int native_handle() const noexcept;

    /// What the hot path needs, and only that.
    struct Core {
        ring::LaneWriter lane;
        ring::Gate gate;
        ring::Ringer data;
        std::uint64_t below = 0;  // shorter messages are copied; 0 while send() has something to do first
        const std::uint64_t* generation_now = nullptr;
        std::uint64_t generation = 0;

        bool ours() const noexcept { return *generation_now == generation; }
        [[gnu::always_inline]] bool put(Bytes b) noexcept {
            return lane.put(ring::Kind::bytes, b.size(), gate, ring::CopyOf{b});
        }
        bool put(Bytes b, Bytes behind) noexcept {
            return lane.put(ring::Kind::bytes, b.size() + behind.size(), gate, [=](std::byte* to) {
                ring::copy_shared(to + b.size(), behind.data(), behind.size());
                ring::CopyOf{b}(to);
            });
        }
    };

private:
    explicit ShmWriter(shm::Handle, Core*) noexcept;
    Result<> send_slowly(Bytes, Deadline, Bytes behind = {});
    shm::Handle state_;
    Core* core_;
};

/// Reads from a ring; see ShmWriter. Of a stream there is one reader at a time, and the next goes on where it was; of a
/// broadcast there are many, and each says what becomes of it when it is slow (ShmOptions::policy).
class ShmReader : public ShmTraits {
public:
    [[nodiscard]] static Result<ShmReader> open(const std::string& name, ShmOptions = {});

    /// Errc::closed, or Errc::peer_died, while its writer has gone and no other has come, and all was read.
    Result<MutBytes> recv(MutBytes into, Deadline d = Deadline::never()) {
        ring::Message m;
        if (core_->ready(m, d) && m.length <= into.size()) [[likely]] {
            core_->take(m, into.data());
            return into.first(m.length);
        }
        return recv_slowly(into, d);
    }
    /// `f(Bytes)` for each message that is there, up to `most`; how many. Waits for the first.
    template <class F>
    Result<std::size_t> drain(std::size_t most, F&& f, Deadline d = Deadline::never()) {
        std::size_t n = 0;
        ring::Message m;
        for (; n < most && core_->ready(m, n == 0 ? d : Deadline::now()); ++n) {
            f(Bytes(m.data, m.length));
            core_->pass(m);
        }
        if (n > 0 || most == 0) return n;
        auto lease = take(d);
        if (!lease) return std::unexpected(std::move(lease).error());
        f(lease->bytes());
        return 1;
    }
    /// The message where it lies. Of a copied one the writer waits until the lease is dropped; of a loan the reader may
    /// keep up to 8 beyond what it goes on to read. Of a stream, what was taken and not dropped when its reader dies
    /// comes to the next reader, which is not told so.
    Result<Lease> take(Deadline = Deadline::never());
    /// The message where it lies, given back by the next call that receives; the writer waits for that as for a lease.
    Result<Bytes> recv_view(Deadline = Deadline::never());

    std::size_t max_message() const noexcept;
    /// For poll(2): readable when a recv() may find something, or a peer's end; made when it is first asked for. Call
    /// recv() until it finds nothing, then poll again.
    int native_handle() const noexcept;
    /// Messages that this reader, of a broadcast, was too slow for.
    std::uint64_t lost() const noexcept;
    /// How many the ring had carried before the one that comes next.
    std::uint64_t number() const noexcept { return core_->lane.at().number + core_->viewing; }

    struct Core {
        ring::LaneReader lane;
        ring::Cursor* cursor = nullptr;
        ring::Ringer space;
        bool gating = true;    // the writer waits for it: nothing changes while it reads
        bool held = false;     // a lease: `done` stays where it is
        bool hasty = false;    // looks for a moment before anything else
        bool viewing = false;  // `viewed` is to be passed first
        ring::Message viewed;
        std::uint64_t viewed_kept = 0;  // and this slot of the cursor's table given back, from 1
        std::uint64_t published = 0, lump = 0;
        ring::Breath breath;
        const std::uint64_t* generation_now = nullptr;
        std::uint64_t generation = 0;

        bool ours() const noexcept { return *generation_now == generation; }
        /// A copied message, out of the pages and passed.
        void take(const ring::Message& m, std::byte* into) noexcept {
            if (ring::bug(3)) pass(m);
            ring::copy_shared(into, m.data, m.length);
            if (!ring::bug(3)) pass(m);
        }
        /// The plain case: a writer that waits for us. Looks for a moment.
        bool there(ring::Message& m, Deadline d) noexcept {
            if (!gating || !ours()) [[unlikely]]
                return false;
            settle();
            auto look = lane.next(m);
            if (look == ring::Look::nothing && !d.is_now() && soon()) look = lane.next(m);
            return look == ring::Look::message;
        }
        /// And a copied message.
        bool ready(ring::Message& m, Deadline d) noexcept { return there(m, d) && m.kind == ring::Kind::bytes; }
        bool soon() noexcept;
        /// What recv_view() gave is over.
        void settle() noexcept {
            if (!viewing) return;
            viewing = false;
            pass(viewed);
            if (viewed_kept != 0) [[unlikely]]
                give_kept_back();
        }
        void give_kept_back() noexcept;
        void pass(const ring::Message& m) noexcept {
            lane.pass(m);
            if (!held) [[likely]]
                release_to(lane.at());
        }
        /// `done` with each message, for who reads on after us; `head`, which the writer fetches from our cache, in
        /// lumps, unless it waits for it.
        void release_to(const ring::Place& p) noexcept {
            cursor->done.store(p.position, ring::order::relaxed);
            cursor->number.store(p.number, ring::order::relaxed);
            if (p.position - published >= lump || ring::somebody_sleeps(*space.bell)) [[unlikely]]
                publish(p.position);
        }
        void publish(std::uint64_t position) noexcept {
            published = position;
            cursor->head.store(position, ring::order::give_back);
            space();
        }
    };

private:
    explicit ShmReader(shm::Handle, Core*) noexcept;
    Result<MutBytes> recv_slowly(MutBytes, Deadline);
    shm::Handle state_;
    Core* core_;
};

/// Puts jobs into a queue, each for one worker (ShmWorker).
class ShmProducer : public ShmTraits {
public:
    [[nodiscard]] static Result<ShmProducer> open(const std::string& name, ShmOptions = {});

    /// Waits while the queue is full.
    Result<> send(Bytes b, Deadline d = Deadline::never()) {
        if (core_->ours() && b.size() < core_->below && core_->put(b)) [[likely]] {
            core_->data();
            return {};
        }
        return send_slowly(b, d);
    }
    /// As many as there is room for, at least one; sleeping workers are woken once, as many as there are jobs.
    Result<std::size_t> send_many(std::span<const Bytes>, Deadline = Deadline::never());
    Result<Loan> loan(std::size_t n, Deadline = Deadline::never());
    Result<> close_write();
    std::size_t max_message() const noexcept;
    int native_handle() const noexcept;  ///< as ShmWriter's and ShmReader's
    const Traits& own_traits() const noexcept { return queue_traits; }

    struct Core {
        ring::LaneWriter lane;
        ring::Ringer data;
        std::uint64_t below = 0;  // 0 where the lane is shared: each message must first get it
        const std::uint64_t* generation_now = nullptr;
        std::uint64_t generation = 0;

        bool ours() const noexcept { return *generation_now == generation; }
        bool put(Bytes b) noexcept {
            return lane.put(ring::Kind::bytes, b.size(), ring::lowest_of(lane.lane()), ring::CopyOf{b});
        }
    };

private:
    explicit ShmProducer(shm::Handle, Core*) noexcept;
    Result<> send_slowly(Bytes, Deadline);
    shm::Handle state_;
    Core* core_;
};

namespace shm {

/// What a worker's hot path needs, and only that.
struct WorkerCore {
    ring::Taker taker;
    ring::Ringer space;
    std::array<ring::Job, ring::longest_run> run;  // taken at once, handed out one by one
    std::uint32_t given = 0, taken = 0;            // of it
    std::uint64_t so_far = 0;                      // jobs taken
    const std::uint64_t* generation_now = nullptr;
    std::uint64_t generation = 0;

    bool ours() const noexcept { return *generation_now == generation; }
    ring::Taker::Took take_run(std::size_t most) noexcept {
        given = 0;
        const auto took = taker.take(std::span(run).first(std::min<std::size_t>(most, run.size())), taken);
        if (took != ring::Taker::Took::job) return taken = 0, took;
        so_far += taken;
        space();
        return took;
    }
    /// Whether there is one, of a run of up to `most`.
    bool in_hand(std::size_t most) noexcept {
        return given != taken || (ours() && take_run(most) == ring::Taker::Took::job);
    }
    void done(const ring::Job& job) noexcept {
        taker.done(job);
        if (job.kind == ring::Kind::loan) space();
    }
};

}  // namespace shm

/// A job in a worker's hands. Dropped without done() it goes to another worker, and likewise when this process dies.
class ShmJob {
public:
    ShmJob(ShmJob&& o) noexcept : core_(std::exchange(o.core_, nullptr)), job_(o.job_), bytes_(o.bytes_) {}
    ShmJob& operator=(ShmJob&& o) noexcept {
        ShmJob old(std::move(*this));
        core_ = std::exchange(o.core_, nullptr), job_ = o.job_, bytes_ = o.bytes_;
        return *this;
    }
    ~ShmJob() {
        if (core_) give_back();
    }
    Bytes bytes() const noexcept { return bytes_; }
    /// How often it was handed out; more than once: somebody may have done it, or half of it, before.
    unsigned deliveries() const noexcept { return job_.deliveries; }
    void done() && noexcept {
        if (auto& core = *std::exchange(core_, nullptr); core.ours()) core.done(job_);
    }

private:
    friend class ShmWorker;
    ShmJob(shm::WorkerCore* c, const ring::Job& j, Bytes b) noexcept : core_(c), job_(j), bytes_(b) {}
    ShmJob(shm::WorkerCore* c, const ring::Job& j) noexcept : ShmJob(c, j, Bytes(j.data, j.length)) {}
    void give_back() noexcept;
    shm::WorkerCore* core_;
    ring::Job job_;
    Bytes bytes_;
};

/// Takes jobs from a queue. At least once: a job whose worker died, or gave it back, comes again, and says so.
class ShmWorker : public ShmTraits {
public:
    [[nodiscard]] static Result<ShmWorker> open(const std::string& name, ShmOptions = {});

    /// Errc::closed when every producer has left and nothing is there or in other workers' hands.
    Result<ShmJob> take(Deadline d = Deadline::never()) {
        WYE_CHECK(wait_in_hand(1, d));
        return next();
    }
    /// `f(ShmJob)` for up to `most` jobs that are there; how many. Waits for the first. They are taken in runs of up to
    /// 4, which costs little more than one and keeps the last of them from other workers while `f` does the first.
    template <class F>
    Result<std::size_t> drain(std::size_t most, F&& f, Deadline d = Deadline::never()) {
        std::size_t n = 0;
        if (most > 0) WYE_CHECK(wait_in_hand(most, d));
        for (; n < most && core_->in_hand(most - n); ++n) {
            const auto& job = core_->run[core_->given++];
            if (is_copied(job)) [[likely]] {
                f(ShmJob(core_, job));
                continue;
            }
            auto other = next_slowly(job);
            if (!other && n == 0) return std::unexpected(std::move(other).error());
            if (other) f(std::move(*other));
        }
        return n;
    }
    /// take() and done(): who dies in between has lost it.
    Result<MutBytes> recv(MutBytes into, Deadline d = Deadline::never()) {
        WYE_CHECK(wait_in_hand(1, d));
        const auto& job = core_->run[core_->given];
        if (!is_copied(job) || job.length > into.size()) [[unlikely]]
            return recv_slowly(into);
        ++core_->given;
        ring::copy_shared(into.data(), job.data, job.length);
        core_->taker.done(job);
        return into.first(job.length);
    }
    /// A job that was set aside (ShmShape::most_deliveries); Errc::timed_out when there is none.
    Result<ShmJob> take_poisoned();
    std::size_t max_message() const noexcept;
    int native_handle() const noexcept;  ///< as ShmWriter's and ShmReader's
    const Traits& own_traits() const noexcept { return queue_traits; }

private:
    explicit ShmWorker(shm::Handle, shm::WorkerCore*) noexcept;
    static bool is_copied(const ring::Job& job) noexcept {
        return job.kind == ring::Kind::bytes && job.length <= ring::cell_bytes;
    }
    Result<> wait_in_hand(std::size_t most, Deadline d) {
        return core_->in_hand(most) ? Result<>() : wait_slowly(most, d);
    }
    Result<ShmJob> next() {
        const auto& job = core_->run[core_->given++];
        if (is_copied(job)) [[likely]]
            return ShmJob(core_, job);
        return next_slowly(job);
    }
    Result<> wait_slowly(std::size_t most, Deadline);
    Result<ShmJob> next_slowly(const ring::Job&);
    Result<MutBytes> recv_slowly(MutBytes);
    shm::Handle state_;
    shm::WorkerCore* core_;
};

extern const Mechanism shm_ring_mechanism;

static_assert(Lender<ShmWriter> && !Receiver<ShmWriter> && HalfCloser<ShmWriter>);
static_assert(Leaser<ShmReader> && Viewer<ShmReader> && !Sender<ShmReader>);
static_assert(Lender<ShmProducer> && Receiver<ShmWorker> && !Leaser<ShmWorker>);

}  // namespace wye
