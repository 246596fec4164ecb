// Jobs, each for one worker.
#include "wye/transport/shm_ring.hpp"

#include "transport/shm_ring/lender.hpp"

namespace wye {

using ring::Kind, ring::Shape, ring::Taker;

namespace shm {

struct ProducerState final : Lender, ShmProducer::Core {
    std::uint32_t index = 0;
    bool claimed = false;

    ProducerState(Pages p, const ShmOptions& o) : Lender(std::move(p), o) {}
    ~ProducerState() override { end(); }

    std::uint64_t most_copied() const noexcept {
        return std::min({lane.longest(), std::uint64_t{ring::cell_bytes}, std::uint64_t{max_message}});
    }
    bool strict() const noexcept { return pages.g.strict != 0; }
    ring::LaneHeader& header() noexcept { return *pages.lanes[index].header; }
    Result<> begin();
    void end() noexcept;
    bool enter() noexcept;
    void leave() noexcept;

    template <class Put>
    Result<> until(Deadline d, Put&& put) {
        return wait(
            pages.header->space, d,
            [&] {
                if (!enter()) return false;
                const bool done = put();
                leave();
                if (done) data();
                return done;
            },
            [this] { return look(); });
    }
    Result<> look() override;
    Result<> put_loan(const ring::LoanAt& at, Deadline d) override {
        return until(d, [&] {
            if (!lane.put(Kind::loan, at.length, ring::lowest_of(lane.lane()),
                          [&](std::byte* to) { std::memcpy(to, &at, sizeof at); }))
                return false;
            arena.sent(at, index, lane.tail().position);
            return true;
        });
    }
};

// While there is no room: whether somebody is left who could make some.
Result<> ProducerState::look() {
    (void)bury_dead();
    const auto fate = static_cast<ring::Fate>(pages.header->worker_fate.load(ring::order::reuse));
    if (fate == ring::Fate::never_came || all.count(static_cast<std::uint32_t>(Role::reader)) != 0) return {};
    return fail(fate == ring::Fate::died ? Errc::peer_died : Errc::closed, "send", pages.name);
}

// A lane of our own; of a strict queue the only one, which is had by the message.
Result<> ProducerState::begin() {
    WYE_CHECK(join(Role::writer));
    data = ringer(pages.header->data, 1);
    Core::generation_now = State::generation_now, Core::generation = State::generation;
    if (strict()) {
        claimed = true;
        lane = ring::LaneWriter(pages.lanes[0]);
        header().came.fetch_add(1, ring::order::give_back);
        return {};
    }
    for (int tries = 0; tries < 2; ++tries) {
        for (index = 0; index < pages.lanes.size(); ++index) {
            std::uint32_t nobody = 0;
            if (!header().writer.compare_exchange_strong(nobody, self.word(), ring::order::claim)) continue;
            claimed = true;
            header().came.fetch_add(1, ring::order::give_back);
            lane = ring::LaneWriter(pages.lanes[index]);
            below = most_copied() + 1;
            return {};
        }
        (void)bury_dead();
    }
    index = 0;
    return refuse(Errc::busy, "shm:" + pages.name + ": each of its " + std::to_string(pages.g.lanes) +
                                  " lanes has a producer; make it with more lanes=, or order=strict");
}

void ProducerState::end() noexcept {
    if (!claimed || !State::ours()) return;
    claimed = open = false, below = 0;
    header().gone.fetch_add(1, ring::order::give_back);
    if (!strict()) header().writer.store(0, ring::order::unclaim);
    ringer(pages.header->data, sys::every_sleeper)();
}

bool ProducerState::enter() noexcept {
    if (!strict()) return true;
    std::uint32_t nobody = 0;
    if (!header().writer.compare_exchange_strong(nobody, self.word(), ring::order::claim)) return false;
    lane.continue_at(header().tail.load(ring::order::relaxed));
    return true;
}

void ProducerState::leave() noexcept {
    if (!strict()) return;
    header().tail.store(lane.tail().position, ring::order::relaxed);
    header().writer.store(0, ring::order::unclaim);
    ringer(pages.header->space, 1)();
}

struct WorkerState final : State {
    Taker taker;
    BankViews banks;
    bool met = false;

