#pragma once
#include "wye/base/error.hpp"
#include "wye/os/fd.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace wye {

/// A directory of one's own (0700), gone with everything in it when this is dropped.
///
/// Where: in the directory given, else in $XDG_RUNTIME_DIR, $TMPDIR or /tmp, the first that can be written; a name that
/// nobody guesses.
///
/// Cleaning removes what is in it whoever made it and whatever it is called, and nothing else: no symbolic link is
/// followed, no other file system entered (what is mounted inside stays, and remove() says so), a directory swapped for
/// a link meanwhile is taken for the link it is. Depth does not matter, PATH_MAX neither, and two descriptors are
/// enough. A directory of ours without permissions is given them first.
///
/// A process that is killed leaves it: nobody cleans after SIGKILL but who started us, or the next boot. After fork()
/// it is the parent's, and the child does not clean. Threads: as an int.
class TempDir {
public:
    /// `prefix` begins its name. Errc::denied, Errc::exhausted, or Errc::not_found for a `directory` that is not there.
    [[nodiscard]] static Result<TempDir> make(std::string_view prefix = "wye", const std::string& directory = "");
    TempDir(TempDir&&) noexcept;
    TempDir& operator=(TempDir&&) noexcept;
    ~TempDir();

    const std::string& path() const noexcept { return path_; }

    /// A file in it, found by its one name: no '/', not ".." (Errc::bad_address), and no symbolic link
    /// (Errc::mismatch).
    Result<Fd> create(std::string_view name, unsigned permissions = 0600) const;  ///< Errc::already_exists
    Result<Fd> open(std::string_view name) const;                                 ///< to read and write
    /// The directory itself: O_RDONLY, for the calls that end in `at`.
    int native_handle() const noexcept { return self_.get(); }

    /// Cleans now, and says what could not be removed. What can be is.
    Result<> remove();
    /// Leaves it there for good.
    void keep() noexcept;

private:
    TempDir() = default;
    std::string path_, name_;
    Fd self_, parent_;
    std::uint64_t generation_ = 0;
};

}  // namespace wye
