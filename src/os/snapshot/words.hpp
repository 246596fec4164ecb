// Walking over a line of /proc: each step takes a piece away, or says that it is not there.
#pragma once
#include <charconv>
#include <cstdint>
#include <string_view>
#include <system_error>

namespace wye::sys {

class Words {
public:
    explicit Words(std::string_view text) noexcept : left_(text) {}

    /// The next word; empty at the end.
    std::string_view next() noexcept {
        std::size_t from = 0;
        while (from < left_.size() && is_blank(left_[from])) ++from;
        std::size_t end = from;
        while (end < left_.size() && !is_blank(left_[end])) ++end;
        const auto word = left_.substr(from, end - from);
        left_.remove_prefix(end);
        return word;
    }
    /// The next word as a number; false, and the number as it was, for anything else.
    template <class T>
    bool take(T& into, int base = 10) noexcept {
        return number(next(), into, base);
    }
    template <class... T>
    bool take_all(T&... into) noexcept {
        return (take(into) && ...);
    }
    void skip(int words) noexcept {
        while (words-- > 0) (void)next();
    }
    /// What is left, without blanks before it.
    std::string_view rest() noexcept {
        const auto from = left_.find_first_not_of(" \t");
        return from == left_.npos ? std::string_view{} : left_.substr(from);
    }

    template <class T>
    static bool number(std::string_view word, T& into, int base = 10) noexcept {
        if (base == 16 && word.starts_with("0x")) word.remove_prefix(2);
        T value{};
        const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value, base);
        if (error != std::errc() || end != word.data() + word.size()) return false;
        into = value;
        return true;
    }

private:
    // find_first_of() calls memchr() for each byte: a twentieth of a whole look.
    static bool is_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\n'; }
    std::string_view left_;
};

/// The next line of `text`, which is moved past it.
inline std::string_view next_line(std::string_view& text) noexcept {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    return line;
}

}  // namespace wye::sys
