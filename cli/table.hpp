// Rows out: as an aligned table for people, as JSON for programs, from the same columns.
#pragma once
#include <nlohmann/json.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace wye::cli {

using Json = nlohmann::ordered_json;

/// Text for programs: exact where it is UTF-8, else with U+FFFD in its place.
inline std::string dumped(const Json& j, int indent = -1) {
    return j.dump(indent, ' ', false, Json::error_handler_t::replace);
}

template <class Row>
struct Column {
    using Value = std::function<Json(const Row&)>;
    using Text = std::function<std::string(const Row&)>;
    // A constructor: GCC 12 crashes on a default member initialiser here.
    Column(const char* k, const char* t, Value v, Text x = Text(), bool r = false)
        : key(k), title(t), value(std::move(v)), text(std::move(x)), right(r) {}

    const char* key;    // in JSON
    const char* title;  // in the table
    Value value;        // raw: bytes, nanoseconds
    Text text;          // for people; the value as it is where it is not given
    bool right;
};

inline std::string plain(const Json& v) {
    if (v.is_string()) return v.get<std::string>();
    if (v.is_boolean()) return v.get<bool>() ? "yes" : "no";
    return v.is_null() ? "-" : v.dump();
}

/// The order of --sort: numbers from the largest, text from A, what is not known last; equals as they were.
inline bool sorts_before(const std::pair<Json, std::size_t>& a, const std::pair<Json, std::size_t>& b) {
    if (a.first == b.first) return a.second < b.second;
    if (a.first.is_null() || b.first.is_null()) return b.first.is_null();
    return a.first.is_number() ? a.first > b.first : a.first < b.first;
}

template <class Row>
Json to_json(const std::vector<Row>& rows, const std::vector<Column<Row>>& columns) {
    auto out = Json::array();
    for (const auto& r : rows) {
        auto object = Json::object();
        for (const auto& c : columns) object[c.key] = c.value(r);
        out.push_back(std::move(object));
    }
    return out;
}

/// Lines of text, the first the titles. Width counts characters, not bytes.
std::vector<std::string> layout(const std::vector<std::vector<std::string>>& cells, const std::vector<bool>& right);

template <class Row>
std::vector<std::string> to_lines(const std::vector<Row>& rows, const std::vector<Column<Row>>& columns) {
    std::vector<std::vector<std::string>> cells(1);
    std::vector<bool> right;
    for (const auto& c : columns) {
        cells[0].emplace_back(c.title);
        right.push_back(c.right);
    }
    for (const auto& r : rows) {
        auto& line = cells.emplace_back();
        for (const auto& c : columns) line.push_back(c.text ? c.text(r) : plain(c.value(r)));
    }
    return layout(cells, right);
}

}  // namespace wye::cli
