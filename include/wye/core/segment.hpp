#pragma once
#include "wye/base/bytes.hpp"
#include "wye/base/error.hpp"
#include "wye/core/endpoint.hpp"

#include <concepts>
#include <functional>
#include <memory>
#include <utility>

namespace wye {

struct SegmentOptions {
    Create create = Create::never;
    unsigned permissions = 0600;  ///< of what is created; the umask does not widen or narrow it
    std::size_t size = 0;         ///< bytes: of what is created, and the least that what exists must have
    bool writable = true;
};

/// Memory that several processes see at one time: a room of `memory/`.
///
/// Its pages are there when open returns. A full /dev/shm, a full disk or a limit is Errc::exhausted then, and not
/// SIGBUS at the first touch; what a peer may do to the pages afterwards (cut them off) is said in each room. New pages
/// are zero.
///
/// What hurts: nothing orders what two processes do here. A plain read of what another writes is a data race, and what
/// comes back may be any mixture: use std::atomic_ref on words both sides have aligned, or a semaphore. It has another
/// address in every process, so no pointers in it. What is in it was written by others: copy, then check, then use.
template <class S>
concept SharedMemory = requires(S& s, const S& c) {
    { S::traits } -> std::convertible_to<Traits>;
    { c.bytes() } -> std::same_as<Bytes>;
    { s.mut_bytes() } -> std::same_as<MutBytes>;
    { c.size() } -> std::same_as<std::size_t>;
    { c.retired() } -> std::same_as<Result<bool>>;
};

/// Any segment, chosen by URI at run time: `wye::open_segment("posix-shm:/frames?size=1M")`.
///
/// The pages stay mapped while this lives, also when their name is removed. After fork: both processes have them.
class Segment {
public:
    template <SharedMemory S>
        requires(!std::same_as<S, Segment>)
    explicit(false) Segment(S s) : self_(std::make_unique<Holder<S>>(std::move(s))) {}  // NOLINT

    const Traits& traits() const noexcept { return self_->traits(); }
    Bytes bytes() const noexcept { return self_->bytes(); }
    /// Empty where it is mapped to be read only.
    MutBytes mut_bytes() noexcept { return self_->mut_bytes(); }
    std::size_t size() const noexcept { return bytes().size(); }
    /// Removed, or replaced: who opens its name now gets another segment, or none, and will never meet us here.
    Result<bool> retired() const { return self_->retired(); }

private:
    struct Erased {
        virtual ~Erased() = default;
        virtual const Traits& traits() const noexcept = 0;
        virtual Bytes bytes() const noexcept = 0;
        virtual MutBytes mut_bytes() noexcept = 0;
        virtual Result<bool> retired() const = 0;
    };
    template <class S>
    struct Holder final : Erased {
        explicit Holder(S s) : s_(std::move(s)) {}
        const Traits& traits() const noexcept override { return S::traits; }
        Bytes bytes() const noexcept override { return s_.bytes(); }
        MutBytes mut_bytes() noexcept override { return s_.mut_bytes(); }
        Result<bool> retired() const override { return s_.retired(); }
        S s_;
    };
    std::unique_ptr<Erased> self_;
};

/// Writes the first content of a segment, before anybody else can see it.
using FillSegment = std::function<void(MutBytes)>;

}  // namespace wye
