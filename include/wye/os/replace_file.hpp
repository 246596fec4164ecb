#pragma once
#include "wye/base/bytes.hpp"
#include "wye/base/error.hpp"

#include <optional>
#include <string>

namespace wye {

struct ReplaceOptions {
    std::optional<unsigned> permissions{};  ///< otherwise those of the file that is replaced, and 0644 for a new one
    bool durable = true;  ///< flushed before the name changes, and the directory after it: survives a power cut
};

/// The file has these contents, in one step: who opens it meanwhile, or after this process was killed at any moment,
/// finds the old contents or the new ones, whole.
///
/// The new file is written beside the old one, without a name where the file system can do that (O_TMPFILE), and takes
/// its name at the end. On any error, a full disk among them (Errc::exhausted; Errc::too_big at RLIMIT_FSIZE), the old
/// file is as it was and nothing is left beside it. Killed in the instant before the rename, it can leave a file
/// `.NAME.wye-...`, which nobody reads.
///
/// It is a new file: other hard links keep the old contents, whoever has it open reads on in the old one, a lock on it
/// does not move, and it belongs to this user. A symbolic link is itself replaced; a directory, a device, a FIFO
/// or a socket stays as it is (Errc::mismatch). Of two replacements at once the
/// later wins whole. Without `durable` the step is atomic for processes and not for power cuts, and some ten times
/// faster. After a failed flush (EIO) the old file stays. rename(2), open(2) O_TMPFILE, fsync(2).
[[nodiscard]] Result<> replace_file(const std::string& path, Bytes contents, ReplaceOptions = {});

}  // namespace wye
