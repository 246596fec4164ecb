// A process that uses a ring is killed, or stopped, between any two of its instructions.
#include "ring/book.hpp"
#include "ring/scenes.hpp"
#include "ring/visible.hpp"
#include "support/support.hpp"

#include <optional>
#include <set>

namespace wye::test {
namespace {

class RingScene : public ::testing::TestWithParam<Scene> {
protected:
    void SetUp() override {
        if (!may_step()) GTEST_SKIP() << "ptrace(2) is not allowed here";
    }
    const Scene& scene = GetParam();

    Path path() const {
        const auto s = scene.stage();
        Stepped one([&] { scene.before(*s); }, [&] { scene.body(*s); });
        if (under_asan || under_tsan) return trace(one);  // many times as long; a plain build tries them all
        Visible visible(*s);
        return trace(one, [&](std::uintptr_t executed) { return visible.changed_by(executed); });
    }
};

// What a dead process leaves is what others can see of it. So a kill behind any of the instructions between two that
// change that is the same kill: each that does is tried, and a few of the others, which must agree.
TEST_P(RingScene, a_kill_at_any_instruction_is_noticed_by_nobody_more_than_it_must) {
    const auto way = path();
    ASSERT_GT(way.size(), 10);
    auto& tally = Book::of(scene.name, "kill");
    const long all = way.size();
    if (!way.seen.empty()) tally.covered += all;
    std::set<long> points(way.seen.begin(), way.seen.end());
    for (long i = 0; i < all; i += stride(all, way.seen.empty() ? 16 : 4)) points.insert(i);
    for (const long i : points) {
        const auto s = scene.stage();
        {
            Stepped victim([&] { scene.before(*s); }, [&] { scene.body(*s); });
            victim.follow(way, i);
        }
        s->verify(tally, "killed at instruction " + std::to_string(i) + " of " + std::to_string(all));
        if (HasFailure()) return;
    }
}

TEST_P(RingScene, a_stop_at_any_instruction_is_no_death_and_it_goes_on) {
    const auto way = path();
    const long all = way.size();
    auto& tally = Book::of(scene.name, "stop");
    for (long i = 0; i < all; i += stride(all, 4)) {
        const auto s = scene.stage();
        const auto where = "stopped at instruction " + std::to_string(i) + " of " + std::to_string(all);
        {
            const auto body = [&] { scene.body(*s), s->report->finished = true; };
            Stepped victim([&] { scene.before(*s); }, body);
            victim.follow(way, i);
            s->go_round(tally, where);
            victim.finish();
            EXPECT_TRUE(s->report->finished) << where << ": it did not go on";
        }
        s->verify(tally, where);
        if (HasFailure()) return;
    }
}

// Who looks after a death is killed too, and the next one buries both.
TEST_P(RingScene, whoever_repairs_may_be_killed_too) {
    const auto way = path();
    const long all = way.size();
    auto& tally = Book::of(scene.name, "kill x kill");
    for (long i = all - 1; i > 0; i -= stride(all, 2)) {
        std::optional<Path> repair;
        for (long j = 0; !repair || j < repair->size(); j += repair ? stride(repair->size(), 3) : 0) {
            const auto s = scene.stage();
            if (!shm::Pages::open(s->name, s->shape, Create::never)) break;  // nobody was there before the victim
            Stepped victim([&] { scene.before(*s); }, [&] { scene.body(*s); });
            victim.follow(way, i);
            std::optional<Undertaker> u;
            Stepped undertaker(
                [&] {
                    if (!s->removing) u.emplace(*s);
                },
                [&] {
                    if (u) u->bury_dead();
                });
            victim.kill();
            if (!repair) {
                repair = trace(undertaker);
                continue;
            }
            undertaker.follow(*repair, j);
            undertaker.kill();
            s->verify(tally, "killed at " + std::to_string(i) + ", its repair at " + std::to_string(j));
            if (HasFailure()) return;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Ring, RingScene, ::testing::ValuesIn(scenes()), [](const auto& i) { return i.param.name; });

}  // namespace
}  // namespace wye::test
