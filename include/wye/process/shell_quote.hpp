#pragma once
#include "wye/base/error.hpp"

#include <span>
#include <string>
#include <string_view>

namespace wye {

/// One argument as a word of POSIX sh (sh, dash, bash, ksh, zsh; not csh and not fish): for the day a shell cannot be
/// avoided, as with ssh(1), which hands its arguments to one. Where a program can be started by argv, start it by argv
/// (wye/process/command.hpp).
///
/// Any bytes but zero come back exactly, newlines and what is not UTF-8 too; a plain word stays as it is. What quoting
/// cannot do: keep a program from taking "-x" for an option (put `--` before it), or survive a second shell (quote once
/// for each). Errc::bad_address for a zero byte, which no argument can hold.
[[nodiscard]] Result<std::string> shell_quote(std::string_view argument);

/// argv as one line: the words quoted, with spaces between.
[[nodiscard]] Result<std::string> shell_join(std::span<const std::string> argv);

}  // namespace wye
