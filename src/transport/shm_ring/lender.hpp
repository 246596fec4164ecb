// What the two writing ends have in common: a message that is too long to be copied goes by loan.
#pragma once
#include "transport/shm_ring/arena.hpp"

namespace wye::shm {

struct Lender : State, Loan::Owner {
    Arena arena;
    bool open = true;      // until close_write()
    bool lending = false;  // waits for a loan, not for room in the lane

    Lender(Pages p, const ShmOptions& o) : State(std::move(p), o), arena(*this, o.most_lent) {}

    /// While there is no room: whether somebody is left who could make some.
    virtual Result<> look() = 0;
    /// Into the lane, when there is room.
    virtual Result<> put_loan(const ring::LoanAt&, Deadline) = 0;

    Result<> may_send(const char* op, std::size_t n) const {
        WYE_CHECK(check_ours(op));
        if (!open || pages.segment.retired()) return fail(Errc::closed, op, pages.name);
        if (n > max_message) return fail(Errc::too_big, op, pages.name);
        return {};
    }
    Result<Loan> loan(std::size_t n, Deadline d) {
        auto place = arena.another(n);
        if (!place) {
            WYE_TRY(place, lend(n, d));
        }
        return Loan(*this, {place->data, n}, Arena::token_of(place->at));
    }
    Result<> send_lent(Bytes b, Deadline d, Bytes behind = {}) {
        WYE_TRY(const auto place, lend(b.size() + behind.size(), d));
        copy_bytes(place.data, b.data(), b.size());
        copy_bytes(place.data + b.size(), behind.data(), behind.size());
        return give(place.at, d);
    }
    Result<> commit(MutBytes b, std::uint64_t token) override {
        WYE_CHECK(check_ours("commit"));
        const auto at = Arena::loan_of(token, b.size());
        if (open) return give(at, Deadline::never());
        return arena.unsent(at), fail(Errc::closed, "commit", pages.name);
    }
    void cancel(MutBytes b, std::uint64_t token) noexcept override { arena.unsent(Arena::loan_of(token, b.size())); }

private:
    Result<Arena::Place> lend(std::size_t n, Deadline d) {
        lending = true;
        look_again = Deadline::never();
        auto lent = arena.lend_when(
            [&](auto&& attempt) { return wait(pages.header->space, d, attempt, [this] { return look(); }); }, n);
        lending = false;
        return lent;
    }
    Result<> give(const ring::LoanAt& at, Deadline d) {
        auto done = put_loan(at, d);
        if (!done)
            arena.unsent(at);
        else
            arena.look_ahead(at);
        return done;
    }
};

}  // namespace wye::shm
