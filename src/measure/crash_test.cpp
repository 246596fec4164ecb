// Deaths whose consequences are known.
#include "measure/names.hpp"
#include "measure/work.hpp"
#include "support/support.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>

using namespace wye;
using namespace wye::measure;

namespace {

// Two FIFOs, one each way, of messages of one size.
class Known : public Means {
public:
    bool tells = false;    // a reader, that its writer is gone
    unsigned forgets = 0;  // every so many-th message that is sent
    unsigned repeats = 0;
    bool litters = false;  // who ends well cleans up a file of his own
    bool locks = false;    // nobody comes in after the first two

    explicit Known(const test::TempDir& d) : dir_(d) { name = "known", group = "test", directory = d.path(); }
    void prepare(Shape, unsigned) override {
        for (const auto* which : {"there", "back", "door"}) ASSERT_EQ(::mkfifo(path(which).c_str(), 0600), 0);
    }
    std::unique_ptr<End> open(Role r, unsigned) override {
        const bool first = r == Role::first;
        if (locks && !first && ::unlink(path("door").c_str()) != 0) throw std::runtime_error("it is locked");
        if (tells && !first) ::usleep(100'000);  // so that he is missed before another comes
        return std::make_unique<One>(*this, path(first ? "back" : "there"), path(first ? "there" : "back"));
    }
    void clean() noexcept override {
        for (const auto* which : {"there", "back", "door"}) ::unlink(path(which).c_str());
    }

private:
    class One : public End {
    public:
        One(Known& k, const std::string& in, const std::string& out)
            : k_(k),
              in_(::open(in.c_str(), (k.tells ? O_RDONLY | O_NONBLOCK : O_RDWR) | O_CLOEXEC)),
              out_(::open(out.c_str(), O_RDWR | O_CLOEXEC)),
              litter_(k.path("of-" + std::to_string(::getpid()))) {
            if (k.litters) std::ofstream(litter_) << "here";
        }
        ~One() override {
            ::close(in_), ::close(out_);
            ::unlink(litter_.c_str());
        }
        void send(Bytes b) override {
            ++n_;
            if (k_.forgets && n_ % k_.forgets == 0) return;
            for (unsigned i = 0; i < (k_.repeats && n_ % k_.repeats == 0 ? 2u : 1u); ++i)
                if (::write(out_, b.data(), b.size()) != std::ssize(b)) throw std::runtime_error("write");
        }
        std::size_t recv(MutBytes into, bool) override {
            for (;;) {
                const auto n = ::read(in_, into.data(), into.size());
                if (n > 0) met_ = true;
                if (n > 0) return static_cast<std::size_t>(n);
                if (n == 0 && met_) throw std::runtime_error("the writer is gone");
                ::usleep(100);
            }
        }

    private:
        Known& k_;
        int in_, out_;
        std::string litter_;
        unsigned n_ = 0;
        bool met_ = false;
    };
    std::string path(const std::string& which) const { return dir_ / which; }
    const test::TempDir& dir_;
};

Taken after_deaths(Known& k, const char* workload, std::uint64_t messages = 5) {
    auto t = run({.workload = workload, .messages = messages}, k);
    EXPECT_TRUE(std::filesystem::is_empty(k.directory));
    return t;
}

}  // namespace

TEST(MeasureCrash, a_new_one_takes_the_place_and_nothing_is_lost_where_nothing_is) {
    const test::TempDir dir;
    for (const auto* who : {"crash:sender", "crash:receiver"}) {
        Known k(dir);
        const auto t = after_deaths(k, who);
        EXPECT_EQ(t.messages, 5u);
        EXPECT_EQ(t.times.total(), 5u);
        EXPECT_EQ(t.lost, 0u) << who;
        EXPECT_EQ(t.more.at("duplicated"), 0) << who;
        EXPECT_EQ(t.more.at("told"), 0);
        EXPECT_FALSE(t.more.contains("told_ns"));
        EXPECT_EQ(t.note, "is not told, and goes on");
    }
}

TEST(MeasureCrash, what_is_lost_and_what_comes_twice_is_counted) {
    const test::TempDir dir;
    for (const auto* who : {"crash:sender", "crash:receiver"}) {
        Known forgets(dir);
        forgets.forgets = 3;
        EXPECT_GT(after_deaths(forgets, who).lost, 0u) << who;
        forgets.lossless = false;
        const auto t = after_deaths(forgets, who);
        EXPECT_EQ(t.lost, 0u) << "promises nothing: " << who;
        EXPECT_FALSE(t.more.contains("duplicated"));
        Known repeats(dir);
        repeats.repeats = 2;
        EXPECT_GT(after_deaths(repeats, who).more.at("duplicated"), 0) << who;
    }
}

TEST(MeasureCrash, who_is_told_says_when_and_what_the_dead_leaves_is_named) {
    const test::TempDir dir;
    Known k(dir);
    k.litters = true;
    const auto t = run({.workload = "crash:receiver", .messages = 3}, k);
    EXPECT_EQ(t.more.at("left"), 1);
    EXPECT_NE(t.note.find("; leaves 1 beside: " + dir.path() + "/of-"), std::string::npos) << t.note;
    for (const auto& litter : std::filesystem::directory_iterator(dir.path())) std::filesystem::remove(litter);
    Known tells(dir);
    tells.tells = true;
    const auto told = after_deaths(tells, "crash:sender", 3);
    EXPECT_GT(told.more.at("told"), 0);
    EXPECT_GT(told.more.at("told_ns"), 0);
    EXPECT_EQ(told.note.find("is told, and opens again"), 0u) << told.note;
}

TEST(MeasureCrash, where_nobody_new_comes_in_it_says_so_and_ends) {
    const test::TempDir dir;
    Known k(dir);
    k.locks = true;
    const auto t = after_deaths(k, "crash:sender");
    EXPECT_EQ(t.messages, 0u);
    EXPECT_EQ(t.times.total(), 0u);
    EXPECT_EQ(t.note, "is not told, and nothing new came through in 2 s: it is locked");
    k.named = false;
    EXPECT_EQ(after_deaths(k, "crash:sender").note, "has no name: nobody new can take the place of the dead");
}

TEST(MeasureCrash, a_name_that_came_is_seen) {
    const test::TempDir dir;
    const auto before = names_on_this_machine(dir.path());
    std::ofstream(dir / "new") << "x";
    const auto after = names_on_this_machine(dir.path());
    EXPECT_FALSE(before.contains(dir / "new"));
    EXPECT_TRUE(after.contains(dir / "new"));
}
