// The connecting side: a connection to a hub, made again when it broke. It has no thread: its owner reads and writes.
#pragma once
#include "pattern/hub/bell.hpp"
#include "pattern/hub/line.hpp"
#include "pattern/hub/pile.hpp"

namespace wye::hub {

class Link {
public:
    static Result<std::unique_ptr<Link>> open(const Uri&, Hello, Deadline);
    ~Link();
    Link(const Link&) = delete;
    Link& operator=(const Link&) = delete;

    /// Errc::timed_out: nothing of it was sent. A frame that was begun is finished before the next.
    Result<> send(const Frame&, Deadline);
    /// Leaves with the next send() or flush().
    void queue(const Frame& f) { out_.add(f); }
    std::size_t queued() const noexcept { return out_.size(); }
    Result<> flush(Deadline);
    /// It stays until the next call. Errc::closed when the hub ended in order, Errc::peer_died when it did not; the
    /// connection is down then.
    Result<Frame> next(Deadline);
    /// A whole frame lies here.
    bool at_hand() const noexcept;

    bool up() const noexcept { return line_ != nullptr; }
    /// Connects again where it is down, for as long as the deadline allows. `hello` is what it says then.
    Result<> mend(Deadline);
    Hello hello;

    std::size_t max_message() const noexcept { return max_message_; }
    /// How often it was connected: what was of the last connection is known by it.
    std::uint32_t times() const noexcept { return times_; }
    int native_handle();
    /// After what next() handed out was looked at: whether there is more is in the handle.
    void settle(bool more = false) noexcept { bell_.ring(more || at_hand()); }

private:
    Link(Uri uri, Hello h) : hello(std::move(h)), uri_(std::move(uri)) {}
    Result<> connect(Deadline);
    Result<Frame> down(long r);
    Result<> write(const iovec*, int count, std::size_t& went);

    Uri uri_;
    std::unique_ptr<Line> line_;
    Pile in_, out_;
    std::size_t last_ = 0;  // of `in_`, what was handed out
    Bell bell_;
    bool bye_ = false;
    std::uint32_t times_ = 0;
    std::size_t max_message_ = 0;
    std::uint64_t generation_;
    Deadline::Clock::time_point again_{};
    std::chrono::milliseconds pause_{};
};

/// What must be answered at once is given this time, whatever the deadline says.
inline Deadline soon(Deadline d) {
    using namespace std::chrono_literals;
    return d.is_now() || (!d.is_never() && d.left() < 20ms) ? Deadline(20ms) : d;
}

}  // namespace wye::hub
