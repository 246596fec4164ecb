// What `wye clean` is about to do with each object, and what became of it.
#pragma once
#include "wye/core/inventory.hpp"

#include "registry/verdict.hpp"
#include "table.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace wye::cli {

enum class Action : std::uint8_t {
    remove,
    refuse,   // not known well enough, or not this user's to remove
    protect,  // a rule says that it is meant to stay
    hint,     // likely, and only the likely may not go
};
enum class Outcome : std::uint8_t { none, removed, left, failed };
std::string_view name(Outcome) noexcept;

struct PlanRow {
    Item item;
    Judged judged;
    Action action = Action::refuse;
    Outcome outcome = Outcome::none;
    std::string why;  // it is refused, protected, or was left
};

struct PlanOptions {
    std::vector<std::string> kinds;
    bool likely = false;
    std::optional<std::uint32_t> uid;
    std::optional<std::int64_t> since;  // nanoseconds since 1970
    std::chrono::seconds age{600};
    std::vector<Rule> rules;
};

struct Plan {
    std::vector<PlanRow> rows;
    Coverage coverage;
    std::size_t count(Action) const;
    std::size_t done(Outcome) const;
};

/// What is held, and what goes with its last user, is not in it.
Plan make_plan(const PlanOptions&);

/// "2026-11-23T10:00[:SS]" (here), "@1700000000", "2h" (ago); nanoseconds since 1970.
std::optional<std::int64_t> moment_of(const std::string&);

std::string as_table(const Plan&);
std::string explained(const Plan&);
/// "would remove 57 objects, free 260.0M on /dev/shm, 12 semaphores; refuse 3 (unknown)"
std::string summary(const Plan&, bool dry_run);
Json as_json(const Plan&, bool dry_run, const std::string& run);
/// Of one object, for the log: kind, name, identity, owner, verdict and evidence.
Json evidence_of(const PlanRow&);

}  // namespace wye::cli
