#pragma once
#include "wye/core/segment.hpp"

#include <memory>
#include <string>

namespace wye {

struct FileMapOptions : SegmentOptions {
    bool prefault = true;  ///< read every page in at open; without it a page that cannot be read later is SIGBUS
};

/// How much flush() waits for.
enum class Flush : std::uint8_t {
    started,  ///< nothing: what was written is in the file for every reader, and the kernel writes it out in its time
    on_disk,  ///< all of it is on the disk, and survives a power failure
};

/// An ordinary file as memory, to be read only or shared with all who have it mapped or open.
///
/// What is written here is at once what read(2) finds, also after our death: a killed writer loses nothing that it
/// wrote; a power failure what was not flushed.
///
/// Not for: messages (FileLog), files that others may cut off: a page beyond the new end raises SIGBUS at the next
/// touch, and so does a disk that fails; retired() and whole() look, they cannot prevent. Before it is mapped to be
/// written its holes are given room, so a full disk is Errc::exhausted here; a file system that copies what it writes
/// (btrfs) or cannot allocate (some network ones: Errc::unsupported) cannot promise that. A file is made with its whole
/// size and content at once, or not at all; that takes a file system with O_TMPFILE (ext4, xfs, btrfs, tmpfs).
///
/// Threads: the pages are everybody's; grow() one thread's. After fork: both processes have it. After exec: gone.
/// mmap(2), msync(2), fallocate(2).
class FileMap {
public:
    static constexpr Traits traits{.scheme = "file-map",
                                   .name = "mapped file",
                                   .timing = Timing::async,
                                   .boundaries = Boundaries::stream,
                                   .lifetime = Lifetime::filesystem,
                                   .pollable = false,
                                   .ordered = false,
                                   .lossless = false,
                                   .sees_close = false,
                                   .empty_messages = false,
                                   .many_writers = false};

    /// Follows symbolic links, as open(2) does. `size`: what is there and smaller is Errc::mismatch; 0 maps it as it
    /// is, also when it is empty.
    [[nodiscard]] static Result<FileMap> open(const std::string& path, FileMapOptions = {}, const FillSegment& = {});
    FileMap(FileMap&&) noexcept;
    FileMap& operator=(FileMap&&) noexcept;
    ~FileMap();

    Bytes bytes() const noexcept;
    MutBytes mut_bytes() noexcept;
    std::size_t size() const noexcept { return bytes().size(); }

    /// Makes the file at least this large, with room for all of it, and maps it anew: what bytes() answered before is
    /// no longer valid. Errc::exhausted leaves all as it was.
    Result<> grow(std::size_t size);
    Result<> flush(Flush = Flush::on_disk);

    /// Removed, or replaced by another of its name.
    Result<bool> retired() const;
    /// Whether the file still has all that is mapped here.
    Result<bool> whole() const;

private:
    struct State;
    explicit FileMap(std::unique_ptr<State>) noexcept;
    std::unique_ptr<State> state_;
};

static_assert(SharedMemory<FileMap>);

}  // namespace wye
