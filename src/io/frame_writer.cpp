#include "wye/io/framed_stream.hpp"

#include "os/errno.hpp"
#include "os/fork.hpp"
#include "os/transfer.hpp"
#include "os/wait.hpp"

#include <algorithm>
#include <climits>
#include <cstring>

namespace wye {

namespace {
// Up to here one place is cheaper: two cost the kernel 70 to 100 ns more, a copy of 4 KiB takes 45.
constexpr std::size_t small = 8192;
}  // namespace

// Up to three places in a row, with what is written taken off the front.
struct FrameWriter::Vector {
    iovec v[3];
    int first = 0, count = 0;
    std::size_t left = 0;

    void add(const void* p, std::size_t n) noexcept {
        if (n == 0) return;
        v[count++] = {const_cast<void*>(p), n};
        left += n;
    }
    void take(std::size_t n) noexcept {
        left -= n;
        while (n > 0) {
            auto& front = v[first];
            const auto part = std::min(n, front.iov_len);
            front.iov_base = static_cast<std::byte*>(front.iov_base) + part;
            front.iov_len -= part;
            n -= part;
            if (front.iov_len == 0) ++first;
        }
    }
};

// All of it, or nothing with Errc::timed_out; a rest that the deadline cut off goes to the outbox. Inlined, like the
// call below it: each function that a system call returns through costs 15 ns.
[[gnu::always_inline]] inline Result<> FrameWriter::put(int fd, Vector& v, Deadline deadline, Bytes control) {
    const long n = sys::write_plain(fd, port_, v.v, v.count, deadline, control);
    if (n == static_cast<long>(v.left)) [[likely]]
        return {};
    return finish(fd, v, n, deadline, control);
}

Result<> FrameWriter::finish(int fd, Vector& v, long first, Deadline deadline, Bytes control) {
    auto n = first > 0 ? Result<std::size_t>(static_cast<std::size_t>(first))
                       : sys::slow::write_some(fd, port_, v.v, v.count, deadline, first, control);
    for (bool begun = false;; begun = true) {
        if (!n) {
            if (begun && n.error().is(Errc::timed_out)) break;
            broken_ = begun;
            return std::unexpected(std::move(n).error());
        }
        v.take(*n);
        if (v.left == 0) return {};
        n = sys::write_some(fd, port_, v.v + v.first, v.count - v.first, deadline);
    }
    outbox_.clear();
    sent_ = 0;
    outbox_generation_ = sys::fork_generation();
    for (int i = v.first; i < v.count; ++i) {
        const auto* p = static_cast<const std::byte*>(v.v[i].iov_base);
        outbox_.insert(outbox_.end(), p, p + v.v[i].iov_len);
    }
    return {};
}

[[gnu::always_inline]] inline Result<> FrameWriter::put_piece(int fd, const std::uint64_t& mark, Bytes part,
                                                              bool continued, bool more, Deadline deadline) {
    const auto header =
        FrameHeader{.length = static_cast<std::uint32_t>(part.size()), .more = more, .continued = continued}.encode();
    std::byte piece[PIPE_BUF];
    auto* end = std::ranges::copy(header, piece).out;
    std::memcpy(end, &mark, sizeof mark);
    copy_bytes(end + sizeof mark, part.data(), part.size());
    Vector v;
    v.add(piece, header.size() + sizeof mark + part.size());
    WYE_CHECK(put(fd, v, deadline));
    if (pending()) [[unlikely]]
        return flush(fd, Deadline::never());  // no kernel splits a piece; a fault-injecting test does
    return {};
}

// Each piece is written whole or not at all, so a deadline between two pieces leaves no half frame. The reader is told
// before the next message, or the close, that the rest of this one will not come.
[[gnu::always_inline]] inline Result<> FrameWriter::send_pieces(int fd, Bytes message, Deadline deadline) {
    const auto mark = sys::unique_mark();
    constexpr std::size_t room = PIPE_BUF - FrameHeader::size - FrameHeader::tag_size;
    for (std::size_t at = 0; at < message.size();) {
        const auto n = std::min(room, message.size() - at);
        if (auto sent = put_piece(fd, mark, message.subspan(at, n), at > 0, at + n < message.size(), deadline); !sent)
            [[unlikely]] {
            if (at > 0) abandoned_ = mark;
            return sent;
        }
        at += n;
    }
    return {};
}

Result<> FrameWriter::send(int fd, Bytes message, Deadline deadline, Bytes control) {
    if (message.size() > options_.max_message) return fail(Errc::too_big, "send");
    if (broken_) return fail(Errc::closed, "send");  // half a message went out before an error: nothing can follow it
    if (pending()) WYE_CHECK(flush(fd, deadline));
    if (abandoned_ != 0) WYE_CHECK(cancel(fd, deadline));
    if (options_.framing != Framing::frame) return send_marked(fd, message, deadline, control);
    if (options_.shared && message.size() + FrameHeader::size > PIPE_BUF) return send_pieces(fd, message, deadline);
    Vector v;
    const auto header = FrameHeader{.length = static_cast<std::uint32_t>(message.size())}.encode();
    std::byte both[FrameHeader::size + small];
    if (message.size() <= small) {
        std::memcpy(both, header.data(), header.size());
        copy_bytes(both + header.size(), message.data(), message.size());
        v.add(both, header.size() + message.size());
    } else {
        v.add(header.data(), header.size());
        v.add(message.data(), message.size());
    }
    return put(fd, v, deadline, control);
}

// lines, nul and raw.
Result<> FrameWriter::send_marked(int fd, Bytes message, Deadline deadline, Bytes control) {
    Vector v;
    v.add(message.data(), message.size());
    const char mark = options_.framing == Framing::lines ? '\n' : '\0';
    if (options_.framing != Framing::raw) {
        if (!message.empty() && std::memchr(message.data(), mark, message.size()))
            return refuse(Errc::unsupported, mark ? "a message with a newline in it cannot be sent with framing=lines"
                                                  : "a message with a zero byte in it cannot be sent with framing=nul");
        v.add(&mark, 1);
    }
    if (v.left == 0) return {};
    if (!options_.shared) return put(fd, v, deadline, control);
    WYE_CHECK(lock(fd, deadline));
    auto sent = put(fd, v, deadline, control);
    if (!pending()) unlock();
    return sent;
}

// The rest is the parent's to send: a copy that a forked child sent too would come in the middle of the stream.
void FrameWriter::forget_after_fork() noexcept {
    if (!pending() || outbox_generation_ == sys::fork_generation()) return;
    outbox_.clear();
    sent_ = 0;
    locked_ = false;  // by the parent
}

Result<> FrameWriter::flush(int fd, Deadline deadline) {
    forget_after_fork();
    while (pending()) {
        const iovec rest{outbox_.data() + sent_, outbox_.size() - sent_};
        WYE_TRY(const auto n, sys::write_some(fd, port_, &rest, 1, deadline));
        sent_ += n;
    }
    outbox_.clear();
    sent_ = 0;
    unlock();
    return {};
}

// The message begins anew, with nothing: what the reader had of it is dropped.
Result<> FrameWriter::cancel(int fd, Deadline deadline) {
    WYE_CHECK(put_piece(fd, abandoned_, {}, false, true, deadline));
    abandoned_ = 0;
    return {};
}

// The lock lies on the pipe itself, through a description of our own: one shared with a forked child would not keep
// the child out. It ends with this process, however it ends.
Result<> FrameWriter::lock(int fd, Deadline deadline) {
    if (locked_) return {};
    if (lock_ == nullptr || lock_generation_ != sys::fork_generation()) {
        const std::string self = "/proc/self/fd/" + std::to_string(fd);
        const long r = sys::open(self.c_str(), O_WRONLY | O_NONBLOCK);
        if (r == -ENXIO) return fail(Errc::closed, "send");  // no reader is left
        if (r < 0) return sys::fail(r, "open", self);
        lock_ = Fd(static_cast<int>(r));
        lock_generation_ = sys::fork_generation();
    }
    long r = sys::flock(lock_.get(), LOCK_EX | LOCK_NB);
    if (r == -EAGAIN && !deadline.is_now())
        r = sys::interruptible(deadline, [&] { return sys::flock(lock_.get(), LOCK_EX); });
    if (r < 0) return sys::fail(r, "flock");
    locked_ = true;
    return {};
}

void FrameWriter::unlock() noexcept {
    if (std::exchange(locked_, false)) (void)sys::flock(lock_.get(), LOCK_UN);
}

}  // namespace wye
