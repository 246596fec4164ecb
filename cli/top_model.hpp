// What `wye top` shows: the rows of one look at the machine, what is another than at the look before, in which order,
// and what is left out. It knows no terminal: the screen and the batch mode draw the same model.
#pragma once
#include "filter.hpp"
#include "items.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace wye::sys {
struct Snapshot;
}

namespace wye::cli {

/// What became of an object since the last look.
enum class Change : std::uint8_t { none, fresh, gone, held, let_go, use };

struct TopRow {
    const Item* item = nullptr;
    Change change = Change::none;
    std::optional<double> rate;  ///< of what its use is counted in, a second
};
using TopColumn = Column<TopRow>;

/// By what a row is known from look to look.
struct TopKey {
    std::string_view kind;
    Identity identity;
    std::string name;
    explicit TopKey(const Item& i) : kind(i.kind), identity(i.identity), name(i.name) {}
    bool is(const Item& i) const { return i.kind == kind && i.identity == identity && i.name == name; }
};

struct TopWanted {
    std::vector<std::string> kinds;
    std::optional<std::uint32_t> uid;
    std::vector<Filter> filters;
};

struct TopFollowed {
    std::int32_t pid = 0;
    std::uint64_t start = 0;
    std::uint32_t uid = 0;
    std::string comm;
    bool ended = false;
};

struct NearLimit {
    std::string name, where;
    double percent = 0;
};

/// A line of what is known of one object; `pid` is the process that it tells of.
struct TopDetail {
    std::string text;
    std::int32_t pid = 0;
};

class TopModel {
public:
    explicit TopModel(TopWanted wanted);
    TopModel(const TopModel&) = delete;
    TopModel& operator=(const TopModel&) = delete;

    /// The next look. What was there and is no more stays as a row until the look after this one.
    void take(const sys::Snapshot&, Inventory, std::chrono::nanoseconds since_last);
    void take_limits(std::vector<NearLimit> near) { near_ = std::move(near); }

    /// Those that pass the filters, in order. They hold until the next call that is not const.
    const std::vector<TopRow>& rows() const noexcept { return rows_; }
    /// In the order in which `<` and `>` go through them; the first is the order of the inventory.
    const std::vector<TopColumn>& columns() const noexcept { return columns_; }
    const TopColumn* column(std::string_view key) const noexcept;

    void sort_by(const TopColumn* c) { sort_ = c, arrange(); }
    void sort_next(int step);
    void reverse() { reversed_ = !reversed_, arrange(); }
    std::string sorted_by() const;

    /// A condition as --filter takes it; any other text is looked for in name, kind, use, owner and holders.
    void type_filter(std::string text);
    const std::string& typed() const noexcept { return typed_; }
    bool typed_condition() const noexcept { return condition_.has_value(); }

    /// Only what this process holds or waits for. False when there is no such process.
    bool follow(std::int32_t pid);
    void follow_nobody() { followed_.reset(), arrange(); }
    const std::optional<TopFollowed>& followed() const noexcept { return followed_; }

    const Coverage& coverage() const noexcept { return now_.coverage; }
    std::size_t objects() const noexcept { return now_.items.size(); }
    std::size_t waiting() const noexcept { return waiting_; }
    std::size_t deadlocks() const noexcept { return deadlocks_; }
    const std::vector<std::pair<std::string_view, std::size_t>>& kinds() const noexcept { return kinds_; }
    const std::vector<NearLimit>& near() const noexcept { return near_; }

    /// "posix-mq 3  pipe 40", and the other sums, as lines that may be cut at their end.
    std::string sums() const;
    std::string kinds_line() const;

    static std::vector<TopDetail> details(const Item&);

private:
    void compare(double seconds);
    void count();
    void arrange();
    bool passes(const TopRow&) const;

    TopWanted wanted_;
    std::vector<Column<Item>> item_columns_ = item_columns();
    std::vector<TopColumn> columns_;
    const TopColumn* sort_ = nullptr;
    bool reversed_ = false;
    std::string typed_;
    std::optional<Filter> condition_;
    std::optional<TopFollowed> followed_;
    struct Process {
        std::int32_t pid;
        std::uint64_t start;
        std::uint32_t uid;
        std::string comm;
    };
    std::vector<Process> processes_;
    Inventory before_, now_;
    bool first_ = true;
    std::vector<TopRow> all_, rows_;
    std::size_t waiting_ = 0, deadlocks_ = 0;
    std::vector<std::pair<std::string_view, std::size_t>> kinds_;
    std::vector<NearLimit> near_;
};

/// "new", "gone", "+120/s", "held"; empty where nothing changed.
std::string change_text(const TopRow&);

// What it prints where there is no screen: a look as text, or as a line of JSON.
struct TopMoment {
    std::uint64_t round = 1;
    std::string interval;  // as it was given
};
std::string top_text(const TopModel&, const TopMoment&);
std::string top_line(const TopModel&, const TopMoment&);
/// "15:04:05"
std::string clock_text();

}  // namespace wye::cli
