#pragma once
#include "wye/base/bytes.hpp"
#include "wye/base/error.hpp"

#include <cassert>
#include <utility>

namespace wye {

/// A writable place inside the means itself, ours until commit(). Dropping it un-sends: nobody ever sees it.
/// Made by a Lender; must not outlive it. `commit()` only on an rvalue: `std::move(loan).commit()`.
class Loan {
public:
    /// What the lender does when the loan ends; `token` is the lender's own mark for this place.
    struct Owner {
        virtual Result<> commit(MutBytes, std::uint64_t token) = 0;
        virtual void cancel(MutBytes, std::uint64_t token) noexcept = 0;

    protected:
        ~Owner() = default;
    };

    Loan(Owner& owner, MutBytes place, std::uint64_t token = 0) noexcept
        : owner_(&owner), place_(place), token_(token) {}
    Loan(Loan&& o) noexcept : owner_(std::exchange(o.owner_, nullptr)), place_(o.place_), token_(o.token_) {}
    Loan& operator=(Loan&& o) noexcept {
        Loan old(std::move(*this));
        owner_ = std::exchange(o.owner_, nullptr), place_ = o.place_, token_ = o.token_;
        return *this;
    }
    ~Loan() {
        if (owner_) owner_->cancel(place_, token_);
    }

    MutBytes bytes() noexcept {
        assert(owner_ && "this loan was moved from");
        return place_;
    }
    template <Plain T>
    T& as() noexcept {
        assert(owner_ && place_.size() >= sizeof(T) &&
               reinterpret_cast<std::uintptr_t>(place_.data()) % alignof(T) == 0);
        return *reinterpret_cast<T*>(place_.data());
    }
    [[nodiscard]] Result<> commit() && {
        assert(owner_ && "this loan was moved from");
        return std::exchange(owner_, nullptr)->commit(place_, token_);
    }

private:
    Owner* owner_;
    MutBytes place_;
    std::uint64_t token_;
};

/// A message read where it lies. Dropping the lease gives the place back. Must not outlive the endpoint it came from.
class Lease {
public:
    struct Owner {
        virtual void release(Bytes, std::uint64_t token) noexcept = 0;

    protected:
        ~Owner() = default;
    };

    Lease(Owner& owner, Bytes place, std::uint64_t token = 0) noexcept : owner_(&owner), place_(place), token_(token) {}
    Lease(Lease&& o) noexcept : owner_(std::exchange(o.owner_, nullptr)), place_(o.place_), token_(o.token_) {}
    Lease& operator=(Lease&& o) noexcept {
        Lease old(std::move(*this));
        owner_ = std::exchange(o.owner_, nullptr), place_ = o.place_, token_ = o.token_;
        return *this;
    }
    ~Lease() {
        if (owner_) owner_->release(place_, token_);
    }

    Bytes bytes() const noexcept {
        assert(owner_ && "this lease was moved from");
        return place_;
    }
    /// Checked, because another process wrote it: Errc::mismatch when the size or the alignment is not T's.
    template <Plain T>
    Result<const T*> as() const noexcept {
        if (!owner_ || place_.size() != sizeof(T) || reinterpret_cast<std::uintptr_t>(place_.data()) % alignof(T) != 0)
            return fail(Errc::mismatch, "as");
        return reinterpret_cast<const T*>(place_.data());
    }

private:
    Owner* owner_;
    Bytes place_;
    std::uint64_t token_;
};

}  // namespace wye
