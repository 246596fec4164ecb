// What is amiss on this machine, with the evidence and where to look further: what `wye doctor` shows. Changes nothing.
#pragma once
#include "wye/core/inventory.hpp"

#include "os/limits/limit.hpp"
#include "os/snapshot/snapshot.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace wye {

enum class Severity : std::uint8_t {
    note,     ///< to know; nothing is wrong by itself
    warning,  ///< will be in somebody's way
    bad,      ///< is in somebody's way now
};
std::string_view name(Severity) noexcept;

struct Finding {
    Severity severity = Severity::note;
    std::string_view what;  ///< "deadlock", "limit", "full", ...: one of a few words
    std::string title;      ///< names in it are others', as in the evidence: not escaped
    std::vector<std::string> evidence;
    std::string look;      ///< the command that shows more of it
    std::string next;      ///< the one that would mend it, and without --yes only says how; empty: there is none
    bool passing = false;  ///< may be over in a moment
    std::string about;     ///< by what it is known in another look
};

/// One look at everything.
struct Examined {
    sys::Snapshot seen;
    Inventory all;
    std::vector<Finding> findings;
    bool whole = false;  ///< nothing was out of sight
};

struct ExamineWanted {
    double warn = 80;                                            ///< per cent of a limit
    std::chrono::seconds age{600};                               ///< how long what nobody has must have been left alone
    std::chrono::nanoseconds blocked{std::chrono::seconds(10)};  ///< how long a thread may sleep for another
};

/// The worst first. What may be over in a moment is looked at twice, half a second apart, and told when it is there
/// both times.
Examined examine(const ExamineWanted&);

// Its parts, over one look: each adds what it finds.
struct Look {
    const ExamineWanted& wanted;
    const sys::Snapshot& seen;
    const Inventory& all;
    const sys::Survey* survey;  // null: the limits could not be looked at
    std::vector<Finding>& out;
};
void find_waits(const Look&);   // deadlocks, and who has been blocked for long
void find_queues(const Look&);  // full ones, unread ones, pipes without a reader, descriptors in flight
void find_limits(const Look&);  // what is nearly used up, and memory that is promised and not there
void find_left(const Look&);    // orphans, and rings in which the dead have a place
void find_unseen(const Look&);  // what could not be looked into

/// The command that shows who is at it.
std::string who_command(const Item&);
/// "3 s", "12 min", "2 h", "5 d".
std::string span_text(std::chrono::nanoseconds);
std::string process_text(std::string_view comm, std::int32_t pid);

}  // namespace wye
