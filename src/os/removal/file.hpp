// Files out of the way: shared memory, semaphores, pid files, FIFOs, sockets. Nobody who comes in the middle of it is
// left with a file that has no name.
//
// Where the kernel has leases, one is held from the look to the end: it is given only when nobody has the file, and
// lost when somebody opens it, who then waits for us. The file gets another name beside its own; who had found the name
// before and comes a moment later is seen by the lost lease, and has the name again before he goes on.
#pragma once
#include "wye/os/fd.hpp"

#include "os/removal/relic.hpp"

namespace wye::sys {

/// What lies at `path` below the directory, if it is that file and has not changed since; `aside` is the name it shall
/// get. Errc::not_found, Errc::mismatch. Opens nothing but the directory.
Result<Relic> find_file(const std::string& directory, const std::string& file, std::string aside);

/// Files "PREFIX..." beside it, as find_file() has them.
Result<std::vector<std::string>> files_beside(const std::string& directory, const std::string& prefix);

/// How long who has found a name may take to open it.
inline constexpr std::int64_t late_opener = 20'000'000;  // nanoseconds

/// A file that has its other name, for as long as it takes to know that nobody comes for it.
class Aside {
public:
    /// Errc::busy: somebody has it, or came for it: it has its name. Errc::mismatch: by now the name is another file's.
    /// `free` is asked of what has no lease; without it, such a file is refused (Errc::unsupported).
    static Result<Aside> take(const Relic&, const StillFree& free);

    /// To be asked again and again, for at least `late_opener`. Errc::busy: somebody came, and it has its name again.
    Result<> still_alone() const;

    /// The end, asked as above. Keeps the contents in `store` if the relic has a name for them, and removes the file
    /// unless it stays. Whatever fails, it has its name again.
    Result<> settle(int store, const StillFree& free) const;

    /// Its name again.
    Result<> give_back() const;

    const Relic& relic() const noexcept { return relic_; }

private:
    Aside(Relic r, Fd directory, Fd file, bool leased)
        : relic_(std::move(r)), directory_(std::move(directory)), file_(std::move(file)), leased_(leased) {}
    Result<> keep(int store) const;
    bool intact() const noexcept;
    Relic relic_;
    Fd directory_, file_;
    bool leased_;
};

/// Whether it lies under its other name.
bool is_aside(const Relic&);

Result<std::vector<std::string>> put_back_file(const Relic&, int store);
Result<> forget_file(const Relic&, int store);

}  // namespace wye::sys
