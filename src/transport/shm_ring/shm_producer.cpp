// Who puts jobs into a queue.
#include "wye/transport/shm_ring.hpp"

#include "transport/shm_ring/lender.hpp"

namespace wye {

using ring::Kind;

namespace shm {

struct ProducerState final : Lender, ShmProducer::Core {
    std::uint32_t index = 0;
    bool claimed = false;
    ring::Breath breath{512};  // while its lane is full

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
    looks_apart = 32;
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
            lane = ring::LaneWriter(pages.lanes[index], pages.g.granules);
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

}  // namespace shm

using shm::ProducerState;

namespace {

ProducerState& of(ShmProducer::Core* c) noexcept { return *static_cast<ProducerState*>(c); }
}  // namespace

ShmProducer::ShmProducer(shm::Handle s, Core* c) noexcept : state_(std::move(s)), core_(c) {}

Result<ShmProducer> ShmProducer::open(const std::string& name, ShmOptions o) {
    WYE_TRY(auto pages, shm::Pages::open_queue(name, o.made, o.create));
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
    if (!d.is_now()) s.breath.draw(s.lane.tail().number);
    return s.until(d, [&] { return s.put(b); });
}

Result<std::size_t> ShmProducer::send_many(std::span<const Bytes> all, Deadline d) {
    auto& s = of(core_);
    std::size_t n = 0;
    if (core_->ours())
        while (n < all.size() && all[n].size() < core_->below && core_->put(all[n])) ++n;
    if (n > 0) {
        s.ringer(s.pages.header->data, static_cast<int>(n))();
        return n;
    }
    if (all.empty()) return 0;
    WYE_CHECK(send_slowly(all[0], d));
    return 1;
}

Result<Loan> ShmProducer::loan(std::size_t n, Deadline d) {
    auto& s = of(core_);
    WYE_CHECK(s.may_send("loan", n));
    return s.loan(n, d);
}

int ShmProducer::native_handle() const noexcept { return of(core_).polled = true, of(core_).handle(); }

Result<> ShmProducer::close_write() {
    WYE_CHECK(of(core_).check_ours("close_write"));
    of(core_).end();
    return {};
}

}  // namespace wye
