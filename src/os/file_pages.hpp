// A file of shared pages: made whole or not at all, and never touched where it has no room.
#pragma once
#include "wye/base/bytes.hpp"
#include "wye/base/error.hpp"
#include "wye/os/fd.hpp"

#include "os/memory.hpp"

#include <functional>
#include <string>

namespace wye::sys {

struct FilePages {
    Fd fd;
    Mapping pages;
};

struct NewFile {
    std::string path;
    std::size_t size = 0;
    unsigned permissions = 0600;  // exact, whatever the umask
    bool dirty = true;            // prefault by writing; of a file on a disk that would write all of it out
};

/// Made without a name (O_TMPFILE), given room, filled, and then its name: who opens it finds all of it, and who is
/// killed before that leaves nothing. Errc::already_exists when the name is taken.
Result<FilePages> make_file_pages(const NewFile&, const std::function<void(MutBytes)>& fill);

/// Room for all of [from, to) in the file, and its size at least `to`: Errc::exhausted where there is none.
Result<> give_room(int fd, std::size_t from, std::size_t to, std::string_view subject);

/// Every page there, or Errc::exhausted.
Result<> prefault(const Mapping&, bool write, std::string_view subject);

/// Opened to map it, and known to be a file (Errc::mismatch: a FIFO, a directory, with O_NOFOLLOW a symbolic link).
/// Never waits, whatever lies there.
Result<Fd> open_file_pages(const std::string& path, bool writable, int flags, struct stat&);

/// Whether the file has lost its last name.
Result<bool> nameless(int fd);

}  // namespace wye::sys
