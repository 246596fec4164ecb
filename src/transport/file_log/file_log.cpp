// An append-only log: opening, and reading. Writing is in append.cpp.
#include "wye/transport/file_log.hpp"

#include "os/errno.hpp"
#include "os/fork.hpp"
#include "os/transfer.hpp"
#include "os/wait.hpp"
#include "record.hpp"

namespace wye {
namespace {

constexpr std::size_t first_capacity = 64 * 1024;

std::unexpected<Error> damaged(const std::string& path, std::uint64_t at, const std::string& what) {
    return refuse(Errc::corrupt, path + ": " + what + " at byte " + std::to_string(at));
}

Result<Fd> checked(long r, const std::string& path) {
    if (r == -ELOOP) return refuse(Errc::mismatch, path + ": is a symbolic link; a log is opened by its own name");
    if (r < 0) return sys::fail(r, "open", path);
    Fd fd(static_cast<int>(r));
    struct stat s{};
    if (sys::fstat(fd.get(), &s) != 0 || !S_ISREG(s.st_mode)) return refuse(Errc::mismatch, path + ": is not a regular file");
    return fd;
}

// O_NONBLOCK, for what turns out to be a FIFO must not hold us; it means nothing to a file.
constexpr int safely = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;

Result<> create(const std::string& path, const FileLogOptions& o) {
    const long r = sys::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | safely, o.permissions);
    if (r == -EEXIST && o.create == Create::if_missing) return {};
    if (r < 0) return sys::fail(r, "open", path);
    const Fd fd(static_cast<int>(r));
    const long c = sys::fchmod(fd.get(), o.permissions);  // the umask took bits away
    if (c < 0) (void)sys::unlink(path.c_str());
    return c < 0 ? Result<>(sys::fail(c, "chmod", path)) : Result<>();
}

}  // namespace

Result<FileLog> FileLog::open(const std::string& path, FileLogOptions o) {
    if (o.framing != Framing::frame && o.framing != Framing::lines)
        return refuse(Errc::unsupported, "a log keeps records as frame or lines, not " + std::string(name(o.framing)));
    if (o.create != Create::never) WYE_CHECK(create(path, o));
    FileLog log(path, o);
    if (o.mode != Mode::read) WYE_CHECK(log.open_to_write());
    if (o.mode == Mode::write) return log;
    WYE_TRY(log.read_, checked(sys::open(path.c_str(), O_RDONLY | safely), path));
    const long w = sys::inotify_init();
    if (w == -EMFILE) return refuse(Errc::exhausted, "inotify_init: this user has all the inotify objects he may (/proc/sys/fs/inotify/max_user_instances)");
    if (w < 0) return sys::fail(w, "inotify_init");
    log.watch_ = Fd(static_cast<int>(w));
    // By the descriptor, so that it is this very file, whatever has the name now.
    const auto self = "/proc/self/fd/" + std::to_string(log.read_.get());
    const long r = sys::inotify_add_watch(log.watch_.get(), self.c_str(), IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF);
    if (r < 0) return sys::fail(r, "inotify_add_watch", path);
    struct stat s{};
    if (o.from_end && sys::fstat(log.read_.get(), &s) == 0) log.at_ = static_cast<std::uint64_t>(s.st_size);
    return log;
}

Result<> FileLog::open_to_write() {
    WYE_TRY(write_, checked(sys::open(path_.c_str(), O_RDWR | O_APPEND | safely), path_));
    write_generation_ = sys::fork_generation();
    limited_ = sys::file_size_limited();
    return {};
}

// ---------------------------------------------------------------- reading

