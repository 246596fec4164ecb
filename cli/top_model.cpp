#include "top_model.hpp"

#include "wye/base/text.hpp"

#include "os/snapshot/snapshot.hpp"
#include "registry/waits.hpp"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <tuple>

namespace wye::cli {
namespace {

// What its use is counted in: the first of these that it has, else its memory.
struct Counted {
    double n = 0;
    bool bytes = false;
};
std::optional<Counted> counted(const Item& i) {
    for (const auto* name : {"messages", "attaches", "count", "value", "backlog", "queued", "descriptors_in_flight"})
        if (const auto* n = fact(i, name)) return Counted{static_cast<double>(*n), false};
    if (i.allocated) return Counted{static_cast<double>(*i.allocated), true};
    return {};
}

auto key_of(const Item& i) {
    return std::tuple<std::string_view, const Identity&, const std::string&>(i.kind, i.identity, i.name);
}
bool before(const Item* a, const Item* b) { return key_of(*a) < key_of(*b); }

std::vector<const Item*> in_order(const std::vector<Item>& items) {
    std::vector<const Item*> all;
    all.reserve(items.size());
    for (const auto& i : items) all.push_back(&i);
    std::ranges::sort(all, before);
    return all;
}

TopRow changed(const Item& was, const Item& is, double seconds) {
    TopRow r{.item = &is, .change = Change::none, .rate = {}};
    if (was.held() != is.held())
        r.change = is.held() ? Change::held : Change::let_go;
    else if (was.use != is.use || was.allocated != is.allocated)
        r.change = Change::use;
    const auto a = counted(was), b = counted(is);
    if (a && b && a->n != b->n && a->bytes == b->bytes && seconds > 0) r.rate = (b->n - a->n) / seconds;
    return r;
}

bool is_of(const Item& i, std::int32_t pid) {
    return std::ranges::find(i.holders, pid, &Holder::pid) != i.holders.end() ||
           std::ranges::find(i.waiters, pid, &Waiter::pid) != i.waiters.end();
}

bool says(const Item& i, const std::string& text) {
    const auto has = [&](std::string_view s) { return s.contains(text); };
    return has(i.kind) || has(i.name) || has(i.use) || (i.uid && has(user_name(*i.uid))) ||
           std::ranges::any_of(i.holders, has, &Holder::comm) || std::ranges::any_of(i.waiters, has, &Waiter::comm);
}

std::string rate_text(const TopRow& r) {
    const auto c = counted(*r.item);
    const auto n = std::abs(*r.rate);
    const auto amount = c && c->bytes ? short_size(static_cast<std::uint64_t>(n))
                        : n < 10      ? fmt::format("{:.2g}", n)
                                      : fmt::format("{:.0f}", n);
    return fmt::format("{}{}/s", *r.rate < 0 ? "-" : "+", amount);
}

std::vector<TopColumn> columns_over(const std::vector<Column<Item>>& items) {
    std::vector<TopColumn> all;
    for (const auto& c : items) {
        if (std::string_view(c.key) == "verdict") continue;  // "state" says more
        auto text = c.text ? TopColumn::Text([t = c.text](const TopRow& r) { return t(*r.item); }) : TopColumn::Text();
        if (std::string_view(c.key) == "holders")
            text = [self = ::getpid()](const TopRow& r) { return holders_text(*r.item, self); };
        if (std::string_view(c.key) == "size")
            text = [](const TopRow& r) { return r.item->size ? short_size(*r.item->size) : "-"; };
        const bool right = std::string_view(c.key) == "size" || std::string_view(c.key) == "age";
        all.emplace_back(
            c.key, std::string_view(c.key) == "size" ? "SIZE" : c.title,
            [v = c.value](const TopRow& r) { return v(*r.item); }, std::move(text), right);
    }
    all.emplace_back("state", "STATE", [](const TopRow& r) { return state_of(*r.item); });
    all.emplace_back(
        "change", "CHANGE",
        [](const TopRow& r) {
            return r.rate ? Json(std::abs(*r.rate)) : r.change != Change::none ? Json(0.0) : Json(nullptr);
        },
        [](const TopRow& r) { return r.change == Change::none ? "-" : change_text(r); }, true);
    return all;
}

}  // namespace

std::string change_text(const TopRow& r) {
    switch (r.change) {
        case Change::none:
            return {};
        case Change::fresh:
            return "new";
        case Change::gone:
            return "gone";
        case Change::held:
            return "held";
        case Change::let_go:
            return "let go";
        case Change::use:
            return r.rate ? rate_text(r) : "changed";
    }
    return {};
}

TopModel::TopModel(TopWanted wanted) : wanted_(std::move(wanted)), columns_(columns_over(item_columns_)) {}

const TopColumn* TopModel::column(std::string_view key) const noexcept {
    const auto at = std::ranges::find(columns_, key, [](const auto& c) { return std::string_view(c.key); });
    return at == columns_.end() ? nullptr : &*at;
}

void TopModel::take(const sys::Snapshot& seen, Inventory now, std::chrono::nanoseconds since_last) {
    before_ = std::move(now_);
    now_ = std::move(now);
    processes_.clear();
    for (const auto& p : seen.processes) processes_.push_back({p.pid, p.start, p.uid, p.comm});
    if (followed_) {
        const auto p = std::ranges::find(processes_, followed_->pid, &Process::pid);
        followed_->ended = p == processes_.end() || p->start != followed_->start;
    }
    compare(std::chrono::duration<double>(since_last).count());
    count();
    arrange();
    first_ = false;
}

// Both looks side by side, in the order of their keys; in the inventory's order again, with what is gone at the end of
// its kind.
void TopModel::compare(double seconds) {
    all_.clear();
    for (const auto& i : now_.items) all_.push_back({&i, Change::none, {}});
    const auto row_of = [&](const Item* i) -> TopRow& { return all_[static_cast<std::size_t>(i - now_.items.data())]; };
    std::vector<TopRow> gone;
    if (!first_) {
        const auto was = in_order(before_.items), is = in_order(now_.items);
        auto w = was.begin();
        for (const auto* i : is) {
            for (; w != was.end() && before(*w, i); ++w) gone.push_back({*w, Change::gone, {}});
            if (w != was.end() && !before(i, *w))
                row_of(i) = changed(**w++, *i, seconds);
            else
                row_of(i).change = Change::fresh;
        }
        for (; w != was.end(); ++w) gone.push_back({*w, Change::gone, {}});
    }
    for (const auto& g : gone) {
        auto at = std::ranges::find_if(all_.rbegin(), all_.rend(),
                                       [&](const TopRow& r) { return r.item->kind == g.item->kind; });
        all_.insert(at == all_.rend() ? all_.end() : at.base(), g);
    }
}

void TopModel::count() {
    waiting_ = 0, kinds_.clear();
    for (const auto& i : now_.items) {
        waiting_ += i.waiters.size();
        if (kinds_.empty() || kinds_.back().first != i.kind) {
            const auto at = std::ranges::find(kinds_, i.kind, [](const auto& k) { return k.first; });
            if (at == kinds_.end()) kinds_.emplace_back(i.kind, 0);
        }
        std::ranges::find(kinds_, i.kind, [](const auto& k) { return k.first; })->second++;
    }
    deadlocks_ =
        waiting_ < 1 ? 0 : static_cast<std::size_t>(std::ranges::count_if(rings_in(waits_in(now_)), &Ring::sure));
}

bool TopModel::passes(const TopRow& r) const {
    const auto& i = *r.item;
    if (!wanted_.kinds.empty() && std::ranges::find(wanted_.kinds, i.kind) == wanted_.kinds.end()) return false;
    if (wanted_.uid && i.uid != wanted_.uid) return false;
    if (followed_ && !is_of(i, followed_->pid)) return false;
    if (!std::ranges::all_of(wanted_.filters, [&](const Filter& f) { return f.passes(i); })) return false;
    if (condition_) return condition_->passes(i);
    return typed_.empty() || says(i, typed_);
}

void TopModel::arrange() {
    rows_.clear();
    for (const auto& r : all_)
        if (passes(r)) rows_.push_back(r);
    if (sort_) {
        std::vector<std::pair<Json, std::size_t>> keys;
        keys.reserve(rows_.size());
        for (std::size_t n = 0; n < rows_.size(); ++n) keys.emplace_back(sort_->value(rows_[n]), n);
        std::ranges::sort(keys, sorts_before);
        std::vector<TopRow> sorted;
        sorted.reserve(rows_.size());
        for (const auto& k : keys) sorted.push_back(rows_[k.second]);
        rows_ = std::move(sorted);
    }
    if (reversed_) std::ranges::reverse(rows_);
}

void TopModel::sort_next(int step) {
    // Those that are shown; before the first of them the inventory's own order.
    constexpr std::string_view shown[] = {"",    "kind",    "name", "owner", "size",
                                          "use", "holders", "age",  "state", "change"};
    constexpr auto n = static_cast<int>(std::size(shown));
    const auto at = std::ranges::find(shown, sort_ ? std::string_view(sort_->key) : std::string_view());
    const auto now = at == std::end(shown) ? 0 : static_cast<int>(at - shown);
    sort_by(column(shown[(now + step + n) % n]));
}

std::string TopModel::sorted_by() const {
    return fmt::format("{}{}", sort_ ? sort_->key : "as listed", reversed_ ? ", reversed" : "");
}

void TopModel::type_filter(std::string text) {
    condition_.reset();
    if (auto f = Filter::parse(text, item_columns_); !text.empty() && f) condition_ = std::move(*f);
    typed_ = std::move(text);
    arrange();
}

bool TopModel::follow(std::int32_t pid) {
    const auto p = std::ranges::find(processes_, pid, &Process::pid);
    if (p == processes_.end()) return false;
    followed_ = TopFollowed{.pid = pid, .start = p->start, .uid = p->uid, .comm = p->comm};
    arrange();
    return true;
}

std::string TopModel::sums() const {
    const auto& c = coverage();
    auto s = fmt::format("{} processes", c.processes);
    if (!c.unreadable.empty()) s += fmt::format(" ({} unreadable)", c.unreadable.size());
    s += fmt::format(", {} objects, {} waiting", objects(), waiting_);
    if (deadlocks_ != 0) s += fmt::format(", {} DEADLOCK{}", deadlocks_, deadlocks_ == 1 ? "" : "S");
    if (near_.empty()) return s + ", no limit is near";
    s += fmt::format(", {} near limits:", near_.size());
    for (const auto& l : near_) s += fmt::format(" {} {:.0f}%", l.name, l.percent);
    return s;
}

std::string TopModel::kinds_line() const {
    std::string s;
    for (const auto& [kind, n] : kinds_) s += fmt::format("{}{} {}", s.empty() ? "" : "  ", kind, n);
    return s;
}

std::vector<TopDetail> TopModel::details(const Item& i) {
    std::vector<TopDetail> all;
    auto head = fmt::format("{} {}", i.kind, escape(i.name));
    if (i.uid) head += fmt::format("  owner {}", user_name(*i.uid));
    if (i.mode != 0) head += fmt::format("  mode {:04o}", i.mode);
    if (!i.space.empty())
        head += i.own_ns ? fmt::format("  {} ns self", i.space) : fmt::format("  {} ns {}", i.space, i.ns);
    all.push_back({head, 0});
    std::string facts = escape(i.use);
    for (const auto& [name, value] : i.facts) {
        const auto text = std::visit([](const auto& x) { return plain(Json(x)); }, value);
        facts += fmt::format("{}{} {}", facts.empty() ? "" : "; ", name, escape(text));
    }
    if (!facts.empty()) all.push_back({facts, 0});
    for (const auto& h : i.holders) {
        auto text = fmt::format("{:>8} {:<16} {}", h.pid, h.pid == ::getpid() ? "self" : escape(h.comm), h.via);
        if (h.fd >= 0) text += fmt::format(" {}", h.fd);
        if (h.reads || h.writes) text += fmt::format(" {}{}", h.reads ? "r" : "", h.writes ? "w" : "");
        all.push_back({text, h.pid});
    }
    if (i.hidden_holders != 0)
        all.push_back({fmt::format("{:>8} more that no process here shows", i.hidden_holders), 0});
    for (const auto& w : i.waiters)
        all.push_back({fmt::format("{:>8} {:<16} waits: {}", w.tid, escape(w.comm), w.what), w.pid});
    if (i.holders.empty() && i.waiters.empty() && i.hidden_holders == 0) all.push_back({"nobody holds it", 0});
    return all;
}

std::string clock_text() {
    const auto now = ::time(nullptr);
    struct tm t{};
    ::localtime_r(&now, &t);
    return fmt::format("{:02}:{:02}:{:02}", t.tm_hour, t.tm_min, t.tm_sec);
}

}  // namespace wye::cli
