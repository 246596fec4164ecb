// One writer: of a stream, or of a broadcast.
#include "wye/transport/shm_ring.hpp"

#include "transport/shm_ring/lender.hpp"

namespace wye {

using ring::Kind, ring::Policy, ring::Shape, ring::Fate;

namespace shm {

struct WriterState final : Lender, ShmWriter::Core {
    unsigned readers;  // that must be there before the first message
    bool claimed = false;

    WriterState(Pages p, const ShmOptions& o) : Lender(std::move(p), o), readers(o.readers) {}
    ~WriterState() override { end(); }

    ring::LaneHeader& header() noexcept { return *pages.lanes[0].header; }
    Result<> begin() {
        if (readers > pages.cursors.count)
            return refuse(Errc::unsupported, "shm:" + pages.name + ": readers=" + std::to_string(readers) +
                                                 ", and there is room for " + std::to_string(pages.cursors.count));
        WYE_CHECK(join(Role::writer));
        WYE_CHECK(claim(header().writer, "writes to it"));
        claimed = true;
        header().came.fetch_add(1, ring::order::give_back);
        lane = ring::LaneWriter(pages.lanes[0]);
        gate = ring::Gate(pages.cursors, pages.g.granules);
        data = ringer(pages.header->data, sys::every_sleeper);
        below = readers > 0 ? 0 : most_copied() + 1;
        Core::generation_now = State::generation_now, Core::generation = State::generation;
        return {};
    }
    void end() noexcept {
        if (!claimed || !State::ours()) return;
        claimed = open = false, below = 0;
        header().fate.store(static_cast<std::uint32_t>(Fate::left), ring::order::relaxed);
        header().gone.fetch_add(1, ring::order::give_back);
        header().writer.store(0, ring::order::unclaim);
        data();
    }
    std::uint64_t most_copied() const noexcept { return std::min<std::uint64_t>(lane.longest(), max_message); }
    Result<> meet(Deadline);
    Result<> look() override;
    void demote() noexcept;
    template <class Try>
    Result<> until(Deadline d, Try&& attempt) {
        look_again = Deadline::never();
        return wait(pages.header->space, d, attempt, [this] { return look(); });
    }
    Result<> put_loan(const ring::LoanAt& at, Deadline d) override {
        const auto put = [&] {
            if (!lane.put(Kind::loan, at.length, gate, [&](std::byte* to) { std::memcpy(to, &at, sizeof at); }))
                return false;
            data();
            arena.sent(at, 0, lane.tail().position);
            return true;
        };
        return put() ? Result<>() : until(d, put);
    }

private:
    // Since when, and with which message, there is no room: also over calls that do not wait for it.
    std::optional<std::chrono::steady_clock::time_point> stuck_since_;
    std::uint64_t stuck_at_ = 0;
};

Result<> WriterState::meet(Deadline d) {
    const auto here = [this] {
        unsigned n = 0;
        for (std::uint32_t i = 0; i < pages.cursors.count; ++i)
            n += pages.cursors.cursors[i].policy.load(ring::order::reuse) != static_cast<std::uint32_t>(Policy::none);
        return n >= readers;
    };
    if (readers > 0 && !here())
        WYE_CHECK(wait(pages.header->space, d, here, [this] { return bury_dead(), Result<>(); }));
    readers = 0;
    below = most_copied() + 1;
    return {};
}

// While there is no room: whether somebody is left who could make some.
Result<> WriterState::look() {
    const bool died = bury_dead();
    if (pages.g.shape == Shape::stream) {
        const auto& c = pages.cursors.cursors[0];
        if (c.mark.load(ring::order::claim) != 0) return {};
        const auto fate = static_cast<Fate>(c.fate.load(ring::order::reuse));
        if (died || fate == Fate::died) return fail(Errc::peer_died, "send", pages.name);
        if (fate == Fate::left) return fail(Errc::closed, "send", pages.name);
    }
    demote();
    return {};
}

// A reader that asked for it loses messages rather than hold us up any longer.
void WriterState::demote() noexcept {
    const auto now = std::chrono::steady_clock::now();
    const auto tail = lane.tail().position;
    if (!stuck_since_ || stuck_at_ != tail) stuck_since_ = now, stuck_at_ = tail;
    look_again = Deadline::never();
    const auto far = lending ? 1 : lane.lane().granules / 2;  // nobody nearer holds us up
    for (std::uint32_t i = 0; i < pages.cursors.count; ++i) {
        auto& c = pages.cursors.cursors[i];
        auto policy = static_cast<std::uint32_t>(Policy::demote);
        if (c.policy.load(ring::order::reuse) != policy) continue;
        if (tail - c.head.load(ring::order::reuse) < far) continue;
        const auto patient_until = *stuck_since_ + std::chrono::milliseconds(c.patience.load(ring::order::relaxed));
        if (now < patient_until) {
            look_again = look_again.sooner(Deadline::at(patient_until));
            continue;
        }
        if (c.policy.compare_exchange_strong(policy, static_cast<std::uint32_t>(Policy::demoted),
                                             ring::order::swap_head))
            pages.header->changes.fetch_add(1, ring::order::give_back);
    }
}

}  // namespace shm

using shm::WriterState;

namespace {
WriterState& of(ShmWriter::Core* c) noexcept { return *static_cast<WriterState*>(c); }
}  // namespace

ShmWriter::ShmWriter(shm::Handle s, Core* c) noexcept : state_(std::move(s)), core_(c) {}

Result<ShmWriter> ShmWriter::open(const std::string& name, ShmOptions o) {
    WYE_TRY(auto pages, shm::Pages::open(name, o.made, o.create));
    WYE_CHECK(pages.must_be(false));
    auto s = std::make_unique<WriterState>(std::move(pages), o);
    if (auto begun = s->begin(); !begun) return s->unmake(), std::unexpected(std::move(begun).error());
    Core* core = s.get();
    return ShmWriter(shm::Handle(s.release()), core);
}

std::size_t ShmWriter::max_message() const noexcept { return of(core_).max_message; }

Result<> ShmWriter::send_slowly(Bytes b, Deadline d, Bytes behind) {
    auto& s = of(core_);
    const auto n = b.size() + behind.size();
    WYE_CHECK(s.may_send("send", n));
    WYE_CHECK(s.meet(d));
    if (n >= s.below) return s.send_lent(b, d, behind);
    return s.until(d, [&] { return s.put(b, behind) && (s.data(), true); });
}

Result<std::size_t> ShmWriter::send_many(std::span<const Bytes> all, Deadline d) {
    std::size_t n = 0;
    if (core_->ours() && core_->below > 0) {
        const auto shortest = std::min<std::uint64_t>(core_->below - 1, ring::inline_bytes);
        for (;; ++n) {
            n += core_->lane.put_short(all.subspan(n), shortest);
            if (n == all.size() || all[n].size() >= core_->below || !core_->put(all[n])) break;
        }
    }
    if (n > 0) {
        core_->data();
        return n;
    }
    if (all.empty()) return 0;
    WYE_CHECK(send_slowly(all[0], d));
    return 1;
}

Result<Loan> ShmWriter::loan(std::size_t n, Deadline d) {
    auto& s = of(core_);
    WYE_CHECK(s.may_send("loan", n));
    WYE_CHECK(s.meet(d));
    return s.loan(n, d);
}

int ShmWriter::native_handle() const noexcept { return state_->polled = true, state_->handle(); }

Result<> ShmWriter::close_write() {
    auto& s = of(core_);
    WYE_CHECK(s.check_ours("close_write"));
    s.end();
    return {};
}

}  // namespace wye
