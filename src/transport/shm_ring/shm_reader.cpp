// One of a ring's readers.
#include "wye/transport/shm_ring.hpp"

#include "transport/shm_ring/arena.hpp"
#include "transport/shm_ring/state.hpp"

#include <deque>

namespace wye {

using namespace std::chrono_literals;
using ring::Look, ring::Kind, ring::Policy, ring::Shape, ring::Fate;

namespace shm {

struct ReaderState final : State, ShmReader::Core, Lease::Owner {
    BankViews banks;
    Policy policy = Policy::block;
    bool claimed = false, waits_on;
    std::optional<std::uint32_t> heard;          // how many writers had gone, when we were told that nobody writes
    std::vector<std::byte> copy;                 // of a message that the writer does not wait with
    std::vector<std::vector<std::byte>> copies;  // likewise, in leases: by token
    std::vector<std::uint64_t> free_copies;

    // Messages that were taken and hold the cursor, in order; the token of a lease is its number since the first.
    struct Held {
        ring::Place next;
        bool over = false;
    };
    std::deque<Held> leases;
    std::uint64_t first_lease = 0;
    static constexpr std::uint64_t of_loan = std::uint64_t{1} << 63, of_copy = std::uint64_t{1} << 62;

    ReaderState(Pages p, const ShmOptions& o) : State(std::move(p), o), policy(o.policy), waits_on(o.waits_on) {}
    ~ReaderState() override;
    Result<> begin(const ShmOptions&);

