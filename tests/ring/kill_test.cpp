// A process that uses a ring is killed, or stopped, between any two of its instructions.
#include "ring/scenes.hpp"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>

namespace wye::test {
namespace {

// As many points of a scene as WYE_SOAK says; ./dev soak: all.
long stride(long all, long most) {
    if (const char* soak = ::getenv("WYE_SOAK")) most = std::string_view(soak) == "all" ? all : ::atol(soak);
    return std::max(1l, (all + most - 1) / most);
}

class Book : public ::testing::Environment {
public:
    static Tally& of(const std::string& scene, const char* what) { return all()[std::string(what) + " " + scene]; }
    void TearDown() override {
        std::printf("%-44s %8s %6s %6s %6s %6s %6s\n", "", "points", "stuck", "lost", "dup", "torn", "leaked");
        for (const auto& [name, t] : all())
            std::printf("%-44s %8ld %6ld %6ld %6ld %6ld %6ld\n", name.c_str(), t.points, t.stuck, t.lost, t.duplicated,
                        t.torn, t.leaked);
    }

private:
    static std::map<std::string, Tally>& all() {
        static std::map<std::string, Tally> book;
        return book;
    }
};
[[maybe_unused]] const auto* const book = ::testing::AddGlobalTestEnvironment(new Book);

class Ring : public ::testing::TestWithParam<Scene> {
protected:
    void SetUp() override {
        if (!may_step()) GTEST_SKIP() << "ptrace(2) is not allowed here";
    }
    const Scene& scene = GetParam();

    Path path() const {
        const auto s = scene.stage();
        return path_of([&] { scene.before(*s); }, [&] { scene.body(*s); });
    }
};

TEST_P(Ring, a_kill_at_any_instruction_is_noticed_by_nobody_more_than_it_must) {
    const auto way = path();
    ASSERT_GT(way.size(), 10);
    auto& tally = Book::of(scene.name, "kill");
    const long all = way.size();
    for (long i = 0; i < all; i += stride(all, 40)) {
        const auto s = scene.stage();
        {
            Stepped victim([&] { scene.before(*s); }, [&] { scene.body(*s); });
            victim.follow(way, i);
        }
        s->verify(tally, "killed at instruction " + std::to_string(i) + " of " + std::to_string(all));
        if (HasFailure()) return;
    }
}

INSTANTIATE_TEST_SUITE_P(Scenes, Ring, ::testing::ValuesIn(scenes()), [](const auto& i) { return i.param.name; });

}  // namespace
}  // namespace wye::test
