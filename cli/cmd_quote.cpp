// wye quote: arguments as one line for a shell.
#include "wye/base/text.hpp"
#include "wye/process/shell_quote.hpp"

#include "command.hpp"
#include "os/errno.hpp"
#include "os/syscall.hpp"
#include "terminal.hpp"

#include <fmt/format.h>

namespace wye::cli {
namespace {

struct Options {
    std::vector<std::string> words;
    bool nul = false;
};

// Words that end with a zero byte each; the last may lack it.
Result<std::vector<std::string>> words_of_input() {
    std::vector<std::string> words;
    std::string word;
    char part[16 * 1024];
    for (;;) {
        const long n = sys::read(0, part, sizeof part);
        if (n == -EINTR) continue;
        if (n < 0) return sys::fail(n, "read", "standard input");
        if (n == 0) break;
        for (const char c : std::string_view(part, static_cast<std::size_t>(n))) {
            if (c != '\0')
                word += c;
            else
                words.push_back(std::exchange(word, {}));
        }
    }
    if (!word.empty()) words.push_back(std::move(word));
    return words;
}

int run(const Arguments& app, Options& o) {
    auto words = verbatim_words(app, "quote");
    if (!words) return exit_usage;
    o.words = std::move(*words);
    if (o.nul != o.words.empty())
        return usage_error("quote", "either words or -0 (wye quote -- WORD... | wye quote -0; see wye help quote)");
    if (o.nul) {
        auto read = words_of_input();
        if (!read) return report("quote", read.error());
        o.words = std::move(*read);
    }
    const auto line = shell_join(o.words);
    if (!line) return report("quote", line.error());
    say("{}\n", *line);
    return exit_ok;
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    app.allow_extras();
    app.add_flag("-0,--null", o->nul, "words from standard input, each ended by a zero byte");
    return [o, &app] { return run(app, *o); };
}

}  // namespace

extern const Command quote_command;
const Command quote_command{.name = "quote",
                            .arguments = "-- WORD... | -0",
                            .summary = "arguments as one line that a POSIX shell reads back exactly",
                            .examples =
                                "wye quote -- rm \"it's mine\"                  # rm 'it'\\''s mine'\n"
                                "ssh host \"$(wye quote -- rm -- \"$file\")\"\n"
                                "find . -name '*.log' -print0 | wye quote -0",
                            .define = define};

}  // namespace wye::cli
