// An inventory's items as rows and as JSON: what `ls` and `who` share.
#pragma once
#include "wye/registry/inventory.hpp"

#include "registry/states.hpp"
#include "registry/verdict.hpp"
#include "table.hpp"
#include "user_name.hpp"

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace wye::cli {

// The exit codes of the verbs that look at the whole machine, which a monitor can act upon. Wrong usage stays 2, with
// one line on standard error and nothing on standard output.
enum ViewExit : int {
    view_nothing = 0,
    view_found = 1,
    view_partial = 2,  // whatever was found, something could not be looked into
    view_error = 3,
};
int view_exit(const Coverage&, bool found) noexcept;
int view_exit(bool whole, bool found) noexcept;

Json json_of(const Item&);
Json json_of(const Coverage&);

/// `coverage: 94 processes, 1 unreadable (1 process_api); ipc ns 2/2, ...`
std::string coverage_line(const Coverage&);

/// Judges items when their verdict is asked for, each once: to ask is not free.
class Verdicts {
public:
    /// `verb` is who complains of wrong rules; then everything is protected.
    explicit Verdicts(std::string_view verb) : verb_(verb) {}
    /// The snapshot must outlive it.
    void about(const sys::Snapshot& seen, const Coverage& coverage, std::chrono::nanoseconds age);
    const Judged& of(const Item&) const;

private:
    std::string_view verb_;
    const sys::Snapshot* seen_ = nullptr;
    Inventory all_;
    std::chrono::seconds age_{};
    mutable std::optional<std::vector<Rule>> rules_;
    mutable std::map<std::tuple<std::string_view, Identity, std::string>, Judged> done_;
};

/// "orphan (proven)", "held"; or what ails it.
std::string verdict_text(const Item&, const Judged&);
/// Adds "verdict", "class", "diagnosis" and "evidence".
void add_verdict(Json&, const Item&, const Judged&);

/// Without verdicts, that column says only what is held.
std::vector<Column<Item>> item_columns(const Verdicts* = nullptr);
/// Those that are shown unless others are asked for.
std::vector<std::string> usual_columns();

/// "sim[22418] sim[22430] +2, <- semop rx[501]"; the process `self` is called that.
std::string holders_text(const Item&, std::int32_t self = 0);

/// "8.0K", "4.0M", "32".
std::string short_size(std::uint64_t bytes);

}  // namespace wye::cli
