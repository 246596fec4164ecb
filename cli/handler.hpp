// A program that handles messages: each is its standard input.
#pragma once
#include "wye/process/command.hpp"

#include "command.hpp"

namespace wye::cli {

struct Handler {
    std::vector<std::string> argv;

    /// The words behind `--`; false after a complaint. `may_lack`: there need be none.
    bool take(std::vector<std::string> words, const char* verb, const char* usage, bool may_lack);

    using Environment = std::vector<std::pair<std::string, std::string>>;
    /// Runs it to its end; ended when the deadline passes or Ctrl-C comes (Errc::timed_out, Errc::closed). `tick` is
    /// called every fifth of a second meanwhile, and an error of it ends the program.
    Result<wye::Output> run(Bytes input, Target out, const Environment&, Deadline,
                            const std::function<Result<>()>& tick = {}) const;
    std::string shown(const wye::Exit&) const;  ///< `convert: exit status 3`
};

}  // namespace wye::cli
