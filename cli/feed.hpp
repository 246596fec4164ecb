// Standard input or a file into a pattern, a message at a time: what pub and put have in common.
#pragma once
#include "wye/pattern/options.hpp"

#include "command.hpp"

namespace wye::cli {

struct Feed {
    std::string uri, file = "-", timeout;
    bool lines = false, nul = false, json = false, quiet = false;

    /// The words of every such verb; `where` is for people.
    void define(Arguments&, const char* where);
    /// nullopt after a complaint.
    std::optional<Deadline> deadline(const char* verb) const;

    using Send = std::function<Result<>(Bytes, std::uint64_t number, Deadline)>;
    /// All of the input; then `finish`, which returns when it has arrived. The exit code.
    int run(const char* verb, std::size_t most, Deadline, const Send&,
            const std::function<Result<>(Deadline)>& finish) const;
};

/// `none`, `process` or `power`; nullopt after a complaint.
std::optional<Durability> durability_of(const char* verb, const std::string&);
/// A size, or 0 where it is empty; nullopt after a complaint.
std::optional<std::size_t> size_of(const char* verb, const char* option, const std::string&);

}  // namespace wye::cli
