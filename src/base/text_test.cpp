#include "wye/base/text.hpp"

#include <gtest/gtest.h>

#include <array>

using namespace wye;
using namespace std::chrono_literals;

TEST(Text, escape_keeps_what_prints_and_spells_out_the_rest) {
    EXPECT_EQ(escape("plain ~"), "plain ~");
    EXPECT_EQ(escape("h\u00e9, \u6f22, \U0001f600"), "h\u00e9, \u6f22, \U0001f600");
    EXPECT_EQ(escape(std::string_view("\0\t\n\x7f", 4)), "\\x00\\x09\\x0a\\x7f");
    EXPECT_EQ(escape("\xc2\x9b"), "\\xc2\\x9b");           // C1: a terminal takes it for ESC [
    EXPECT_EQ(escape("\xff\xfe"), "\\xff\\xfe");           // never UTF-8
    EXPECT_EQ(escape("\xe6\xbc"), "\\xe6\\xbc");           // cut short
    EXPECT_EQ(escape("\xc0\x9b"), "\\xc0\\x9b");           // overlong ESC
    EXPECT_EQ(escape("\xe0\x80\x9b"), "\\xe0\\x80\\x9b");  // likewise in three bytes
    EXPECT_EQ(escape("\xf0\x80\x80\x9b"), "\\xf0\\x80\\x80\\x9b");
}

TEST(Text, numbers_are_the_whole_text_or_nothing) {
    EXPECT_EQ(parse_number("42"), 42u);
    EXPECT_EQ(parse_number("0x2a"), 42u);
    EXPECT_EQ(parse_number("18446744073709551615"), UINT64_MAX);
    for (const auto* bad : {"", "-1", "+1", " 1", "1 ", "0x", "1x", "18446744073709551616", "1.5", "x"})
        EXPECT_FALSE(parse_number(bad)) << bad;
}

TEST(Text, sizes_are_in_units_of_1024) {
    EXPECT_EQ(parse_size("4096"), 4096u);
    EXPECT_EQ(parse_size("64K"), 65536u);
    EXPECT_EQ(parse_size("64k"), 65536u);
    EXPECT_EQ(parse_size("1MiB"), 1u << 20);
    EXPECT_EQ(parse_size("2GB"), 2ull << 30);
    EXPECT_EQ(parse_size("1T"), 1ull << 40);
    EXPECT_EQ(parse_size("12B"), 12u);
    EXPECT_EQ(parse_size("0x1B"), 27u) << "a digit of a hexadecimal number is no unit";
    EXPECT_EQ(parse_size("0x10K"), 16384u);
    for (const auto* bad : {"", "K", "B", "iB", "1iB", "1KK", "-1K", "1.5K", "16777216T", "1 K"})
        EXPECT_FALSE(parse_size(bad)) << bad;
}

TEST(Text, durations_need_no_unit_for_seconds) {
    EXPECT_EQ(parse_duration("2"), 2s);
    EXPECT_EQ(parse_duration("250ms"), 250ms);
    EXPECT_EQ(parse_duration("1.5m"), 90s);
    EXPECT_EQ(parse_duration("10us"), 10us);
    EXPECT_EQ(parse_duration("1h"), 1h);
    EXPECT_EQ(parse_duration("7ns"), 7ns);
    EXPECT_EQ(parse_duration("2d"), 48h);
    EXPECT_EQ(parse_duration("0"), 0s);
    for (const auto* bad : {"", "s", "-1s", "1e3", "inf", "nan", "1 s", "1sm", "400000d"})
        EXPECT_FALSE(parse_duration(bad)) << bad;
}

TEST(Text, people_read_sizes_and_times) {
    EXPECT_EQ(human_size(0), "0 B");
    EXPECT_EQ(human_size(1023), "1023 B");
    EXPECT_EQ(human_size(8.0 * 1024 * 1024), "8.0 MiB");
    EXPECT_EQ(human_time(850), "850 ns");
    EXPECT_EQ(human_time(12'300), "12.3 us");
    EXPECT_EQ(human_time(4'500'000), "4.5 ms");
    EXPECT_EQ(human_time(2.5e9), "2.50 s");
}

TEST(Text, nearest_is_at_most_two_edits_away) {
    constexpr std::array<std::string_view, 3> words{"framing", "listen", "max"};
    EXPECT_EQ(nearest("framming", words), "framing");
    EXPECT_EQ(nearest("lisen", words), "listen");
    EXPECT_EQ(nearest("somethingelse", words), "");
    EXPECT_EQ(edit_distance("", "abc"), 3u);
    EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
    EXPECT_EQ(edit_distance("tuor", "tour"), 1u);
}
