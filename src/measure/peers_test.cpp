#include "measure/peers.hpp"

#include <gtest/gtest.h>

#include <set>

namespace wye::measure {
namespace {

TEST(KnownPeers, each_means_is_of_one_program_and_each_that_is_missing_says_how_to_get_it) {
    std::set<std::string> programs, means;
    for (const auto& p : known_peers()) {
        EXPECT_TRUE(programs.insert(p.program).second) << p.program;
        EXPECT_TRUE(p.group == "kernel" || p.group == "peer") << p.group;
        EXPECT_FALSE(p.means.empty());
        for (const auto& m : p.means) EXPECT_TRUE(means.insert(m).second) << m;
        for (const auto& package : p.packages) EXPECT_NE(p.why_missing().find(package), std::string::npos);
        if (!p.packages.empty() || !p.needs.empty()) {
            EXPECT_NE(p.why_missing().find("./dev setup --peers"), std::string::npos);
        }
    }
    EXPECT_TRUE(means.contains("zeromq"));
    EXPECT_TRUE(means.contains("raw:pipe"));
}

}  // namespace
}  // namespace wye::measure
