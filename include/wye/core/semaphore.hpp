#pragma once
#include "wye/base/deadline.hpp"
#include "wye/base/error.hpp"
#include "wye/core/endpoint.hpp"

#include <cstdint>
#include <memory>
#include <utility>

namespace wye {

struct SemaphoreOptions {
    Create create = Create::never;
    unsigned permissions = 0600;  ///< of what is created; the umask does not widen or narrow it
    unsigned initial = 1;         ///< units, when it is created
};

/// A unit that is held. Dropping it gives it back; so does the kernel, or the next who asks, when the process dies,
/// where `traits.permits_return` says so.
///
/// Must not outlive the semaphore it came from. Thread-safe to hand over, not to share. After fork(): the parent's; the
/// copy in the child does nothing.
class Permit {
public:
    using Give = Result<> (*)(void* from, std::uint64_t unit);

    Permit() noexcept = default;
    Permit(Give give, void* from, std::uint64_t unit) noexcept : give_(give), from_(from), unit_(unit) {}
    Permit(Permit&& o) noexcept : give_(std::exchange(o.give_, nullptr)), from_(o.from_), unit_(o.unit_) {}
    Permit& operator=(Permit&& o) noexcept {
        if (this != &o) (void)release();
        give_ = std::exchange(o.give_, nullptr), from_ = o.from_, unit_ = o.unit_;
        return *this;
    }
    ~Permit() { (void)release(); }

    explicit operator bool() const noexcept { return give_ != nullptr; }
    /// Gives it back now, and says what went wrong (the semaphore was removed, say).
    Result<> release() {
        if (auto give = std::exchange(give_, nullptr)) return give(from_, unit_);
        return {};
    }

private:
    Give give_ = nullptr;
    void* from_ = nullptr;
    std::uint64_t unit_ = 0;
};

/// A counting semaphore: a room of `sync/`. acquire() takes a unit as a Permit; wait() takes one for good and post()
/// adds one, which is how a token is passed between processes.
template <class S>
concept CountingSemaphore = requires(S& s, Deadline d) {
    { S::traits } -> std::convertible_to<Traits>;
    { s.acquire(d) } -> std::same_as<Result<Permit>>;
    { s.wait(d) } -> std::same_as<Result<>>;
    { s.post() } -> std::same_as<Result<>>;
    { s.value() } -> std::same_as<Result<unsigned>>;
};

/// Any semaphore, chosen by URI at run time: `wye::open_semaphore("sysv-sem:/run/app#1")`.
class Semaphore {
public:
    template <CountingSemaphore S>
        requires(!std::same_as<S, Semaphore>)
    explicit(false) Semaphore(S s) : self_(std::make_unique<Holder<S>>(std::move(s))) {}  // NOLINT

    const Traits& traits() const noexcept { return self_->traits(); }
    /// Errc::timed_out when no unit came in time, Errc::closed when the semaphore was removed meanwhile.
    [[nodiscard]] Result<Permit> acquire(Deadline d = Deadline::never()) { return self_->acquire(d); }
    [[nodiscard]] Result<> wait(Deadline d = Deadline::never()) { return self_->wait(d); }
    /// Errc::exhausted when the value would pass what the kind can hold.
    [[nodiscard]] Result<> post() { return self_->post(); }
    /// As of some moment during the call.
    [[nodiscard]] Result<unsigned> value() { return self_->value(); }

private:
    struct Erased {
        virtual ~Erased() = default;
        virtual const Traits& traits() const noexcept = 0;
        virtual Result<Permit> acquire(Deadline) = 0;
        virtual Result<> wait(Deadline) = 0;
        virtual Result<> post() = 0;
        virtual Result<unsigned> value() = 0;
    };
    template <class S>
    struct Holder final : Erased {
        explicit Holder(S s) : s_(std::move(s)) {}
        const Traits& traits() const noexcept override { return S::traits; }
        Result<Permit> acquire(Deadline d) override { return s_.acquire(d); }
        Result<> wait(Deadline d) override { return s_.wait(d); }
        Result<> post() override { return s_.post(); }
        Result<unsigned> value() override { return s_.value(); }
        S s_;
    };
    std::unique_ptr<Erased> self_;
};

}  // namespace wye
