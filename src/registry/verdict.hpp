// Whether an object is anybody's, with the evidence: what `wye orphans` shows. Looks, and changes nothing.
#pragma once
#include "wye/core/inventory.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace wye::sys {
struct Snapshot;
}

namespace wye {

enum class Verdict : std::uint8_t {
    held,       ///< somebody has it, or waits for it
    persists,   ///< a rule knows that it is meant to stay
    proven,     ///< the kernel itself says that nobody has it
    likely,     ///< nobody is seen, but of this kind there may be users who cannot be
    unknown,    ///< not enough was seen, or it is too young
    no_matter,  ///< its kind goes with its last user
};
std::string_view name(Verdict) noexcept;

struct Judged {
    Verdict verdict = Verdict::unknown;
    struct Evidence {
        char mark = '+';  ///< '+' for an orphan, '-' against it, '!' what cannot be known
        std::string text;
    };
    std::vector<Evidence> evidence;
};

/// Objects that are meant to outlive whoever uses them: `name` is a shell pattern (fnmatch(3)).
struct PersistRule {
    std::string kind, name, why;
};
/// Those that come with wye, and the lines "KIND PATTERN WHY" of a file, where there is one.
std::vector<PersistRule> persist_rules(const std::string& file = "/etc/wye/persist");

/// `age` is how long an object must have been left alone. The snapshot is the one that the inventory is made of.
Judged judge(const Item&, const Inventory&, const sys::Snapshot&, const std::vector<PersistRule>&,
             std::chrono::seconds age);

}  // namespace wye
