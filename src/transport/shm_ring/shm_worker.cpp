// Who takes jobs from a queue.
#include "wye/transport/shm_ring.hpp"

#include "transport/shm_ring/arena.hpp"
#include "transport/shm_ring/state.hpp"

#include <array>

namespace wye {

using ring::Job, ring::Kind, ring::Taker;

namespace shm {

struct WorkerState final : State, WorkerCore {
    BankViews banks;
    bool met = false;  // a producer
    bool waits_on;
    ring::Breath breath;

    WorkerState(Pages p, const ShmOptions& o) : State(std::move(p), o), waits_on(o.waits_on) {}
    ~WorkerState() override;
    Result<> begin();
    Result<> wait_for(std::size_t most, Deadline);
    Result<> wrong(Taker::Took) const;
    Result<> nobody_left();
    Result<MutBytes> bytes_of(const Job&);
    void give_back(const Job& job) noexcept {
        taker.give_back(job);
        ringer(pages.header->data, 1)();
    }
};

WorkerState::~WorkerState() {
    if (!joined || !State::ours()) return;
    while (given != taken) give_back(run[given++]);
    taker.leave();
    pages.header->worker_fate.store(static_cast<std::uint32_t>(ring::Fate::left), ring::order::give_back);
}

Result<> WorkerState::begin() {
    WYE_CHECK(join(Role::reader));
    pages.header->worker_fate.store(static_cast<std::uint32_t>(ring::Fate::here), ring::order::give_back);
    taker = Taker(pages.queue(), self.word(), self.slot % pages.g.lanes);
    space = ringer(pages.header->space, 1);
    WorkerCore::generation_now = State::generation_now, WorkerCore::generation = State::generation;
    return {};
}

Result<> WorkerState::wrong(Taker::Took took) const {
    if (took == Taker::Took::corrupt) return refuse(Errc::corrupt, "shm:" + pages.name + ": what lies there is no job");
    return refuse(Errc::exhausted, "shm:" + pages.name + ": " + std::to_string(pages.cells.size()) +
                                       " jobs are in hands or set aside; more do not fit");
}

Result<> WorkerState::wait_for(std::size_t most, Deadline d) {
    WYE_CHECK(check_ours("take"));
    if (!d.is_now()) breath.draw(so_far);
    Result<> result;
    const auto ready = [&] {
        const auto took = take_run(most);
        if (took == Taker::Took::job) return true;
        result = took == Taker::Took::nothing ? nobody_left() : wrong(took);
        return !result;
    };
    if (!ready()) WYE_CHECK(wait(pages.header->data, d, ready, [&] { return bury_dead(), Result<>(); }));
    return given != taken ? Result<>() : result;
}

// No producer, no job, and none in other hands that may come back.
Result<> WorkerState::nobody_left() {
    if (waits_on) return {};
    if (all.count(static_cast<std::uint32_t>(Role::writer)) != 0) return met = true, Result<>();
    if (!met && so_far == 0) return {};
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

Result<MutBytes> WorkerState::bytes_of(const Job& job) {
    if (job.kind == Kind::bytes && job.length <= ring::cell_bytes) return MutBytes(job.data, job.length);
    ring::LoanAt at;
    std::memcpy(&at, job.data, sizeof at);
    if (job.kind == Kind::loan) return banks.at(pages, at);
    return refuse(Errc::corrupt, "shm:" + pages.name + ": a job that cannot be");
}

}  // namespace shm

using shm::WorkerState;

namespace {
WorkerState& of(shm::WorkerCore* c) noexcept { return *static_cast<WorkerState*>(c); }
}  // namespace

void ShmJob::give_back() noexcept {
    auto& s = of(std::exchange(core_, nullptr));
    if (s.State::ours()) s.give_back(job_);
}

ShmWorker::ShmWorker(shm::Handle s, shm::WorkerCore* c) noexcept : state_(std::move(s)), core_(c) {}

Result<ShmWorker> ShmWorker::open(const std::string& name, ShmOptions o) {
    WYE_TRY(auto pages, shm::Pages::open_queue(name, o.made, o.create));
    auto s = std::make_unique<WorkerState>(std::move(pages), o);
    if (auto begun = s->begin(); !begun) return s->unmake(), std::unexpected(std::move(begun).error());
    shm::WorkerCore* core = s.get();
    return ShmWorker(shm::Handle(s.release()), core);
}

std::size_t ShmWorker::max_message() const noexcept { return state_->max_message; }
int ShmWorker::native_handle() const noexcept { return state_->polled = true, state_->handle(); }

Result<> ShmWorker::wait_slowly(std::size_t most, Deadline d) { return of(core_).wait_for(most, d); }

// What is no job is dropped; what cannot be mapped, for want of a descriptor or of room, is for somebody else.
Result<ShmJob> ShmWorker::next_slowly(const Job& job) {
    auto& s = of(core_);
    auto bytes = s.bytes_of(job);
    if (bytes) return ShmJob(&s, job, *bytes);
    if (bytes.error().is(Errc::corrupt))
        s.done(job);
    else
        s.give_back(job);
    return std::unexpected(std::move(bytes).error());
}

Result<MutBytes> ShmWorker::recv_slowly(MutBytes into) {
    WYE_TRY(auto job, next());
    const auto n = job.bytes().size();
    if (n > into.size()) return fail(Errc::too_big, "recv");
    copy_bytes(into.data(), job.bytes().data(), n);
    std::move(job).done();
    return into.first(n);
}

Result<ShmJob> ShmWorker::take_poisoned() {
    auto& s = of(core_);
    WYE_CHECK(s.check_ours("take_poisoned"));
    Job job;
    if (!s.taker.take_poisoned(job)) return fail(Errc::timed_out);
    return next_slowly(job);
}

}  // namespace wye
