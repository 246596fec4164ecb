#pragma once
#include "wye/core/framing.hpp"
#include "wye/core/mechanism.hpp"
#include "wye/os/fd.hpp"

namespace wye {

struct FileLogOptions {
    Mode mode = Mode::both;
    Create create = Create::never;
    unsigned permissions = 0600;
    Framing framing = Framing::frame;  ///< frame or lines
    std::size_t max_message = std::size_t{16} << 20;
    bool remote = false;    ///< on a network file system too: sound as long as one machine alone uses it
    bool from_end = false;  ///< read what is written from now on, instead of everything
};

/// An append-only log in a file, that several processes write and several follow: every reader sees every record.
///
/// Not for: a queue (nothing is taken out), network file systems (locks and inotify do not cross them: they are refused
/// with Errc::unsupported unless `remote` says otherwise), unbounded streams (it grows). A record is written whole
/// under a lock, so writers never interleave. In the framing `frame`, all numbers big-endian:
///
///     4 length n | 4 low half of the bytes' XXH3 (64), seeded with n | n bytes | 4 length n again
///
/// The length behind lets a writer check the last record from the end. A writer that dies half way leaves a torn
/// record: a reader at the end reports it once (Errc::corrupt, with its place), and the next writer cuts it off, for
/// nobody ever got it. `lines` is plain text for tail(1); there a torn line cannot be told from a whole one, so the
/// next writer ends it with a newline and nothing is cut. A record whose bytes were damaged later is Errc::corrupt once
/// and then passed over; where the lengths themselves are damaged, reading stays at that place, and writing is refused,
/// with Errc::corrupt. A full disk takes the half-written record back and answers Errc::exhausted. At the end recv()
/// waits, by inotify(7); when the file was removed, renamed or replaced, it gives Errc::closed. When somebody cut the
/// file below the reading place, that is Errc::corrupt once, and reading begins again at the start. Threads: one sender
/// and one receiver an object. After fork: both may go on, each with its own lock and the reading place it had.
class FileLog {
public:
    static constexpr Traits traits{.scheme = "file",
                                   .name = "file",
                                   .timing = Timing::async,
                                   .direction = Direction::both_ways,
                                   .relation = Relation::any,
                                   .boundaries = Boundaries::stream,
                                   .lifetime = Lifetime::filesystem,
                                   .sees_close = false,
                                   .stored = true};

    /// A symbolic link is refused (Errc::mismatch), as is anything but a regular file.
    [[nodiscard]] static Result<FileLog> open(const std::string& path, FileLogOptions = {});

    Result<> send(Bytes, Deadline = Deadline::never());
    Result<MutBytes> recv(MutBytes into, Deadline = Deadline::never());

    std::size_t max_message() const noexcept { return options_.max_message; }
    /// Readable when the file has changed since the last recv() came to its end: recv() until Errc::timed_out before
    /// polling it.
    int native_handle() const noexcept { return watch_.get(); }
    std::uint64_t position() const noexcept { return at_; }  ///< of the next record to be read
    std::uint64_t repaired() const noexcept {
        return repaired_;
    }  ///< torn records that this object's send() has mended

private:
    FileLog(std::string path, FileLogOptions o) : path_(std::move(path)), options_(o) {}
    using Taken = Result<std::optional<MutBytes>>;

    Result<> open_ends();
    Result<> open_to_write();
    Result<> append(Bytes);
    Result<bool> check_end(std::uint64_t size);
    Result<std::uint64_t> last_boundary(std::uint64_t size) const;
    Result<> write_record(Bytes, bool end_line);
    Result<> take_back(long error);
    long cut(std::uint64_t size) const;

    Result<> watch();
    enum class Much { some, all };
    Result<bool> fill(Much);
    Result<> read_at(std::byte* p, std::size_t n, std::uint64_t at) const;
    Taken next_record(MutBytes into);
    Taken next_line(MutBytes into);
    Result<> at_the_end(Deadline);
    Result<> incomplete(Deadline);
    Result<> still_there();

    std::string path_;
    FileLogOptions options_;
    // writing
    Fd write_;
    std::uint64_t write_generation_ = 0;
    std::uint64_t known_end_ = 0;  // a boundary up to which the file was whole when we last had the lock
    std::uint64_t repaired_ = 0;
    // reading
    Fd read_, watch_;
    std::uint64_t read_generation_ = 0;
    std::uint64_t at_ = 0;
    std::unique_ptr<std::byte[]> buffer_;
    std::size_t capacity_ = 0, begin_ = 0, end_ = 0;       // buffer_[begin_, end_) are the file's bytes from at_ on
    std::uint64_t half_ = 0;                               // bytes at the end that are not a whole record
    std::uint64_t torn_at_ = UINT64_MAX, torn_bytes_ = 0;  // reported already
    bool passing_line_ = false;                            // the rest of a line that was too big
};

extern const Mechanism file_log_mechanism;

static_assert(Sender<FileLog> && Receiver<FileLog> && Pollable<FileLog> && !HalfCloser<FileLog>);

}  // namespace wye
