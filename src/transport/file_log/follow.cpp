// An append-only log: reading, and waiting at its end.
#include "wye/transport/file_log.hpp"

#include "os/errno.hpp"
#include "os/fork.hpp"
#include "os/wait.hpp"
#include "record.hpp"

namespace wye {
namespace {

constexpr std::size_t first_capacity = 64 * 1024;

std::unexpected<Error> damaged(const std::string& path, std::uint64_t at, const std::string& what) {
    return refuse(Errc::corrupt, path + ": " + what + " at byte " + std::to_string(at));
}

}  // namespace

// Also anew after a fork: an event that one process reads is gone for the other, and a lock in a shared description is
// both's.
Result<> FileLog::watch() {
    // By the descriptor, so that it is this very file, whatever has the name now.
    const auto self = "/proc/self/fd/" + std::to_string(read_.get());
    Fd own;
    if (read_generation_ != 0) {
        const long r = sys::open(self.c_str(), O_RDONLY);
        if (r < 0) return sys::fail(r, "open", path_);
        own = Fd(static_cast<int>(r));
    }
    const long w = sys::inotify_init();
    if (w == -EMFILE)
        return refuse(
            Errc::exhausted,
            "inotify_init: this user has all the inotify objects he may (/proc/sys/fs/inotify/max_user_instances)");
    if (w < 0) return sys::fail(w, "inotify_init");
    Fd watch(static_cast<int>(w));
    const long r =
        sys::inotify_add_watch(watch.get(), self.c_str(), IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF);
    if (r < 0) return sys::fail(r, "inotify_add_watch", path_);
    if (!(own == nullptr)) read_ = std::move(own);
    watch_ = std::move(watch);
    read_generation_ = sys::fork_generation();
    return {};
}

// The file's bytes from at_ on, read anew: what was read before may have been cut off by a repair since. One call for
// `some`, which in a regular file is all there is but for the oddest filesystems. Answers whether it saw the end.
Result<bool> FileLog::fill(Much much) {
    if (!buffer_) buffer_ = std::make_unique_for_overwrite<std::byte[]>(capacity_ = first_capacity);
    begin_ = end_ = 0;
    for (;;) {
        const long n = sys::pread(read_.get(), buffer_.get() + end_, capacity_ - end_, static_cast<off_t>(at_ + end_));
        if (n == -EINTR) continue;
        if (n < 0) return sys::fail(n, "read", path_);
        end_ += static_cast<std::size_t>(n);
        if (n == 0 || end_ == capacity_ || much == Much::some) return n == 0;
    }
}

Result<MutBytes> FileLog::recv(MutBytes into, Deadline deadline) {
    if (read_ == nullptr) return fail(Errc::unsupported, "recv");
    if (read_generation_ != sys::fork_generation()) WYE_CHECK(watch());
    bool sure = false, last_look = false, all = false, end_seen = false;
    const auto fill_all = [&]() -> Result<> {
        WYE_TRY(end_seen, fill(Much::all));
        all = true;
        return {};
    };
    if (begin_ == end_) {
        WYE_TRY(end_seen, fill(Much::some));
    }
    for (;;) {
        half_ = 0;
        if (end_ > begin_) {
            const auto place = at_;
            auto taken = options_.framing == Framing::frame ? next_record(into) : next_line(into);
            if (taken && *taken) return **taken;
            if (!taken) {
                // A repair may have passed under what we read: only what is read again is damage.
                if (sure || taken.error().kind() != Errc::corrupt) return std::unexpected(std::move(taken).error());
                sure = true;
                at_ = place;
                WYE_CHECK(fill_all());
                continue;
            }
        }
        if (!end_seen && !(half_ > 0 && all)) {
            WYE_CHECK(fill_all());
            continue;
        }
        auto waited = half_ > 0 ? incomplete(deadline) : at_the_end(deadline);
        if (!waited) {
            // What was written before the file went away may have come after we looked.
            if (last_look || waited.error().kind() != Errc::closed) return std::unexpected(std::move(waited).error());
            last_look = true;
        }
        WYE_CHECK(fill_all());
    }
}

// All of it: the file was seen to be longer.
Result<> FileLog::read_at(std::byte* p, std::size_t n, std::uint64_t at) const {
    for (std::size_t got = 0; got < n;) {
        const long r = sys::pread(read_.get(), p + got, n - got, static_cast<off_t>(at + got));
        if (r == -EINTR) continue;
        if (r == 0) return damaged(path_, at_, "no record");
        if (r < 0) return sys::fail(r, "read", path_);
        got += static_cast<std::size_t>(r);
    }
    return {};
}

FileLog::Taken FileLog::next_record(MutBytes into) {
    using namespace file_log;
    const auto held = end_ - begin_;
    const auto* p = buffer_.get() + begin_;
    half_ = held;
    if (held < head_size) return std::nullopt;
    const auto head = decode_head(p);
    const auto whole = std::size_t{head.length} + around;
    std::uint32_t tail = 0;
    if (held >= whole) {
        tail = decode_be32(std::span<const std::byte, 4>(p + head_size + head.length, 4));
    } else {
        struct stat s{};
        if (const long r = sys::fstat(read_.get(), &s); r < 0) return sys::fail(r, "fstat", path_);
        const auto size = static_cast<std::uint64_t>(s.st_size);
        if (size < at_ + whole) {
            // More than any writer of ours would write, or not yet all there.
            if (head.length > FrameHeader::max_length) return damaged(path_, at_, "no record");
            half_ = size > at_ ? size - at_ : 0;
            return std::nullopt;
        }
        std::byte last[tail_size];
        WYE_CHECK(read_at(last, tail_size, at_ + head_size + head.length));
        tail = decode_be32(last);
    }
    if (tail != head.length) return damaged(path_, at_, "no record");
    half_ = 0;
    if (head.length > options_.max_message) {
        at_ += whole;
        begin_ = end_ = 0;
        return fail(Errc::too_big, "recv");
    }
    if (head.length > into.size()) return fail(Errc::too_big, "recv");
    if (held >= whole) {
        copy_bytes(into.data(), p + head_size, head.length);
        begin_ += whole;
    } else {
        WYE_CHECK(read_at(into.data(), head.length, at_ + head_size));
        begin_ = end_ = 0;
    }
    const auto place = at_;
    at_ += whole;
    const auto message = into.first(head.length);
    if (checksum(message) != head.sum)
        return damaged(path_, place, "a damaged record of " + std::to_string(head.length) + " bytes");
    return message;
}

FileLog::Taken FileLog::next_line(MutBytes into) {
    for (;;) {
        const auto* p = buffer_.get() + begin_;
        const auto held = end_ - begin_;
        const auto* hit = static_cast<const std::byte*>(std::memchr(p, '\n', held));
        const auto n = hit ? static_cast<std::size_t>(hit - p) : held;
        const auto step = [&](std::size_t bytes) { begin_ += bytes, at_ += bytes; };
        if (passing_line_) {
            step(hit ? n + 1 : n);
            passing_line_ = !hit;
            if (!hit) return std::nullopt;
            continue;
        }
        if (n > options_.max_message) {
            passing_line_ = true;
            return fail(Errc::too_big, "recv");
        }
        if (!hit) {
            half_ = held;
            if (held < capacity_) return std::nullopt;
            const auto larger = capacity_ * 2;  // the line is longer than the buffer, and below the limit
            buffer_ = std::make_unique_for_overwrite<std::byte[]>(capacity_ = larger);
            WYE_CHECK(fill(Much::all));
            if (end_ - begin_ == held) return std::nullopt;
            continue;
        }
        if (at_ == torn_at_ && n == torn_bytes_) {  // reported as torn before its end was put there
            step(n + 1);
            torn_at_ = UINT64_MAX;
            if (begin_ == end_) return half_ = 0, std::nullopt;
            continue;
        }
        if (n > into.size()) return half_ = 0, fail(Errc::too_big, "recv");
        copy_bytes(into.data(), p, n);
        step(n + 1);
        half_ = 0;
        return into.first(n);
    }
}

// Half a record at the end: its writer is at it (he has the lock), or died there.
Result<> FileLog::incomplete(Deadline deadline) {
    long r = sys::flock(read_.get(), LOCK_SH | LOCK_NB);
    if (r == -EAGAIN) {
        if (deadline.is_now()) return fail(Errc::timed_out, "recv");
        r = sys::interruptible(deadline, [&] { return sys::flock(read_.get(), LOCK_SH); });
        if (r < 0) return sys::fail(r, "flock", path_);
        (void)sys::flock(read_.get(), LOCK_UN);
        return {};  // look again
    }
    if (r < 0) return sys::fail(r, "flock", path_);
    struct stat s{};
    r = sys::fstat(read_.get(), &s);
    (void)sys::flock(read_.get(), LOCK_UN);
    if (r < 0) return sys::fail(r, "fstat", path_);
    const auto bytes = static_cast<std::uint64_t>(s.st_size) - at_;
    if (bytes != half_) return {};  // it was finished, or mended, meanwhile
    if (torn_at_ == at_ && torn_bytes_ == bytes) return at_the_end(deadline);
    torn_at_ = at_;
    torn_bytes_ = bytes;
    return damaged(path_, at_, "a torn last record: its writer died after " + std::to_string(bytes) + " bytes of it,");
}

Result<> FileLog::at_the_end(Deadline deadline) {
    WYE_CHECK(still_there());
    if (deadline.is_now()) return fail(Errc::timed_out, "recv");
    // Events that came while we read are in the queue: a change is never slept through.
    WYE_CHECK(sys::wait_ready(watch_.get(), POLLIN, deadline));
    alignas(inotify_event) char events[4096];
    (void)sys::read(watch_.get(), events, sizeof events);
    return {};
}

Result<> FileLog::still_there() {
    struct stat ours{}, named{};
    if (const long r = sys::fstat(read_.get(), &ours); r < 0) return sys::fail(r, "fstat", path_);
    if (const auto size = static_cast<std::uint64_t>(ours.st_size); size < at_) {
        const auto place = std::exchange(at_, 0);
        begin_ = end_ = 0;
        passing_line_ = false;
        return damaged(path_, place, "the log was cut to " + std::to_string(size) + " bytes while reading");
    }
    if (ours.st_nlink == 0 || sys::stat(path_.c_str(), &named) != 0 || named.st_ino != ours.st_ino ||
        named.st_dev != ours.st_dev)
        return fail(Errc::closed, "recv");
    return {};
}

}  // namespace wye
