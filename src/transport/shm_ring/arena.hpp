// Loans: chunks in files beside the ring, as who lends them and as who looks at them.
#pragma once
#include "transport/shm_ring/state.hpp"

namespace wye::shm {

/// The loans of one writer: chunks in files of their own, made when they are first asked for.
class Arena {
public:
    Arena(State&, std::size_t most);
    ~Arena();

    struct Place {
        ring::LoanAt at;
        std::byte* data = nullptr;
    };
    /// As the last one, if that is right and there is one: for most loans.
    std::optional<Place> another(std::size_t n) noexcept;
    /// Nothing when all that may be lent is lent; Errc::exhausted when there is no room for it in memory.
    Result<std::optional<Place>> lend(std::size_t n);
    void sent(const ring::LoanAt&, std::uint32_t lane, std::uint64_t next);
    void unsent(const ring::LoanAt&) noexcept;
    /// After one was sent: what the next loan will need, while the reader is busy with this one.
    void look_ahead(const ring::LoanAt&);

    /// lend(), waiting by `until(attempt)`.
    template <class Until>
    Result<Place> lend_when(Until&& until, std::size_t n) {
        Result<std::optional<Place>> lent = std::nullopt;
        WYE_CHECK(until([&] { return lent = lend(n), !lent || *lent; }));
        if (!lent) return std::unexpected(std::move(lent).error());
        return **lent;
    }
    /// What a loan's token says.
    static std::uint64_t token_of(const ring::LoanAt& at) noexcept { return std::uint64_t{at.bank} << 32 | at.chunk; }
    static ring::LoanAt loan_of(std::uint64_t token, std::size_t length) noexcept {
        return {static_cast<std::uint32_t>(token >> 32), static_cast<std::uint32_t>(token), length};
    }

private:
    struct Bank;
    struct Sent {
        std::uint32_t lane = 0;
        std::uint64_t next = 0;
        std::uint32_t bank = 0, chunk = 0;
    };
    std::optional<Place> from(Bank&, std::size_t n) noexcept;
    Result<bool> grow(std::size_t chunk_bytes);
    void adopt(Bank&);
    std::vector<std::uint64_t> beginnings(std::uint32_t lane) const;
    void reclaim_to(std::uint64_t position) noexcept;
    void collect();

    State& s_;
    std::size_t most_, bytes_ = 0;
    std::vector<std::unique_ptr<Bank>> banks_;
    Bank* last_ = nullptr;  // lent from
    std::vector<Sent> sent_, passed_;
    ring::Gate gate_;
    std::vector<std::uint64_t> lowest_, kept_;  // of collect(), which is to need no memory
};

/// The loans of others, as a reader maps them.
class BankViews {
public:
    /// Of a bank that was looked at before.
    std::optional<MutBytes> known(const ring::LoanAt& at) const noexcept {
        if (at.bank >= banks_.size()) return {};
        const auto& b = banks_[at.bank];
        if (at.chunk >= b.chunks || at.length > b.chunk_bytes) return {};
        return MutBytes(b.first + at.chunk * b.chunk_bytes, at.length);
    }
    /// Errc::corrupt when it is not a loan of this ring.
    Result<MutBytes> at(const Pages&, const ring::LoanAt&);

private:
    // As they were when they were mapped: the header that was checked then may be another's by now.
    struct View {
        SharedSegment segment;
        std::byte* first = nullptr;
        std::uint64_t chunks = 0, chunk_bytes = 0;
    };
    Result<> map(const Pages&, std::uint32_t bank);
    std::vector<View> banks_;
};

}  // namespace wye::shm