    struct Got {
        MutBytes bytes;
        ring::Message message;
        std::uint64_t kept = 0;  // the slot of a loan in the cursor's table, from 1
    };
    /// The next message, with what it takes to look at it secured; nothing when there is none.
    Result<std::optional<Got>> get();
    Result<std::optional<Got>> get_stable(const ring::Message&);
    Result<Got> wait_for(Deadline);
    void finish(const Got&) noexcept;
    std::optional<Lease> only_loan(const ring::Message&);
    Lease lease(const ring::Message&);
    Lease lease(const Got&);
    Bytes view(const Got&) noexcept;
    std::uint64_t keep_copy();
    /// Not in lumps: it is much memory, and somebody may wait for it.
    void give_loan_back() noexcept {
        if (!held && published != lane.at().position)
            publish(lane.at().position);
        else
            space();
    }
    void release(Bytes, std::uint64_t token) noexcept override;

private:
    bool overrun() noexcept;
    void come_back() noexcept;
    bool skip_to_latest(ring::Message&) noexcept;
    Result<std::optional<std::uint64_t>> keep(const ring::Message&, ring::LoanAt&);
    Result<> writer_gone();
};

ReaderState::~ReaderState() {
    if (!claimed || !State::ours()) return;
    settle();
    if (!held) publish(lane.at().position);
    if (heard) cursor->told.store(*heard, ring::order::relaxed);
    cursor->fate.store(static_cast<std::uint32_t>(Fate::left), ring::order::give_back);
    if (pages.g.shape == Shape::broadcast)
        ring::vacate(pages.cursors, *cursor);
    else
        cursor->mark.store(0, ring::order::unclaim);
    ringer(pages.header->space, sys::every_sleeper)();
}

Result<> ReaderState::begin(const ShmOptions& o) {
    WYE_CHECK(join(Role::reader));
    const auto& view = pages.lanes[0];
    space = ringer(pages.header->space, 1);
    lump = ring::lump_of(pages.g.granules);
    Core::generation_now = State::generation_now, Core::generation = State::generation;
    const bool stream = pages.g.shape == Shape::stream;
    cursor = &pages.cursors.cursors[stream ? 0 : self.slot];
    if (stream) {
        WYE_CHECK(claim(cursor->mark, "reads from it"));
        claimed = true;
        policy = Policy::block;
        for (auto& k : cursor->kept) k.store(0, ring::order::relaxed);
        lane =
            ring::LaneReader(view, {cursor->done.load(ring::order::claim), cursor->number.load(ring::order::relaxed)});
    } else {
        cursor->mark.store(self.word(), ring::order::unclaim);
        claimed = true;
        cursor->patience.store(o.patience_ms, ring::order::relaxed);
        auto& h = *view.header;
        // A writer that has gone is news only to who reads what it left.
        const std::uint32_t news =
            o.history > 0 && h.came.load(ring::order::reuse) > 0 && h.writer.load(ring::order::claim) == 0;
        cursor->told.store(h.gone.load(ring::order::reuse) - news, ring::order::relaxed);
        if (!ring::join(view, pages.cursors, *cursor, policy, o.history, lane))
            return refuse(Errc::busy, "shm:" + pages.name + ": its writer is too fast to be joined");
        ringer(pages.header->space, sys::every_sleeper)();
    }
    gating = policy == Policy::block;
    hasty = spin || patience.budget() > 0ns;
    published = lane.at().position;
    cursor->fate.store(static_cast<std::uint32_t>(Fate::here), ring::order::give_back);
    return {};
}

// The writer went on over where we are: what it lost us is counted.
bool ReaderState::overrun() noexcept {
    if (gating || lane.intact(lane.at().position)) return false;
    const auto lost = lane.resume();
    cursor->lost.fetch_add(lost, ring::order::relaxed);
    release_to(lane.at());
    return true;
}

// All was read: from here on the writer waits for us again.
void ReaderState::come_back() noexcept {
    auto demoted = static_cast<std::uint32_t>(Policy::demoted);
    if (policy != Policy::demote || cursor->policy.load(ring::order::relaxed) != demoted) return;
    publish(lane.at().position);
    if (cursor->policy.compare_exchange_strong(demoted, static_cast<std::uint32_t>(Policy::demote),
                                               ring::order::swap_head))
        pages.header->changes.fetch_add(1, ring::order::give_back);
}

bool ReaderState::skip_to_latest(ring::Message& m) noexcept {
    if (policy != Policy::latest) return true;
    for (ring::Message next;; m = next) {
        lane.pass(m);
        if (lane.next(next) != Look::message) break;
        cursor->lost.fetch_add(1, ring::order::relaxed);
    }
    lane = ring::LaneReader(lane.lane(), {m.position, lane.at().number - 1});
    return true;
}

Result<std::optional<std::uint64_t>> ReaderState::keep(const ring::Message& m, ring::LoanAt& at) {
    ring::copy_shared(reinterpret_cast<std::byte*>(&at), m.data, sizeof at);
    for (std::uint64_t i = 0; i < ring::kept_loans; ++i) {
        auto& slot = cursor->kept[i];
        if (slot.load(ring::order::relaxed) != 0) continue;
        if (ring::keep_loan(slot, ring::loan_id(at.bank, at.chunk), lane, m, gating)) return i + 1;
        return std::optional<std::uint64_t>();
    }
    return refuse(Errc::exhausted, "shm:" + pages.name + ": a reader keeps up to " + std::to_string(ring::kept_loans) +
                                       " loans; drop one first");
}

Result<std::optional<ReaderState::Got>> ReaderState::get_stable(const ring::Message& m) {
    Got got{m.bytes(), m, 0};
    if (m.kind == Kind::loan) {
        ring::LoanAt at;
        WYE_TRY(const auto kept, keep(m, at));
        if (!kept) {  // it is being used again: lost
            lane.pass(m);
            cursor->lost.fetch_add(1, ring::order::relaxed);
            return std::optional<Got>();
        }
        got.kept = *kept;
        auto bytes = banks.at(pages, at);
        if (!bytes) {
            cursor->kept[got.kept - 1].store(0, ring::order::give_back);
            return std::unexpected(std::move(bytes).error());
        }
        got.bytes = *bytes;
    } else if (!gating) {
        copy.resize(std::max<std::size_t>(copy.size(), m.length));
        ring::copy_shared(copy.data(), m.data, m.length);
        if (!lane.intact(m.position)) return std::optional<Got>();
        got.bytes = {copy.data(), m.length};
    }
    return got;
}

Result<std::optional<ReaderState::Got>> ReaderState::get() {
    for (int tries = 0; tries < 16; ++tries) {
        ring::Message m;
        const auto look = lane.next(m);
        if (overrun()) continue;
        if (look == Look::nothing) return come_back(), std::optional<Got>();
        if (look == Look::corrupt)
            return refuse(Errc::corrupt, "shm:" + pages.name + ": what lies there is no message");
        if (!skip_to_latest(m) || overrun()) continue;
        WYE_TRY(auto got, get_stable(m));
        if (got) return got;
    }
    return std::optional<Got>();
}

// Nobody writes, somebody did, and all that he wrote was read.
Result<> ReaderState::writer_gone() {
    if (waits_on) return {};
    auto& h = *pages.lanes[0].header;
    const auto gone = h.gone.load(ring::order::reuse);
    if (gone == cursor->told.load(ring::order::relaxed) || h.writer.load(ring::order::claim) != 0) return {};
    ring::Message m;
    if (lane.next(m) != Look::nothing || overrun()) return {};  // written before he went
    heard = gone;
    const bool died = static_cast<Fate>(h.fate.load(ring::order::relaxed)) == Fate::died;
    return fail(died ? Errc::peer_died : Errc::closed, "recv", pages.name);
}

Result<ReaderState::Got> ReaderState::wait_for(Deadline d) {
    WYE_CHECK(check_ours("recv"));
    settle();
    if (gating && !d.is_now() && !lane.here()) (void)soon();
    std::optional<Got> got;
    std::optional<Error> wrong;
    const auto ready = [&] {
        auto r = get();
        if (!r) return wrong = std::move(r).error(), true;
        if (*r) return got = **r, true;
        if (auto gone = writer_gone(); !gone) return wrong = std::move(gone).error(), true;
        return false;
    };
    if (!ready()) {
        if (!held && published != lane.at().position) publish(lane.at().position);
        WYE_CHECK(wait(pages.header->data, d, ready, [this] { return bury_dead(), Result<>(); }));
    }
    if (wrong) return std::unexpected(std::move(*wrong));
    return *got;
}

void ReaderState::finish(const Got& g) noexcept {
    if (g.kept != 0) cursor->kept[g.kept - 1].store(0, ring::order::give_back);
    pass(g.message);
    if (g.kept != 0) give_loan_back();
}

// The plain case, of a writer that waits for us: none is kept, and its bank is known.
std::optional<Lease> ReaderState::only_loan(const ring::Message& m) {
    ring::LoanAt at;
    ring::copy_shared(reinterpret_cast<std::byte*>(&at), m.data, sizeof at);
    const auto bytes = banks.known(at);
    auto& slot = cursor->kept[0];
    if (!bytes || slot.load(ring::order::relaxed) != 0) return {};
    (void)ring::keep_loan(slot, ring::loan_id(at.bank, at.chunk), lane, m, true);
    pass(m);
    give_loan_back();
    return Lease(*this, *bytes, of_loan);
}

// Of a copied message, which holds the cursor.
Lease ReaderState::lease(const ring::Message& m) {
    held = true;
    lane.pass(m);
    leases.push_back({lane.at()});
    return {*this, m.bytes(), first_lease + leases.size() - 1};
}
// Of what may be passed.
Lease ReaderState::lease(const Got& got) {
    pass(got.message);
    if (got.kept == 0) return {*this, got.bytes, keep_copy()};
    give_loan_back();
    return {*this, got.bytes, of_loan | (got.kept - 1)};
}

// What the writer does not wait with was copied, and is over.
Bytes ReaderState::view(const Got& got) noexcept {
    if (got.kept == 0 && !gating) {
        pass(got.message);
        return got.bytes;
    }
    viewing = true, viewed = got.message, viewed_kept = got.kept;
    return got.bytes;
}

// `copy` is a lease's from now on; its bytes stay where they are.
std::uint64_t ReaderState::keep_copy() {
    free_copies.reserve(copies.size() + 1);  // so that release() needs no memory
    if (free_copies.empty()) {
        copies.emplace_back();
        free_copies.push_back(copies.size() - 1);
    }
    const auto token = free_copies.back();
    free_copies.pop_back();
    copies[token].swap(copy);
    return of_copy | token;
}

void ReaderState::release(Bytes, std::uint64_t token) noexcept {
    if (!State::ours()) return;
    if (token & of_loan) {
        cursor->kept[token & ~of_loan].store(0, ring::order::give_back);
        return give_loan_back();
    }
    if (token & of_copy) return free_copies.push_back(token & ~of_copy);
    leases[token - first_lease].over = true;
    ring::Place last = lane.at();
    bool any = false;
    while (!leases.empty() && leases.front().over) {
        last = leases.front().next, any = true;
        leases.pop_front(), ++first_lease;
    }
    held = !leases.empty();
    if (any) release_to(held ? last : lane.at());
}

}  // namespace shm

using shm::ReaderState;

namespace {
ReaderState& of(ShmReader::Core* c) noexcept { return *static_cast<ReaderState*>(c); }
}  // namespace

ShmReader::ShmReader(shm::Handle s, Core* c) noexcept : state_(std::move(s)), core_(c) {}

Result<ShmReader> ShmReader::open(const std::string& name, ShmOptions o) {
    WYE_TRY(auto pages, shm::Pages::open(name, o.made, o.create));
    WYE_CHECK(pages.must_be(false));
    auto s = std::make_unique<ReaderState>(std::move(pages), o);
    if (auto begun = s->begin(o); !begun) return s->unmake(), std::unexpected(std::move(begun).error());
    Core* core = s.get();
    return ShmReader(shm::Handle(s.release()), core);
}

std::size_t ShmReader::max_message() const noexcept { return of(core_).max_message; }
int ShmReader::native_handle() const noexcept { return state_->polled = true, state_->handle(); }
std::uint64_t ShmReader::lost() const noexcept { return core_->cursor->lost.load(ring::order::relaxed); }

void ShmReader::Core::give_kept_back() noexcept {
    cursor->kept[std::exchange(viewed_kept, 0) - 1].store(0, ring::order::give_back);
    of(this).give_loan_back();
}

// A look with nothing in between, for the answers of a talk to and fro.
bool ShmReader::Core::soon() noexcept {
    constexpr unsigned looks = 128;
    if (!hasty) return false;
    if (!held && published != lane.at().position) publish(lane.at().position);
    breath.draw(lane.at().number);
    for (unsigned i = 0; i < looks; ++i) {
        if (lane.here()) return true;
        ring::pause();
    }
    return false;
}

Result<MutBytes> ShmReader::recv_slowly(MutBytes into, Deadline d) {
    auto& s = of(core_);
    WYE_TRY(const auto got, s.wait_for(d));
    if (got.bytes.size() > into.size()) {
        if (got.kept != 0) s.cursor->kept[got.kept - 1].store(0, ring::order::give_back);
        return fail(Errc::too_big, "recv", s.pages.name);
    }
    copy_bytes(into.data(), got.bytes.data(), got.bytes.size());
    s.finish(got);
    return into.first(got.bytes.size());
}

Result<Bytes> ShmReader::recv_view(Deadline d) {
    auto& s = of(core_);
    if (ring::Message m; core_->there(m, d) && m.kind == Kind::bytes) [[likely]] {
        core_->viewing = true, core_->viewed = m;
        return m.bytes();
    }
    WYE_TRY(const auto got, s.wait_for(d));
    return s.view(got);
}

Result<Lease> ShmReader::take(Deadline d) {
    auto& s = of(core_);
    if (ring::Message m; core_->there(m, d)) [[likely]] {
        if (m.kind == Kind::bytes) return s.lease(m);
        if (m.kind == Kind::loan)
            if (auto loan = s.only_loan(m)) return std::move(*loan);
    }
    WYE_TRY(const auto got, s.wait_for(d));
    if (got.kept == 0 && s.gating) return s.lease(got.message);
    return s.lease(got);
}

}  // namespace wye
