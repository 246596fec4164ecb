// An append-only log: writing, and mending what a dead writer left.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "os/errno.hpp"
#include "os/fork.hpp"
#include "os/signal_guard.hpp"
#include "os/transfer.hpp"
#include "os/wait.hpp"
#include "record.hpp"
#include "wye/transport/file_log.hpp"

namespace wye {

std::uint32_t file_log::checksum(Bytes payload) noexcept { return XXH32(payload.data(), payload.size(), static_cast<std::uint32_t>(payload.size())); }

Result<> FileLog::send(Bytes message, Deadline deadline) {
    if (write_ == nullptr) return fail(Errc::unsupported, "send");
    if (message.size() > options_.max_message) return fail(Errc::too_big, "send");
    if (options_.framing == Framing::lines && !message.empty() && std::memchr(message.data(), '\n', message.size()))
        return refuse(Errc::unsupported, "a message with a newline in it cannot be sent with framing=lines");
    if (write_generation_ != sys::fork_generation()) {
        // A lock taken through a description that we share with our parent would not keep it out.
        const long r = sys::open(("/proc/self/fd/" + std::to_string(write_.get())).c_str(), O_RDWR | O_APPEND);
        if (r < 0) return sys::fail(r, "open", path_);
        write_ = Fd(static_cast<int>(r));
        write_generation_ = sys::fork_generation();
    }
    long r = sys::flock(write_.get(), LOCK_EX | LOCK_NB);
    if ((r == -EAGAIN || r == -EINTR) && !deadline.is_now()) r = sys::interruptible(deadline, [&] { return sys::flock(write_.get(), LOCK_EX); });
    if (r < 0) return sys::fail(r, "flock", path_);
    auto appended = append(message);
    (void)sys::flock(write_.get(), LOCK_UN);
    return appended;
}

// Under the lock.
Result<> FileLog::append(Bytes message) {
    struct stat s{};
    if (const long r = sys::fstat(write_.get(), &s); r < 0) return sys::fail(r, "fstat", path_);
    auto size = static_cast<std::uint64_t>(s.st_size);
    if (size != known_end_) {
        WYE_CHECK(check_end(size));
        size = known_end_;
    }
    return write_record(message, size);
}

// Somebody else wrote since we last had the lock: is the last record whole? Mends a torn one.
Result<> FileLog::check_end(std::uint64_t size) {
    using namespace file_log;
    if (size < known_end_) known_end_ = 0;  // cut by somebody: begin anew
    if (size == 0) return {};
    if (options_.framing == Framing::lines) {
        std::byte last{};
        if (const long r = sys::pread(write_.get(), &last, 1, static_cast<off_t>(size - 1)); r < 0) return sys::fail(r, "read", path_);
        known_end_ = size;
        if (last == std::byte{'\n'}) return {};
        ++repaired_;
        if (const long r = sys::write(write_.get(), "\n", 1); r < 0) return sys::fail(r, "write", path_);
        ++known_end_;
        return {};
    }
    // From the end: the length behind, the length in front.
    std::byte word[4];
    if (size >= around && sys::pread(write_.get(), word, 4, static_cast<off_t>(size - tail_size)) == 4) {
        const auto length = decode_be32(word);
        if (size >= length + around && sys::pread(write_.get(), word, 4, static_cast<off_t>(size - length - around)) == 4 && decode_be32(word) == length) {
            std::vector<std::byte> record(length + head_size);
            const long n = sys::pread(write_.get(), record.data(), record.size(), static_cast<off_t>(size - length - around));
            if (n == static_cast<long>(record.size()) && decode_head(record.data()).sum == checksum(Bytes(record).subspan(head_size))) {
                known_end_ = size;
                return {};
            }
        }
    }
    // From the front, as far as records reach.
    WYE_TRY(known_end_, last_boundary(size));
    if (known_end_ == size) return {};
    if (const long r = sys::ftruncate(write_.get(), static_cast<off_t>(known_end_)); r < 0) return sys::fail(r, "ftruncate", path_);
    ++repaired_;
    return {};
}

// Where the last whole record ends. Only a record that the end of the file cuts short is torn; any other misfit is damage,
// and what lies behind it may be good: that is not ours to throw away.
Result<std::uint64_t> FileLog::last_boundary(std::uint64_t size) const {
    using namespace file_log;
    auto at = known_end_;
    while (size - at >= head_size) {
        std::byte head[head_size], tail[tail_size];
        if (sys::pread(write_.get(), head, sizeof head, static_cast<off_t>(at)) != head_size) break;
        const auto length = decode_head(head).length;
        if (length > FrameHeader::max_length) return refuse(Errc::corrupt, path_ + ": no record at byte " + std::to_string(at) + "; nothing is appended behind it");
        if (at + length + around > size) return at;
        if (sys::pread(write_.get(), tail, sizeof tail, static_cast<off_t>(at + head_size + length)) != tail_size || decode_be32(tail) != length)
            return refuse(Errc::corrupt, path_ + ": no record at byte " + std::to_string(at) + "; nothing is appended behind it");
        at += length + around;
    }
    return at;
}

Result<> FileLog::write_record(Bytes message, std::uint64_t size) {
    const auto head = file_log::encode_head(message);
    const auto tail = encode_be32(static_cast<std::uint32_t>(message.size()));
    const char newline = '\n';
    iovec v[3];
    int n = 0;
    std::size_t left = 0;
    const auto add = [&](const void* p, std::size_t bytes) {
        if (bytes > 0) v[n++] = {const_cast<void*>(p), bytes};
        left += bytes;
    };
    const bool lines = options_.framing == Framing::lines;
    if (!lines) add(head.data(), head.size());
    add(message.data(), message.size());
    if (lines) add(&newline, 1);
    else add(tail.data(), tail.size());
    const auto total = left;
    for (int first = 0; left > 0;) {
        long r;
        if (limited_) {
            sys::SignalGuard guard(SIGXFSZ);
            r = guard.watch(sys::writev(write_.get(), v + first, n - first), -EFBIG);
        } else {
            r = sys::writev(write_.get(), v + first, n - first);
        }
        if (r == -EINTR) continue;
        if (r < 0) {
            // Nothing half made: the part that was written is taken back while we have the lock.
            (void)sys::ftruncate(write_.get(), static_cast<off_t>(size));
            return sys::fail(r, "write", path_);
        }
        left -= static_cast<std::size_t>(r);
        for (auto done = static_cast<std::size_t>(r); done > 0;) {
            const auto part = std::min(done, v[first].iov_len);
            v[first].iov_base = static_cast<std::byte*>(v[first].iov_base) + part;
            v[first].iov_len -= part;
            done -= part;
            if (v[first].iov_len == 0) ++first;
        }
    }
    known_end_ = size + total;
    return {};
}

}  // namespace wye
