// Words for a POSIX shell.
#include "wye/process/shell_quote.hpp"

#include <algorithm>

namespace wye {
namespace {

bool is_plain(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_-+./:,@%").find(c) != std::string_view::npos;
}

// As the first word of a command they would be more than a word.
bool is_reserved(std::string_view word) noexcept {
    static constexpr std::string_view words[] = {"if",    "then",   "else",     "elif",   "fi",    "do",
                                                 "done",  "case",   "esac",     "in",     "while", "for",
                                                 "until", "select", "function", "coproc", "time"};
    return std::ranges::find(words, word) != std::end(words);
}

}  // namespace

Result<std::string> shell_quote(std::string_view s) {
    if (s.find('\0') != std::string_view::npos) return refuse(Errc::bad_address, "an argument cannot hold a zero byte");
    if (!s.empty() && std::ranges::all_of(s, is_plain) && !is_reserved(s)) return std::string(s);
    std::string quoted = "'";
    for (const char c : s) {
        if (c == '\'')
            quoted += "'\\''";  // out, a quote, and in again
        else
            quoted += c;
    }
    return quoted + "'";
}

Result<std::string> shell_join(std::span<const std::string> argv) {
    std::string line;
    for (const auto& word : argv) {
        WYE_TRY(const auto quoted, shell_quote(word));
        if (&word != argv.data()) line += ' ';
        line += quoted;
    }
    return line;
}

}  // namespace wye
