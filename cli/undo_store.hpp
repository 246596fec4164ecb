// The runs of `wye clean` as JSON lines: their manifests, and the log of what was done. docs/cleaning.md has the
// fields.
#pragma once
#include "wye/core/inventory.hpp"

#include "os/removal/relic.hpp"
#include "os/removal/store.hpp"
#include "table.hpp"

#include <optional>
#include <string>
#include <vector>

namespace wye::cli {

/// Where runs are kept: what was asked for, else the state directory of this user.
Result<std::string> store_path(const std::string& asked);

std::int64_t now_ns();
/// Who does this: as whom, and who that was before sudo(8).
Json whoami();

/// The first line of a manifest.
Json run_header(const std::string& id, std::int64_t until);
Json entry_line(std::size_t n, const Item&, const std::vector<sys::Relic>&);
Json state_line(std::size_t n, std::string_view state, const std::string& why);

enum class State : std::uint8_t {
    begun,  // and nothing more is known: whoever did it died
    removed,
    left,
    failed,
    restored,
};

/// What a manifest says of one object.
struct Entry {
    std::size_t n = 0;
    std::string kind, name;
    std::vector<sys::Relic> relics;
    State state = State::begun;
    /// Whether there is something to put back.
    bool open() const;
};

struct RunFile {
    std::string id;
    std::int64_t begun = 0, until = 0;
    std::string user;
    std::vector<Entry> entries;
    std::uint64_t bytes() const;  // of what can be put back
};

/// Lines that cannot be read are of who died while writing them, and are passed over.
RunFile parse_manifest(const std::string& id, const std::string& text);

/// A line of the log: what happened to an object of this run.
void log_event(const sys::Store&, std::string_view event, const std::string& run, const Json& what);

/// Runs whose time is over, for good. What somebody has by now gets its name back.
void drop_expired(const sys::Store&);

}  // namespace wye::cli