    WorkerState(Pages p, const ShmOptions& o) : State(std::move(p), o) {}
    ~WorkerState() override {
        if (!joined || !State::ours()) return;
        taker.leave();
        pages.header->worker_fate.store(static_cast<std::uint32_t>(ring::Fate::left), ring::order::give_back);
    }
    Result<std::optional<std::pair<ring::Job, MutBytes>>> get();
    Result<> nobody_left();
    Result<MutBytes> bytes_of(const ring::Job&);
    std::unexpected<Error> refused(const ring::Job&, Error);
};

Result<MutBytes> WorkerState::bytes_of(const ring::Job& job) {
    if (job.kind == Kind::bytes && job.length <= ring::cell_bytes) return MutBytes(job.data, job.length);
    ring::LoanAt at;
    std::memcpy(&at, job.data, sizeof at);
    if (job.kind == Kind::loan) return banks.at(pages, at);
    return refuse(Errc::corrupt, "shm:" + pages.name + ": a job that cannot be");
}

// What is no job is dropped; what cannot be mapped, for want of a descriptor or of room, is for somebody else.
std::unexpected<Error> WorkerState::refused(const ring::Job& job, Error e) {
    if (e.is(Errc::corrupt))
        taker.done(job);
    else
        taker.give_back(job);
    return std::unexpected(std::move(e));
}

Result<std::optional<std::pair<ring::Job, MutBytes>>> WorkerState::get() {
    ring::Job job;
    switch (taker.take(job)) {
        case Taker::Took::nothing:
            return {};
        case Taker::Took::corrupt:
            return refuse(Errc::corrupt, "shm:" + pages.name + ": what lies there is no job");
        case Taker::Took::no_place:
            return refuse(Errc::exhausted, "shm:" + pages.name + ": " + std::to_string(pages.cells.size()) +
                                               " jobs are in hands or set aside; more do not fit");
        case Taker::Took::job:
            break;
    }
    met = true;
    ringer(pages.header->space, 1)();
    auto bytes = bytes_of(job);
    if (!bytes) return refused(job, std::move(bytes).error());
    return std::optional(std::pair(job, *bytes));
}

// No producer, no job, and none in other hands that may come back.
Result<> WorkerState::nobody_left() {
    if (all.count(static_cast<std::uint32_t>(Role::writer)) != 0) return met = true, Result<>();
    if (!met) return {};
    for (const auto& c : pages.cells) {
        const auto w = ring::CellWord::of(c.word.load(ring::order::claim));
        if (w.state == ring::Cell::taken || w.state == ring::Cell::returned ||
            (w.state == ring::Cell::claiming && w.mark != self.word()))
            return {};
    }
    for (const auto& l : pages.lanes) {
        ring::Message m;
        const auto at =
            ring::position_of_head(l.header->head.load(ring::order::claim), l.header->limit.load(ring::order::relaxed));
        if (ring::look_at(l, at, m) == ring::Look::message) return {};
    }
    return fail(Errc::closed, "take", pages.name);
}

}  // namespace shm

using shm::ProducerState, shm::WorkerState;

namespace {

ProducerState& of(ShmProducer::Core* c) noexcept { return *static_cast<ProducerState*>(c); }

Result<shm::Pages> open_queue(const std::string& name, ShmOptions& o) {
    o.made.shape = Shape::queue;
    WYE_TRY(auto pages, shm::Pages::open(name, o.made, o.create));
    WYE_CHECK(pages.must_be(true));
    return pages;
}

}  // namespace

ShmProducer::ShmProducer(shm::Handle s, Core* c) noexcept : state_(std::move(s)), core_(c) {}

Result<ShmProducer> ShmProducer::open(const std::string& name, ShmOptions o) {
    WYE_TRY(auto pages, open_queue(name, o));
    auto s = std::make_unique<ProducerState>(std::move(pages), o);
    if (auto begun = s->begin(); !begun) return s->unmake(), std::unexpected(std::move(begun).error());
    Core* core = s.get();
    return ShmProducer(shm::Handle(s.release()), core);
}

std::size_t ShmProducer::max_message() const noexcept { return of(core_).max_message; }

Result<> ShmProducer::send_slowly(Bytes b, Deadline d) {
    auto& s = of(core_);
    WYE_CHECK(s.may_send("send", b.size()));
    if (b.size() > s.most_copied()) return s.send_lent(b, d);
    return s.until(d, [&] { return s.put(b); });
}

Result<Loan> ShmProducer::loan(std::size_t n, Deadline d) {
    auto& s = of(core_);
    WYE_CHECK(s.may_send("loan", n));
    return s.loan(n, d);
}

int ShmProducer::native_handle() const noexcept { return of(core_).polled = true, of(core_).handle(); }
int ShmWorker::native_handle() const noexcept { return state_->polled = true, state_->handle(); }

Result<> ShmProducer::close_write() {
    WYE_CHECK(of(core_).check_ours("close_write"));
    of(core_).end();
    return {};
}

// ---------------------------------------------------------------- working

void ShmJob::done() && noexcept {
    auto& s = static_cast<WorkerState&>(*std::exchange(state_, nullptr));
    if (!s.ours()) return;
    s.taker.done(job_);
    if (job_.kind == Kind::loan) s.ringer(s.pages.header->space, 1)();
}

void ShmJob::give_back() noexcept {
    auto& s = static_cast<WorkerState&>(*std::exchange(state_, nullptr));
    if (!s.ours()) return;
    s.taker.give_back(job_);
    s.ringer(s.pages.header->data, 1)();
}

ShmWorker::ShmWorker(shm::Handle s) noexcept : state_(std::move(s)) {}

Result<ShmWorker> ShmWorker::open(const std::string& name, ShmOptions o) {
    WYE_TRY(auto pages, open_queue(name, o));
    auto s = std::make_unique<WorkerState>(std::move(pages), o);
    if (auto joined = s->join(shm::Role::reader); !joined)
        return s->unmake(), std::unexpected(std::move(joined).error());
    s->pages.header->worker_fate.store(static_cast<std::uint32_t>(ring::Fate::here), ring::order::give_back);
    s->taker = Taker(s->pages.queue(), s->self.word(), s->self.slot % s->pages.g.lanes);
    return ShmWorker(shm::Handle(s.release()));
}

std::size_t ShmWorker::max_message() const noexcept { return static_cast<WorkerState&>(*state_).max_message; }

Result<ShmJob> ShmWorker::take(Deadline d) {
    auto& s = static_cast<WorkerState&>(*state_);
    WYE_CHECK(s.check_ours("take"));
    std::optional<std::pair<ring::Job, MutBytes>> got;
    std::optional<Error> wrong;
    const auto ready = [&] {
        auto r = s.get();
        if (!r) return wrong = std::move(r).error(), true;
        if (*r) return got = **r, true;
        if (auto gone = s.nobody_left(); !gone) return wrong = std::move(gone).error(), true;
        return false;
    };
    if (!ready()) WYE_CHECK(s.wait(s.pages.header->data, d, ready, [&] { return s.bury_dead(), Result<>(); }));
    if (wrong) return std::unexpected(std::move(*wrong));
    return ShmJob(&s, got->first, got->second);
}

Result<MutBytes> ShmWorker::recv(MutBytes into, Deadline d) {
    WYE_TRY(auto job, take(d));
    if (job.bytes().size() > into.size()) return fail(Errc::too_big, "recv");
    const auto n = job.bytes().size();
    copy_bytes(into.data(), job.bytes().data(), n);
    std::move(job).done();
    return into.first(n);
}

Result<ShmJob> ShmWorker::take_poisoned() {
    auto& s = static_cast<WorkerState&>(*state_);
    WYE_CHECK(s.check_ours("take_poisoned"));
    ring::Job job;
    if (!s.taker.take_poisoned(job)) return fail(Errc::timed_out);
    auto bytes = s.bytes_of(job);
    if (!bytes) return s.refused(job, std::move(bytes).error());
    return ShmJob(&s, job, *bytes);
}

}  // namespace wye
