// Takes away what nobody has any more, one object after the other, and only what is still so at that moment.
#pragma once
#include "wye/core/inventory.hpp"

#include "os/removal/file.hpp"
#include "registry/verdict.hpp"

#include <chrono>
#include <deque>
#include <functional>
#include <string>
#include <vector>

namespace wye {

/// What a removal gives in place of a name: names that begin so are never removed by it.
inline constexpr std::string_view aside_prefix = ".wye-undo-";

/// Of the kinds of which something is removed: all that outlive their users, but directories and namespaces.
bool is_removable(const Item&);

/// What speaks against the removal of an object whatever else is known: processes outside of this pid namespace may
/// have it, and could not be seen; empty where nothing does.
std::string unseen_users(const Judged&);

/// What decided against an orphan; else what cannot be known; else what is known.
std::string reason(const Judged&);

/// Whether it is the name of an object that a run has set aside.
bool is_set_aside(const Item&);

class Cleaner {
public:
    struct Options {
        bool likely = false;            ///< also what is only likely to be nobody's
        bool keep = true;               ///< for `wye undo`
        std::chrono::seconds age{600};  ///< how long it must have been left alone
        std::vector<Rule> rules;
        std::string run;  ///< its id, for the names of what is set aside
        int store = -1;   ///< the directory of the run
    };
    enum class Outcome : std::uint8_t {
        removed,
        left,    ///< somebody has it by now, or it is not what it was
        failed,  ///< it could not be done
    };
    /// Who writes it down. `begins` before anything is done to the object; when it fails, nothing is. `ended` comes
    /// once for each, maybe after others were begun.
    struct Observer {
        std::function<Result<>(std::size_t n, const Item&, const std::vector<sys::Relic>&)> begins;
        std::function<void(std::size_t n, Outcome, const std::string& why)> ended;
    };

    Cleaner(Options options, Observer observer) : o_(std::move(options)), observer_(std::move(observer)) {}
    /// What the object was judged when it was planned is judged again, by the kernel itself where it gives leases.
    void remove(std::size_t n, const Item&);
    /// What was begun is ended. To be called once, at the end.
    void finish();

private:
    // Files that have another name for a moment, to see who comes for them.
    struct Pending {
        std::size_t n;
        std::vector<sys::Aside> files;
        std::int64_t since;
    };
    Result<> still_so(const Item&) const;
    Result<std::vector<sys::Relic>> relics(std::size_t n, const Item&) const;
    Result<> take(std::size_t n, std::vector<sys::Relic>);
    Result<> settle(const Pending&) const;
    void look_after();
    void tend();
    void end(std::size_t n, const Result<>&);

    Options o_;
    Observer observer_;
    std::deque<Pending> pending_;
};

}  // namespace wye