// The file's bytes from at_ on, read anew: what was read before may have been cut off by a repair since.
Result<> FileLog::fill() {
    if (!buffer_) buffer_ = std::make_unique_for_overwrite<std::byte[]>(capacity_ = first_capacity);
    begin_ = end_ = 0;
    for (;;) {
        const long n = sys::pread(read_.get(), buffer_.get() + end_, capacity_ - end_, static_cast<off_t>(at_ + end_));
        if (n == -EINTR) continue;
        if (n < 0) return sys::fail(n, "read", path_);
        end_ += static_cast<std::size_t>(n);
        if (n == 0 || end_ == capacity_) return {};
    }
}

Result<MutBytes> FileLog::recv(MutBytes into, Deadline deadline) {
    if (read_ == nullptr) return fail(Errc::unsupported, "recv");
    for (bool fresh = false;; fresh = true) {
        half_ = false;
        if (end_ > begin_) {
            auto taken = options_.framing == Framing::frame ? next_record(into) : next_line(into);
            if (!taken) return std::unexpected(std::move(taken).error());
            if (*taken) return **taken;
        }
        if (!fresh) {
            WYE_CHECK(fill());
            if (end_ > 0) continue;
        }
        WYE_CHECK(half_ ? incomplete(deadline) : at_the_end(deadline));
        WYE_CHECK(fill());
    }
}

FileLog::Taken FileLog::next_record(MutBytes into) {
    using namespace file_log;
    const auto held = end_ - begin_;
    const auto* p = buffer_.get() + begin_;
    half_ = true;
    if (held < head_size) return std::nullopt;
    const auto head = decode_head(p);
    const auto whole = std::size_t{head.length} + around;
    std::byte* payload = into.data();
    std::uint32_t tail = 0;
    if (held >= whole) {
        tail = decode_be32(std::span<const std::byte, 4>(p + head_size + head.length, 4));
    } else {
        struct stat s{};
        if (sys::fstat(read_.get(), &s) != 0 || static_cast<std::uint64_t>(s.st_size) < at_ + whole) {
            // More than any writer of ours would write, or not yet all there.
            if (head.length > FrameHeader::max_length) return damaged(path_, at_, "no record");
            return std::nullopt;
        }
        std::byte last[tail_size];
        if (sys::pread(read_.get(), last, sizeof last, static_cast<off_t>(at_ + head_size + head.length)) != tail_size) return std::nullopt;
        tail = decode_be32(last);
    }
    if (tail != head.length) return damaged(path_, at_, "no record");
    half_ = false;
    if (head.length > options_.max_message) {
        at_ += whole;
        begin_ = end_ = 0;
        return fail(Errc::too_big, "recv");
    }
    if (head.length > into.size()) return fail(Errc::too_big, "recv");
    if (held >= whole) {
        if (head.length > 0) std::memcpy(payload, p + head_size, head.length);
        begin_ += whole;
    } else {
        for (std::size_t got = 0; got < head.length;) {
            const long n = sys::pread(read_.get(), payload + got, head.length - got, static_cast<off_t>(at_ + head_size + got));
            if (n == -EINTR) continue;
            if (n <= 0) return n == 0 ? Taken(damaged(path_, at_, "no record")) : Taken(sys::fail(n, "read", path_));
            got += static_cast<std::size_t>(n);
        }
        begin_ = end_ = 0;
    }
    const auto place = at_;
    at_ += whole;
    const auto message = into.first(head.length);
    if (checksum(message) != head.sum) return damaged(path_, place, "a damaged record of " + std::to_string(head.length) + " bytes");
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
            half_ = true;
            if (held < capacity_) return std::nullopt;
            const auto larger = capacity_ * 2;  // the line is longer than the buffer, and below the limit
            buffer_ = std::make_unique_for_overwrite<std::byte[]>(capacity_ = larger);
            WYE_CHECK(fill());
            if (end_ - begin_ == held) return std::nullopt;
            continue;
        }
        if (at_ == torn_at_ && n == torn_bytes_) {  // reported as torn before its end was put there
            step(n + 1);
            torn_at_ = UINT64_MAX;
            if (begin_ == end_) return half_ = false, std::nullopt;
            continue;
        }
        if (n > into.size()) return half_ = false, fail(Errc::too_big, "recv");
        if (n > 0) std::memcpy(into.data(), p, n);
        step(n + 1);
        half_ = false;
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
    if (bytes != end_ - begin_ && bytes <= capacity_) return {};  // it was finished, or mended, meanwhile
    if (torn_at_ == at_ && torn_bytes_ == bytes) return at_the_end(deadline);
    torn_at_ = at_;
    torn_bytes_ = bytes;
    return damaged(path_, at_, "a torn last record: its writer died after " + std::to_string(bytes) + " bytes of it,");
}

