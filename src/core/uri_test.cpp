#include "wye/core/uri.hpp"

#include "wye/core/mechanism.hpp"

#include "support/support.hpp"

using namespace wye;

TEST(Uri, is_cut_into_its_parts_and_then_decoded) {
    const auto u = or_throw(Uri::parse("unix:/run/a%20b%3F.sock?type=seqpacket&listen&note=x%26y%3D#7%23"));
    EXPECT_EQ(u.scheme(), "unix");
    EXPECT_EQ(u.address(), "/run/a b?.sock");
    EXPECT_EQ(u.raw_address(), "/run/a%20b%3F.sock");
    EXPECT_EQ(u.get("type"), "seqpacket");
    EXPECT_EQ(u.get("note"), "x&y=");
    EXPECT_TRUE(u.has("listen"));
    EXPECT_TRUE(or_throw(u.flag("listen")));
    EXPECT_FALSE(u.get("absent"));
    EXPECT_EQ(u.fragment(), "7#");
}

TEST(Uri, an_address_may_be_empty_and_hold_colons) {
    EXPECT_EQ(or_throw(Uri::parse("pipe:")).address(), "");
    EXPECT_EQ(or_throw(Uri::parse("tcp://[::1]:7000")).address(), "//[::1]:7000");
    EXPECT_EQ(or_throw(Uri::parse("sysv-mq:key=0x51")).address(), "key=0x51");
}

TEST(Uri, a_refusal_names_the_part_that_is_wrong) {
    struct Case {
        std::string_view uri, word;
    };
    constexpr std::string_view zero("fifo:/a\0b", 9);
    for (const auto& [uri, word] : std::initializer_list<Case>{
             {"", "empty"},
             {"/run/app.sock", "no scheme"},
             {":/x", "no scheme"},
             {"Unix:/x", "no scheme"},
             {"un ix:/x", "no scheme"},
             {zero, "zero byte"},
             {"fifo:/a%", "in the address"},
             {"fifo:/a%4", "in the address"},
             {"fifo:/a%zz", "in the address"},
             {"fifo:/a%00", "%00"},
             {"fifo:/a?", "empty parameter"},
             {"fifo:/a?x=1&", "empty parameter"},
             {"fifo:/a?=1", "empty parameter"},
             {"fifo:/a?x=%g1", "\"x\""},
             {"fifo:/a?%0=1", "bad %XX in parameter"},
             {"fifo:/a?x=1&x=2", "twice"},
             {"fifo:/a?x=1&%78", "twice"},
             {"fifo:/a#%", "after '#'"},
         }) {
        const auto r = Uri::parse(uri);
        ASSERT_FALSE(r) << uri;
        EXPECT_TRUE(r.error().is(Errc::bad_address));
        EXPECT_NE(r.error().message().find(word), std::string::npos) << uri << " -> " << r.error().message();
    }
}

TEST(Uri, typed_parameters_are_strict) {
    const auto u = or_throw(Uri::parse("x:?n=0x10&s=64K&bad=1z&listen&flag=1&c=two"));
    constexpr std::string_view choices[] = {"one", "two"};
    EXPECT_EQ(or_throw(u.number("n", 1)), 16u);
    EXPECT_EQ(or_throw(u.number("absent", 5)), 5u);
    EXPECT_EQ(or_throw(u.size("s", 1)), 65536u);
    EXPECT_EQ(or_throw(u.choice("c", choices)), 1u);
    EXPECT_EQ(or_throw(u.choice("absent", choices)), 0u);
    EXPECT_FALSE(or_throw(u.flag("absent")));
    for (const auto& message : {u.number("bad", 1).error().message(), u.size("bad", 1).error().message(),
                                u.choice("n", choices).error().message(), u.flag("flag").error().message(),
                                u.number("listen", 1).error().message()})
        EXPECT_NE(message.find("write it as"), std::string::npos) << message;
}

TEST(Uri, an_unknown_parameter_gets_a_suggestion) {
    constexpr Param known[] = {{"framing", "", ""}, {"max", "", ""}};
    const auto refusal = [&](const char* uri) {
        return or_throw(Uri::parse(uri)).check(known, "fifo:/a").error().message();
    };
    EXPECT_NE(refusal("fifo:/a?framming=raw").find("did you mean \"framing\"?"), std::string::npos);
    EXPECT_NE(refusal("fifo:/a?zzzzzzz").find("takes framing, max"), std::string::npos);
    EXPECT_NE(refusal("fifo:/a#1").find("'#'"), std::string::npos);
    EXPECT_TRUE(or_throw(Uri::parse("fifo:/a?max=1#1")).check(known, "", true));
}

TEST(Uri, one_more_parameter_goes_before_the_fragment) {
    EXPECT_EQ(with_param("unix:/x", "listen"), "unix:/x?listen");
    EXPECT_EQ(with_param("unix:/x?a=1#f?", "listen"), "unix:/x?a=1&listen#f?");
    EXPECT_EQ(with_param("sysv-mq:/x#f?", "listen"), "sysv-mq:/x?listen#f?");
}

TEST(HostPort, is_cut_at_the_last_colon_or_refused) {
    const auto parse = [](const std::string& a) {
        return parse_host_port(or_throw(Uri::parse("tcp:" + a)), "tcp://h:1");
    };
    EXPECT_EQ(or_throw(parse("//127.0.0.1:7000")).host, "127.0.0.1");
    EXPECT_EQ(or_throw(parse("//[::1]:7000")).host, "::1");
    EXPECT_EQ(or_throw(parse("//:7000")).host, "");
    EXPECT_EQ(or_throw(parse("//h:0")).port, "0");
    for (const auto* bad : {"127.0.0.1:7000", "//h", "//h:", "//", "//h:x", "//h:65536", "//::1:7000", "//[::1:7000",
                            "//[h]:7000", "//[::1]", "//[::1]7000", "//h:1:2", "//h:-1", "//h:+1"})
        WYE_EXPECT_ERRC(Errc::bad_address, parse(bad));
}
