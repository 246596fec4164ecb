#include "wye/process/shell_quote.hpp"

#include "wye/process/command.hpp"

#include "support/peer.hpp"
#include "support/support.hpp"

#include <gtest/gtest.h>

#ifdef WYE_RAPIDCHECK
#include <rapidcheck.h>
#endif

#include <chrono>

using namespace wye;
using namespace wye::test;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

// What a shell makes of the words, each with a zero byte behind it.
std::string through(const std::string& shell, std::vector<std::string> words) {
    const auto line = or_throw(shell_join(words));
    const auto o = or_throw(Command({shell, "-c", "printf '%s\\0' " + line}).run(30s));
    return o.exit.ok() ? o.out : "<" + o.exit.text() + ">";
}

std::string expected(const std::vector<std::string>& words) {
    std::string s;
    for (const auto& w : words) s += w + '\0';
    return s;
}

std::vector<std::string> shells() {
    std::vector<std::string> found = {"sh"};
    for (const auto* shell : {"bash", "dash"})
        if (have_program(shell)) found.emplace_back(shell);
    return found;
}

}  // namespace

TEST(ShellQuote, plain_words_stay_and_others_are_quoted) {
    EXPECT_EQ(or_throw(shell_quote("plain-1.2_3/x:y,@%+")), "plain-1.2_3/x:y,@%+");
    EXPECT_EQ(or_throw(shell_quote("")), "''");
    EXPECT_EQ(or_throw(shell_quote("a b")), "'a b'");
    EXPECT_EQ(or_throw(shell_quote("don't")), "'don'\\''t'");
    EXPECT_EQ(or_throw(shell_quote("A=b")), "'A=b'") << "as a first word it would be an assignment";
    EXPECT_EQ(or_throw(shell_quote("while")), "'while'");
    EXPECT_EQ(or_throw(shell_join(std::vector<std::string>{"ls", "-l", "my file"})), "ls -l 'my file'");
    EXPECT_EQ(or_throw(shell_join({})), "");
}

TEST(ShellQuote, a_zero_byte_is_an_error) {
    WYE_EXPECT_ERRC(Errc::bad_address, shell_quote("a\0b"s));
    WYE_EXPECT_ERRC(Errc::bad_address, shell_join(std::vector<std::string>{"a", "\0"s}));
}

TEST(ShellQuote, what_shells_take_apart_comes_back) {
    const std::vector<std::string> words = {"",         "-n",       "--",    "~",   "~root", "$HOME", "$(id)", "`id`",
                                            "a\nb",     "\n",       "'",     "''",  "\"",    "\\",    "\\\\",  "*",
                                            "?",        "[a-z]",    "{a,b}", "!!",  "#x",    "a;b",   "a&b",   "a|b",
                                            "<x",       ">x",       "(x)",   "\t",  "\r",    "\x1b[", "\xff",  "\xc3",
                                            "\xc3\xa9", "\x80\x27", "%s",    "=ls", "A=b",   "-e",    " ",     "if"};
    for (const auto& shell : shells()) {
        EXPECT_EQ(through(shell, words), expected(words)) << shell;
        for (const auto& w : words) EXPECT_EQ(through(shell, {w}), expected({w})) << shell << ": " << w;
    }
}

TEST(ShellQuote, every_byte_comes_back) {
    std::vector<std::string> words;
    std::string all;
    for (int c = 1; c < 256; ++c) words.emplace_back(1, static_cast<char>(c)), all += static_cast<char>(c);
    words.push_back(all);
    for (const auto& shell : shells()) EXPECT_EQ(through(shell, words), expected(words)) << shell;
}

TEST(ShellQuote, a_reserved_word_is_a_program_like_any_other) {
    const TempDir dir;
    for (const auto* word : {"if", "time", "{", "!", "case", "A=b"}) {
        const auto line = or_throw(shell_join(std::vector<std::string>{word, "x"}));
        const auto o = or_throw(Command({"sh", "-c", line}).err(Target::null()).env("PATH", dir.path()).run(30s));
        EXPECT_EQ(o.exit.status, 127) << word << ": not found, and nothing else";
    }
}

#ifdef WYE_RAPIDCHECK
TEST(ShellQuoteProperty, random_words_come_back_from_every_shell) {
    for (const auto& shell : shells())
        EXPECT_TRUE(rc::check("words through " + shell, [&shell] {
            // What means something to a shell is as frequent as all else.
            const auto byte = rc::gen::oneOf(rc::gen::elementOf("'\"\\$`!~*?[]{}()<>|&;#=-% \n\t\r\x80\xff"s),
                                             rc::gen::nonZero<char>());
            const auto words =
                *rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(rc::gen::container<std::string>(byte)));
            RC_ASSERT(through(shell, words) == expected(words));
        }));
}
#endif
