// What was published last, as the frames in which it leaves: a ring of bytes, and readers who stand in it. What is to
// be sent to a reader lies there ready, and is kept once however many read it.
#pragma once
#include "os/syscall.hpp"
#include "pattern/hub/wire.hpp"

#include <memory>

namespace wye::hub {

class Log {
public:
    /// A place in it: before the message `number` (they count from 0), whose frame begins at byte `at` of all that were
    /// ever put.
    struct Place {
        std::uint64_t at = 0, number = 0;
    };

    explicit Log(std::size_t bytes)
        : size_(round_up(bytes)), ring_(std::make_unique_for_overwrite<std::byte[]>(size_)) {}

    Place begin() const noexcept { return begin_; }
    Place end() const noexcept { return end_; }
    std::size_t size() const noexcept { return size_; }
    bool fits(const Front& f, std::size_t body) const noexcept { return f.size + body + f.padding <= size_; }
    /// Where it would begin if `bytes` more were put.
    std::uint64_t begin_after(std::size_t bytes) const noexcept {
        return end_.at + bytes > size_ ? end_.at + bytes - size_ : 0;
    }
    void put(const Front&, Bytes body) noexcept;

    Place next(Place p) const noexcept { return {p.at + size_at(p.at), p.number + 1}; }
    std::size_t size_at(std::uint64_t at) const noexcept { return frame_size(ring_.get() + at % size_); }
    /// `room` is for a topic that lies on both ends of the ring.
    std::string_view topic(std::uint64_t at, char (&room)[256]) const noexcept;
    /// The bytes from..to, in one or two pieces.
    std::size_t pieces(std::uint64_t from, std::uint64_t to, iovec* into) const noexcept;
    void copy(std::uint64_t from, std::uint64_t to, std::byte* into) const noexcept;

private:
    void write(std::uint64_t at, const std::byte* from, std::size_t n) noexcept;

    std::size_t size_;
    std::unique_ptr<std::byte[]> ring_;
    Place begin_{}, end_{};
};

/// A subscriber's way through the log.
struct Reader {
    std::string filter = ">";
    Slow slow = Slow::drop_oldest;
    std::chrono::milliseconds patience{};
    Log::Place place{};
    std::uint64_t missed = 0;  // since it was told

    bool everything() const noexcept { return filter == ">"; }
    bool wants(const Log&, std::uint64_t at) const noexcept;
    /// Not back further than the log goes. To be called before the place is looked at: nothing may lie there any more.
    void catch_up(const Log&) noexcept;
    /// To the newest that it wants; those before it that it wants are missed.
    void to_newest(const Log&) noexcept;
    /// `back` of those that it wants before the end.
    void go_back(const Log&, std::uint64_t back);
    /// Past those that it does not want.
    void pass_over(const Log&) noexcept;
    bool may_hold_up() const noexcept { return slow == Slow::block || slow == Slow::demote; }
};

}  // namespace wye::hub
