#include "os/usage/proc_text.hpp"

#include "wye/base/text.hpp"

#include <algorithm>

namespace wye::sys {
namespace {

bool is_space(char c) noexcept { return c == ' ' || c == '\t'; }

// mountinfo(5) writes a space in a name as \040.
std::string unescape(std::string_view s) {
    std::string out;
    const auto octal = [](char c) { return c >= '0' && c <= '7'; };
    for (std::size_t i = 0; i < s.size(); ++i) {
        if (s[i] == '\\' && i + 3 < s.size() && octal(s[i + 1]) && octal(s[i + 2]) && octal(s[i + 3])) {
            out += static_cast<char>((s[i + 1] - '0') * 64 + (s[i + 2] - '0') * 8 + (s[i + 3] - '0'));
            i += 3;
        } else {
            out += s[i];
        }
    }
    return out;
}

struct Mount {
    std::string_view root, where, kind, options;
};
std::optional<Mount> parse_mount(std::string_view line) noexcept {
    Mount m;
    for (int i = 0; i < 3; ++i) take_word(line);
    m.root = take_word(line);
    m.where = take_word(line);
    for (auto w = take_word(line); w != "-"; w = take_word(line))
        if (w.empty()) return {};
    m.kind = take_word(line);
    take_word(line);
    m.options = take_word(line);
    return m;
}

bool has_word(std::string_view list, std::string_view word) noexcept {
    while (!list.empty()) {
        const auto end = std::min(list.find(','), list.size());
        if (list.substr(0, end) == word) return true;
        list.remove_prefix(std::min(end + 1, list.size()));
    }
    return false;
}

}  // namespace

std::string_view take_line(std::string_view& text) noexcept {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

std::string_view take_word(std::string_view& line) noexcept {
    const auto from = std::ranges::find_if_not(line, is_space);
    line.remove_prefix(static_cast<std::size_t>(from - line.begin()));
    const auto word = line.substr(0, static_cast<std::size_t>(std::ranges::find_if(line, is_space) - line.begin()));
    line.remove_prefix(word.size());
    return word;
}

std::optional<std::uint64_t> nth_number(std::string_view text, unsigned n) noexcept {
    auto line = take_line(text);
    for (; n > 0; --n) take_word(line);
    const auto word = take_word(line);
    if (word == "max" || word == "unlimited" || word == "-1") return no_ceiling;
    return parse_number(word);
}

std::optional<std::uint64_t> number_after(std::string_view text, std::string_view key) noexcept {
    while (!text.empty())
        if (const auto line = take_line(text); line.starts_with(key)) return nth_number(line.substr(key.size()), 0);
    return {};
}

std::optional<std::uint64_t> soft_limit(std::string_view limits, std::string_view title) noexcept {
    return number_after(limits, title);
}

Columns::Columns(std::string_view text) {
    auto head = take_line(text);
    for (auto w = take_word(head); !w.empty(); w = take_word(head)) names_.push_back(w);
    while (!text.empty()) {
        auto line = take_line(text);
        std::vector<std::string_view> row;
        for (auto w = take_word(line); !w.empty(); w = take_word(line)) row.push_back(w);
        if (row.size() == names_.size()) rows_.push_back(std::move(row));
    }
}

std::uint64_t Columns::at(std::size_t row, std::string_view column) const noexcept {
    const auto found = std::ranges::find(names_, column);
    if (row >= rows_.size() || found == names_.end()) return 0;
    return parse_number(rows_[row][static_cast<std::size_t>(found - names_.begin())]).value_or(0);
}

FdUse parse_fd_use(std::string_view text) noexcept {
    FdUse info;
    while (!text.empty()) {
        const auto line = take_line(text);
        if (line.starts_with("inotify wd:")) ++info.inotify_watches;
        if (line.starts_with("tfd:")) ++info.epoll_watches;
        if (line.starts_with("scm_fds:")) info.in_flight = nth_number(line.substr(8), 0).value_or(0);
    }
    return info;
}

std::vector<std::pair<std::string, std::string>> namespace_mounts(std::string_view mountinfo) {
    std::vector<std::pair<std::string, std::string>> out;
    while (!mountinfo.empty())
        if (const auto m = parse_mount(take_line(mountinfo)); m && m->kind == "nsfs")
            out.emplace_back(unescape(m->root), unescape(m->where));
    return out;
}

std::optional<std::string> cgroup_path(std::string_view cgroup, std::string_view controller) {
    while (!cgroup.empty()) {
        const auto line = take_line(cgroup);
        const auto a = line.find(':');
        const auto b = a == line.npos ? a : line.find(':', a + 1);
        if (b == line.npos) continue;
        const auto which = line.substr(a + 1, b - a - 1);
        if (controller.empty() ? which.empty() : has_word(which, controller)) return std::string(line.substr(b + 1));
    }
    return {};
}

std::optional<std::string> cgroup_mount(std::string_view mountinfo, std::string_view controller) {
    while (!mountinfo.empty()) {
        const auto m = parse_mount(take_line(mountinfo));
        if (!m) continue;
        if (controller.empty() ? m->kind == "cgroup2" : m->kind == "cgroup" && has_word(m->options, controller))
            return unescape(m->where);
    }
    return {};
}

}  // namespace wye::sys
