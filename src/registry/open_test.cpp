#include "wye/registry/open.hpp"

#include "support/support.hpp"

#include <set>

using namespace wye;

namespace {
std::string why(std::string_view uri) {
    const auto r = open(uri);
    return r ? "opened" : r.error().message();
}
}  // namespace

TEST(Open, says_what_is_wrong_with_a_uri_and_shows_a_right_one) {
    EXPECT_NE(why("fofi:/x").find("unknown scheme \"fofi\""), std::string::npos);
    EXPECT_NE(why("fofi:/x").find("write it as fifo:"), std::string::npos) << why("fofi:/x");
    EXPECT_NE(why("/x").find("no scheme"), std::string::npos);
    EXPECT_NE(why("fifo:/x?framming=raw").find("did you mean \"framing\""), std::string::npos);
    EXPECT_NE(why("fifo:/x#1").find("'#'"), std::string::npos);
    WYE_EXPECT_ERRC(Errc::bad_address, open("fofi:/x"));
    WYE_EXPECT_ERRC(Errc::bad_address, make("fofi:/x"));
    WYE_EXPECT_ERRC(Errc::bad_address, wye::remove("fofi:/x"));
    WYE_EXPECT_ERRC(Errc::bad_address, open_pair("fofi:/x"));
}

TEST(Open, what_a_kind_has_not_is_unsupported) {
    WYE_EXPECT_ERRC(Errc::unsupported, open("pipe:"));
    WYE_EXPECT_ERRC(Errc::unsupported, make("pipe:"));
    WYE_EXPECT_ERRC(Errc::unsupported, wye::remove("pipe:"));
    WYE_EXPECT_ERRC(Errc::unsupported, open_pair("fifo:/x"));
}

TEST(Open, a_place_for_a_trial_is_another_each_time) {
    for (const auto* m : mechanisms())
        if (m->make && m->scratch && !m->scratch("/d")[0].starts_with(std::string(m->traits.scheme) + ":/d")) {
            EXPECT_NE(m->scratch("/d"), m->scratch("/d")) << m->traits.scheme;
        }
}

TEST(Open, every_means_has_a_scheme_of_its_own_and_an_example_that_parses) {
    std::set<std::string_view> schemes;
    for (const auto* m : mechanisms()) {
        EXPECT_TRUE(schemes.insert(m->traits.scheme).second) << m->traits.scheme;
        EXPECT_EQ(find_mechanism(m->traits.scheme), m);
        EXPECT_FALSE(m->summary.empty());
        const auto u = Uri::parse(m->example);
        ASSERT_TRUE(u) << m->example;
        EXPECT_EQ(u->scheme(), m->traits.scheme);
        EXPECT_TRUE(u->check(m->params, m->example, m->fragment)) << m->example;
        EXPECT_TRUE(m->open || m->open_pair || m->make || m->traits.data != Data::variable) << m->example;
    }
    EXPECT_EQ(find_mechanism("none"), nullptr);
}