Result<> FileLog::at_the_end(Deadline deadline) {
    if (gone()) return fail(Errc::closed, "recv");
    if (deadline.is_now()) return fail(Errc::timed_out, "recv");
    // Events that came while we read are in the queue: a change is never slept through.
    WYE_CHECK(sys::wait_ready(watch_.get(), POLLIN, deadline));
    alignas(inotify_event) char events[4096];
    (void)sys::read(watch_.get(), events, sizeof events);
    return {};
}

bool FileLog::gone() const {
    struct stat ours{}, named{};
    if (sys::fstat(read_.get(), &ours) != 0 || ours.st_nlink == 0) return true;
    return sys::stat(path_.c_str(), &named) != 0 || named.st_ino != ours.st_ino || named.st_dev != ours.st_dev;
}

// ---------------------------------------------------------------- the room's table

namespace {

constexpr std::string_view example = "file:/var/tmp/events";
constexpr Param params[] = {{"framing", "frame|lines", "how records are kept apart (default frame)"},
                            {"max", "SIZE", "largest record (default 16M)"},
                            {"from", "start|end", "where reading begins (default start)"}};

Result<FileLog> open_log(const Uri& uri, const OpenOptions& how) {
    static constexpr std::string_view framings[] = {"frame", "lines"}, from[] = {"start", "end"};
    if (uri.address().empty()) return uri.refuse("no path", example);
    FileLogOptions o{.mode = how.mode, .create = how.create, .permissions = how.permissions};
    WYE_TRY(const auto framing, uri.choice("framing", framings));
    WYE_TRY(const auto place, uri.choice("from", from));
    WYE_TRY(o.max_message, uri.size("max", o.max_message));
    if (o.max_message == 0 || o.max_message > FrameHeader::max_length) return uri.refuse("max must be from 1 to 1G (less one byte)", "max=16M");
    o.framing = framing == 0 ? Framing::frame : Framing::lines;
    o.from_end = place == 1;
    return FileLog::open(std::string(uri.address()), o);
}

Result<Channel> open(const Uri& uri, const OpenOptions& how, Deadline) {
    WYE_TRY(auto log, open_log(uri, how));
    return Channel(std::move(log));
}

Result<> make(const Uri& uri, const OpenOptions& how) {
    auto log = open_log(uri, how);
    return log ? Result<>() : std::unexpected(log.error());
}

Result<> remove(const Uri& uri) {
    const std::string path(uri.address());
    struct stat s{};
    if (const long r = sys::lstat(path.c_str(), &s); r < 0) return sys::fail(r, "unlink", path);
    if (!S_ISREG(s.st_mode)) return refuse(Errc::mismatch, path + ": is not a regular file");
    const long r = sys::unlink(path.c_str());
    return r < 0 ? Result<>(sys::fail(r, "unlink", path)) : Result<>();
}

std::vector<std::string> scratch(const std::string& directory) { return {"file:" + directory + "/log-" + std::to_string(sys::unique_mark())}; }

}  // namespace

const Mechanism file_log_mechanism{
    .traits = FileLog::traits,
    .summary = "an append-only log that several processes write and follow",
    .example = example,
    .params = params,
    .open = open,
    .make = make,
    .remove = remove,
    .scratch = scratch,
};

}  // namespace wye
