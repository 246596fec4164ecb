#include "os/snapshot/crew.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <vector>

namespace wye::sys {
namespace {

TEST(Crew, DoesEachPieceOnce) {
    for (const std::size_t workers : {0u, 1u, 3u})
        for (const std::size_t count : {0u, 1u, 5u, 1000u}) {
            std::vector<std::atomic<int>> done(count);
            std::atomic<std::size_t> most{0};
            int meanwhile = 0;
            const auto work = [&](std::size_t n, std::size_t who) {
                ++done[n];
                if (who > most) most = who;
            };
            share_out(count, workers, work, count / 2, [&] { ++meanwhile; });
            EXPECT_EQ(meanwhile, 1);
            for (const auto& d : done) EXPECT_EQ(d, 1);
            EXPECT_LT(most, std::max<std::size_t>(workers, 1));
        }
}

TEST(Crew, IsAwaited) {
    int done = 0;
    {
        Helper h([&] { done = 1; });
        ASSERT_TRUE(h.started());
    }
    EXPECT_EQ(done, 1);
}

}  // namespace
}  // namespace wye::sys
