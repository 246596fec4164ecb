// What is known of programs whose objects outlive whoever uses them, and what the administrator says of his own.
#pragma once
#include "wye/base/error.hpp"
#include "wye/core/inventory.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace wye::sys {
struct Snapshot;
}

namespace wye {

/// A line of a file of rules. The first that matches an object and holds is its rule.
struct Rule {
    std::string kind = "*", name = "*";  ///< kinds, with commas; a shell pattern (fnmatch(3)) of its name
    std::string why;
    enum class What : std::uint8_t {
        protect,   ///< it is meant to stay
        claim,     ///< it is a program's: held while that lives
        ordinary,  ///< neither, whatever later rules say
    } what = What::protect;
    std::string user;  ///< its owner; empty: whoever
    /// Whom that is; asked for when it matters, for it may cost more than all else: null before, then empty if nobody.
    mutable std::optional<std::optional<std::uint32_t>> uid;
    std::optional<std::pair<std::uint32_t, std::uint32_t>> keys;  ///< of System V: from, to
    std::string alive;  ///< "process:GLOB", "mpi", "postmaster"; empty: always
    std::string where;  ///< "/etc/wye/rules.d/a.conf:3"
    bool matches(const Item&) const;
};

/// The lines of a text that stands in the file `file`. The error names the line and shows a right one.
Result<std::vector<Rule>> parse_rules(std::string_view text, const std::string& file);

/// Those of `more` (a file; may be empty), of /etc/wye/rules.d/*.conf in the order of their names, of /etc/wye/persist,
/// and at last those that wye has built in. What is not there is no error; what cannot be read or is wrong is one.
Result<std::vector<Rule>> read_rules(const std::string& more = {});

/// Those that wye has built in: the text of src/registry/rules.conf.
std::string_view built_in_rules() noexcept;

/// What Rule::alive asks, of the processes that were seen.
struct Life {
    enum class Is : std::uint8_t { no, yes, untold } is = Is::no;
    std::string text;  ///< who lives, or why it is not told
};
Life life_of(const Rule&, const Item&, const sys::Snapshot&);

}  // namespace wye
