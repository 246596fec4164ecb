// Properties of URIs over random text.
#ifdef WYE_RAPIDCHECK
#include "wye/core/uri.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>

using namespace wye;

TEST(UriProperty, what_is_percent_encoded_comes_back) {
    EXPECT_TRUE(rc::check([](std::string s) {
        std::erase(s, '\0');
        RC_ASSERT(percent_decode(percent_encode(s)) == s);
    }));
}

TEST(UriProperty, encoded_parts_come_back_from_a_whole_uri) {
    EXPECT_TRUE(rc::check([](std::string address, std::string value, std::string fragment) {
        for (auto* s : {&address, &value, &fragment}) std::erase(*s, '\0');
        const auto u = Uri::parse("x:" + percent_encode(address) + "?name=" + percent_encode(value) + "#" +
                                  percent_encode(fragment));
        RC_ASSERT(u.has_value());
        RC_ASSERT(u->address() == address);
        RC_ASSERT(u->get("name") == value);
        RC_ASSERT(u->fragment() == fragment);
    }));
}

TEST(UriProperty, any_text_is_parsed_or_refused_in_one_printable_line) {
    EXPECT_TRUE(rc::check([] {
        // Marks are as frequent as other characters, so that every part occurs.
        const auto text = *rc::gen::container<std::string>(
            rc::gen::oneOf(rc::gen::elementOf(std::string("x:/?&=#%[]0a")), rc::gen::arbitrary<char>()));
        const auto u = Uri::parse(text);
        if (u) {
            RC_ASSERT(u->text() == text);
            RC_ASSERT(u->address().find('\0') == std::string_view::npos);
            (void)parse_host_port(*u, "");
            (void)u->check({}, "");
        } else {
            RC_ASSERT(u.error().is(Errc::bad_address));
            const auto m = u.error().message();
            RC_ASSERT(std::ranges::none_of(m, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; }));
        }
    }));
}
#endif
