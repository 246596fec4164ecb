// Loans: chunks in files beside the ring's. What lies in them is bytes; who has which is known from the ring alone.
#include "transport/shm_ring/arena.hpp"

#include <algorithm>
#include <cstring>
#include <functional>

namespace wye::shm {
namespace {

constexpr std::size_t chunks_begin = 4096;
constexpr std::uint32_t bank_layout = 1;

struct BankHeader {
    std::uint64_t ring_id, chunk_bytes, chunks;
};

SharedSegment::Shape bank_shape(std::uint32_t chunks, std::uint64_t chunk_bytes) {
    return {.kind = "loan",
            .layout = bank_layout,
            .capacity = chunks,
            .size = chunks_begin + std::uint64_t{chunks} * chunk_bytes};
}
std::string bank_name(const std::string& ring, std::uint32_t index) { return ring + "." + std::to_string(index); }

const BankHeader& header_of(const SharedSegment& s) { return *reinterpret_cast<const BankHeader*>(s.content()); }
std::byte* chunk_of(const SharedSegment& s, std::uint64_t chunk_bytes, std::uint32_t chunk) {
    return s.content() - SharedSegment::head + chunks_begin + chunk * chunk_bytes;
}

// Pages, and quarters of a power of two: at most a fifth of a chunk is unused.
std::size_t chunk_bytes_for(std::size_t n) {
    if (n <= 4096) return 4096;
    const auto quarter = std::bit_ceil(n) / 8;
    return std::max<std::size_t>((n + quarter - 1) / quarter * quarter, 4096);
}
std::uint32_t chunks_for(std::size_t chunk_bytes, std::size_t room) {
    const auto wish = std::clamp<std::size_t>((std::size_t{1} << 20) / chunk_bytes, 4, 64);
    return static_cast<std::uint32_t>(std::min(wish, room / chunk_bytes));
}

// A bank of this ring, and large enough for what its entry promises.
Result<SharedSegment> open_bank(const Pages& p, std::uint32_t index, std::uint64_t chunk_bytes, std::uint32_t chunks) {
    WYE_TRY(auto s, SharedSegment::open(bank_name(p.name, index), bank_shape(0, 0), Create::never, {}));
    const auto h = header_of(s);
    if (h.ring_id != p.g.id || h.chunk_bytes != chunk_bytes || h.chunks != chunks || s.geometry().capacity != chunks ||
        chunk_bytes > s.geometry().size || s.geometry().size != bank_shape(chunks, chunk_bytes).size)
        return refuse(Errc::corrupt, "shm:" + p.name + ": its loans are another ring's");
    return s;
}

}  // namespace

struct Arena::Bank {
    std::uint32_t index;
    std::size_t chunk_bytes;
    SharedSegment pages;
    std::vector<std::uint32_t> free;
};

Arena::Arena(State& s, std::size_t most)
    : s_(s), most_(most), gate_(s.pages.cursors, s.pages.g.granules), lowest_(s.pages.lanes.size()) {}

Arena::~Arena() {
    if (!s_.ours()) return;
    for (const auto& b : banks_)  // what was sent stays where it is; whoever lends next finds it
        s_.pages.header->bank[b->index].owner.store(0, ring::order::unclaim);
}

std::optional<Arena::Place> Arena::from(Bank& b, std::size_t n) noexcept {
    if (b.free.empty() || b.chunk_bytes < n) return {};
    const auto chunk = b.free.back();  // the last one given back: the warmest
    b.free.pop_back();
    last_ = &b;
    return Place{{b.index, chunk, n}, chunk_of(b.pages, b.chunk_bytes, chunk)};
}

std::optional<Arena::Place> Arena::another(std::size_t n) noexcept {
    if (!last_ || last_->chunk_bytes > std::max<std::size_t>(2 * n, 4096)) return {};
    return from(*last_, n);
}

Result<std::optional<Arena::Place>> Arena::lend(std::size_t n) {
    const auto never = [&] {
        return refuse(Errc::exhausted, "shm:" + s_.pages.name + ": " + std::to_string(n) +
                                           " bytes cannot be lent: up to " + std::to_string(most_) +
                                           " at once (most_lent), and smaller loans have had their share");
    };
    if (n > most_) return never();
    const auto wanted = std::min(chunk_bytes_for(n), most_);
    const auto fitting = [&](std::size_t most) -> std::optional<Place> {
        for (auto& b : banks_)
            if (b->chunk_bytes >= wanted && b->chunk_bytes <= most)
                if (auto place = from(*b, n)) return place;
        return {};
    };
    if (auto place = fitting(2 * wanted)) return place;
    collect();
    if (auto place = fitting(2 * wanted)) return place;
    WYE_TRY(const bool grown, grow(wanted));
    if (std::ranges::none_of(banks_, [&](const auto& b) { return b->chunk_bytes >= wanted; })) return never();
    return fitting(grown ? 2 * wanted : most_);
}

// One more bank: one that a lender left behind, or a new one.
Result<bool> Arena::grow(std::size_t chunk_bytes) {
    auto& entries = s_.pages.header->bank;
    for (std::uint32_t i = 0; i < ring::banks; ++i) {
        auto& e = entries[i];
        const auto has = e.chunk_bytes.load(ring::order::claim);
        if (has != 0 && (has < chunk_bytes || has > 2 * chunk_bytes)) continue;
        std::uint32_t nobody = 0;
        if (!e.owner.compare_exchange_strong(nobody, s_.self.word(), ring::order::claim)) continue;
        const auto chunks =
            has != 0 ? e.chunks.load(ring::order::relaxed) : chunks_for(chunk_bytes, most_ - std::min(bytes_, most_));
        const auto let_go = [&] { e.owner.store(0, ring::order::unclaim); };
        if (has == 0 && chunks == 0) return let_go(), false;
        if (has == 0) {
            const auto name = bank_name(s_.pages.name, i);
            (void)SharedSegment::remove(name, bank_shape(0, 0), {}, {});  // of a ring that had this name before
            const auto fill = [&](std::byte* content) {
                const BankHeader h{s_.pages.g.id, chunk_bytes, chunks};
                std::memcpy(content, &h, sizeof h);
            };
            auto made = SharedSegment::open(name, bank_shape(chunks, chunk_bytes), Create::exclusive, fill);
            if (!made) return let_go(), std::unexpected(std::move(made).error());
            if (s_.pages.segment.retired()) {  // whoever removed the ring may have looked for banks before
                (void)SharedSegment::remove(name, bank_shape(0, 0), {}, {});
                return let_go(), fail(Errc::closed, "loan", s_.pages.name);
            }
            e.chunks.store(chunks, ring::order::relaxed);
            e.chunk_bytes.store(chunk_bytes, ring::order::unclaim);
        }
        const auto bytes = e.chunk_bytes.load(ring::order::relaxed);
        auto pages = open_bank(s_.pages, i, bytes, chunks);
        if (!pages) return let_go(), std::unexpected(std::move(pages).error());
        banks_.push_back(std::make_unique<Bank>(Bank{i, bytes, std::move(*pages), {}}));
        bytes_ += chunks * bytes;
        adopt(*banks_.back());
        return true;
    }
    return false;
}

// Where messages begin that somebody may still read, the earliest first: not each reader's word is to be trusted, so
// each is a beginning of its own.
std::vector<std::uint64_t> Arena::beginnings(std::uint32_t l) const {
    const auto& p = s_.pages;
    const auto& lane = p.lanes[l];
    const auto limit = lane.header->limit.load(ring::order::relaxed);
    if (p.g.shape == ring::Shape::queue)
        return {ring::position_of_head(lane.header->head.load(ring::order::reuse), limit)};
    std::vector<std::uint64_t> all{ring::oldest_checkpoint(lane, 0).value_or(ring::Place{limit}).position};
    ring::Gate gate(p.cursors, lane.granules);
    (void)gate(limit);
    for (const auto i : gate.gating()) all.push_back(p.cursors.cursors[i].head.load(ring::order::reuse));
    std::erase_if(all, [&](std::uint64_t at) { return limit - at > lane.granules; });
    std::ranges::sort(all, std::greater(), [&](std::uint64_t at) { return limit - at; });
    return all;
}

// Every chunk is free but those that the ring still speaks of.
void Arena::adopt(Bank& b) {
    const auto chunks = static_cast<std::uint32_t>(b.pages.geometry().capacity);
    std::vector<std::optional<Sent>> last(chunks);  // the last message that speaks of it: chunks are used again
    for (std::uint32_t l = 0; l < s_.pages.lanes.size(); ++l) {
        const auto& lane = s_.pages.lanes[l];
        const auto from = beginnings(l);
        for (std::size_t i = 0; i < from.size(); ++i) {
            const auto end = i + 1 < from.size() ? from[i + 1] : from[i] + lane.granules;
            ring::Message m;
            for (auto at = from[i]; ring::distance(at, end) > 0; at = m.next) {
                if (ring::look_at(lane, at, m) != ring::Look::message) break;
                ring::LoanAt loan;
                std::memcpy(&loan, m.data, sizeof loan);
                if (m.kind == ring::Kind::loan && loan.bank == b.index && loan.chunk < chunks)
                    last[loan.chunk] = Sent{l, m.next, loan.bank, loan.chunk};
            }
        }
        if (s_.pages.g.shape == ring::Shape::broadcast && !from.empty()) reclaim_to(from.front());
    }
    // Those that nobody finds in the lane any more may still be looked at: collect() finds out.
    for (std::uint32_t c = 0; c < chunks; ++c)
        last[c] ? sent_.push_back(*last[c]) : passed_.push_back({0, 0, b.index, c});
    const auto limit = s_.pages.lanes[0].header->limit.load(ring::order::relaxed);
    std::ranges::sort(sent_, {}, [&](const Sent& s) { return ring::distance(limit, s.next); });
    collect();
}

void Arena::sent(const ring::LoanAt& at, std::uint32_t lane, std::uint64_t next) {
    sent_.push_back({lane, next, at.bank, at.chunk});
}

void Arena::unsent(const ring::LoanAt& at) noexcept {
    for (auto& b : banks_)
        if (b->index == at.bank) b->free.push_back(at.chunk);
}

void Arena::look_ahead(const ring::LoanAt& at) {
    for (const auto& b : banks_)
        if (b->index == at.bank && b->free.empty()) return collect();
}

// For readers that nobody waits for: loans before it are lost to them.
void Arena::reclaim_to(std::uint64_t position) noexcept {
    auto& r = s_.pages.lanes[0].header->reclaimed;
    if (ring::distance(r.load(ring::order::relaxed), position) > 0) r.store(position, ring::order::relaxed);
}

void Arena::collect() {
    const auto& p = s_.pages;
    // What everybody has passed who is waited for; of a broadcast that nobody holds up, the older half.
    for (std::size_t l = 0; l < lowest_.size(); ++l) {
        const auto limit = p.lanes[l].header->limit.load(ring::order::relaxed);
        if (p.g.shape == ring::Shape::queue)
            lowest_[l] = ring::position_of_head(p.lanes[l].header->head.load(ring::order::reuse), limit);
        else
            lowest_[l] = gate_(limit);
    }
    const bool waited_for = p.g.shape != ring::Shape::broadcast || !gate_.gating().empty();
    const auto most = waited_for ? sent_.size() : (sent_.size() + 1) / 2;
    for (std::size_t n = 0; n < most; ++n) {
        const auto& s = sent_[n];
        if (ring::distance(s.next, lowest_[s.lane]) < 0) continue;
        passed_.push_back(s);
        if (p.g.shape == ring::Shape::broadcast) reclaim_to(s.next);
    }
    std::erase_if(sent_, [&, n = std::size_t{0}](const Sent& s) mutable {
        return n++ < most && ring::distance(s.next, lowest_[s.lane]) >= 0;
    });
    kept_.clear();
    ring::kept_by_readers(p.cursors, [&](std::uint64_t id) { kept_.push_back(id); });
    for (const auto& c : p.cells) {
        ring::LoanAt at;
        if (ring::CellWord::of(c.word.load(ring::order::claim)).state < ring::Cell::claiming ||
            ring::kind_of(c.meta.load(ring::order::relaxed)) != ring::Kind::loan)
            continue;
        std::memcpy(&at, c.data, sizeof at);
        kept_.push_back(ring::loan_id(at.bank, at.chunk));
    }
    std::erase_if(passed_, [&](const Sent& s) {
        if (std::ranges::find(kept_, ring::loan_id(s.bank, s.chunk)) != kept_.end()) return false;
        unsent({s.bank, s.chunk, 0});
        return true;
    });
}

Result<MutBytes> BankViews::at(const Pages& p, const ring::LoanAt& at) {
    if (at.bank < ring::banks && (at.bank >= banks_.size() || !banks_[at.bank].first)) WYE_CHECK(map(p, at.bank));
    if (const auto bytes = known(at)) return *bytes;
    return refuse(Errc::corrupt, "shm:" + p.name + ": a loan that cannot be");
}

Result<> BankViews::map(const Pages& p, std::uint32_t bank) {
    banks_.resize(std::max<std::size_t>(banks_.size(), bank + 1));
    auto& view = banks_[bank];
    const auto& e = p.header->bank[bank];
    const auto bytes = e.chunk_bytes.load(ring::order::claim);
    WYE_TRY(view.segment, open_bank(p, bank, bytes, e.chunks.load(ring::order::relaxed)));
    view.chunk_bytes = bytes;
    view.chunks = view.segment.geometry().capacity;
    view.first = chunk_of(view.segment, bytes, 0);
    return {};
}

}  // namespace wye::shm
