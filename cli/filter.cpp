#include "filter.hpp"

#include "wye/base/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace wye::cli {
namespace {

std::string_view trimmed(std::string_view s) {
    const auto from = s.find_first_not_of(' ');
    return from == s.npos ? std::string_view{} : s.substr(from, s.find_last_not_of(' ') - from + 1);
}

// The operators, the longer ones first.
constexpr std::string_view operators[] = {"!=", "<=", ">=", "=", "<", ">", "~"};

std::string_view operator_at(std::string_view text) {
    for (const auto op : operators)
        if (text.starts_with(op)) return op;
    return {};
}

std::optional<double> number(std::string_view column, const std::string& value) {
    if (column == "age") {
        const auto d = parse_duration(value);
        return d ? std::optional(static_cast<double>(d->count()) / 1e9) : std::nullopt;
    }
    const auto n = parse_size(value);
    return n ? std::optional(static_cast<double>(*n)) : std::nullopt;
}

template <class T>
bool holds(const T& a, std::string_view op, const T& b) {
    if (op == "=") return a == b;
    if (op == "!=") return a != b;
    if (op == "<") return a < b;
    if (op == "<=") return a <= b;
    return op == ">" ? a > b : a >= b;
}

}  // namespace

std::expected<Filter::Term, std::string> Filter::term(std::string_view text, const std::vector<Column<Item>>& columns) {
    const auto at = text.find_first_of("!<>=~");
    const auto op = at == text.npos ? std::string_view{} : operator_at(text.substr(at));
    if (op.empty())
        return std::unexpected(fmt::format("\"{}\": write a condition as size>1M or kind=fifo", escape(text)));
    const auto name = trimmed(text.substr(0, at));
    const auto column = std::ranges::find(columns, name, [](const auto& c) { return std::string_view(c.key); });
    if (column == columns.end()) {
        std::string known;
        for (const auto& c : columns) known += fmt::format("{}{}", known.empty() ? "" : ", ", c.key);
        return std::unexpected(fmt::format("no column \"{}\"; there are {}", escape(name), known));
    }
    Term t{.column = &*column, .op = op, .value = std::string(trimmed(text.substr(at + op.size()))), .number = {}};
    t.number = number(name, t.value);
    return t;
}

std::expected<Filter, std::string> Filter::parse(std::string_view text, const std::vector<Column<Item>>& columns) {
    Filter f;
    constexpr std::string_view joint = " and ";
    while (!text.empty()) {
        const auto end = text.find(joint);
        auto t = term(trimmed(text.substr(0, end)), columns);
        if (!t) return std::unexpected(t.error());
        f.terms_.push_back(std::move(*t));
        text.remove_prefix(end == text.npos ? text.size() : end + joint.size());
    }
    return f;
}

bool Filter::passes(const Term& t, const Item& i) {
    const auto v = t.column->value(i);
    if (t.op == "~") return plain(v).contains(t.value);
    if (v.is_number() && t.number) return holds(v.get<double>(), t.op, *t.number);
    if (v.is_null()) return t.op == "!=";  // what is not known is neither more nor less
    return holds(plain(v), t.op, t.value);
}

bool Filter::passes(const Item& i) const {
    return std::ranges::all_of(terms_, [&](const Term& t) { return passes(t, i); });
}

}  // namespace wye::cli
