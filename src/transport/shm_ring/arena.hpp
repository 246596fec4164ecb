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
    /// A loan's token, for as long as it is lent.
    std::uint64_t remember(const ring::LoanAt&);
    ring::LoanAt recall(std::uint64_t token) noexcept;

private:
    struct Bank;
    struct Sent {
        std::uint32_t lane = 0;
        std::uint64_t next = 0;
        std::uint32_t bank = 0, chunk = 0;
    };
    std::optional<Place> from(Bank&, std::size_t n);
    Result<bool> grow(std::size_t chunk_bytes);
    void adopt(Bank&);
    std::vector<std::uint64_t> beginnings(std::uint32_t lane) const;
    void reclaim_to(std::uint64_t position) noexcept;
    void collect();

    State& s_;
    std::size_t most_, bytes_ = 0;
    std::vector<std::unique_ptr<Bank>> banks_;
    std::vector<Sent> sent_, passed_;
    std::vector<ring::LoanAt> lent_;     // by token
    std::vector<std::uint64_t> tokens_;  // free ones
};

/// The loans of others, as a reader maps them.
class BankViews {
public:
    /// Errc::corrupt when it is not a loan of this ring.
    Result<MutBytes> at(const Pages&, const ring::LoanAt&);

private:
    std::vector<std::optional<SharedSegment>> banks_;
};

}  // namespace wye::shm
