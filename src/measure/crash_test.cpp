// Deaths whose consequences are known.
#include "measure/life.hpp"
#include "measure/names.hpp"
#include "measure/others.hpp"
#include "measure/work.hpp"
#include "support/support.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
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
    bool litters = false;                   // who ends well cleans up a file of his own
    bool locks = false;                     // nobody comes in after the first two
    bool gives_up = false;                  // who has heard nothing for 20 ms says that the other is dead
    bool strict = false;                    // another user's is refused
    bool tells_of_itself = false;           // its second end leaves a file that says how it lives
    const Pages<std::atomic<int>> lingers;  // so many of who survive take longer to close than one waits for a death

    explicit Known(const test::TempDir& d) : dir_(d) { name = "known", group = "test", directory = d.path(); }
    void prepare(Shape, unsigned) override {
        for (const auto* which : {"there", "back", "door"}) {
            ASSERT_EQ(::mkfifo(path(which).c_str(), 0600), 0);
            ASSERT_EQ(::chmod(path(which).c_str(), permissions), 0);
        }
    }
    std::unique_ptr<End> open(Role r, unsigned) override {
        const bool first = r == Role::first;
        if (locks && !first && ::unlink(path("door").c_str()) != 0) throw std::runtime_error("it is locked");
        if (tells && !first) ::usleep(100'000);  // so that he is missed before another comes
        if (strict && ::geteuid() != 0) throw std::runtime_error("no stranger comes in");
        if (tells_of_itself && !first && std::filesystem::exists(path("lives"))) looks_for_who_was_here();
        if (tells_of_itself && !first)
            std::ofstream(path("lives")) << ::geteuid() << " " << ::getpid() << " " << permissions << "\n";
        return std::make_unique<One>(*this, path(first ? "back" : "there"), path(first ? "there" : "back"), first);
    }
    void clean() noexcept override {
        for (const auto* which : {"there", "back", "door"}) ::unlink(path(which).c_str());
    }

private:
    class One : public End {
    public:
        One(Known& k, const std::string& in, const std::string& out, bool first)
            : k_(k),
              in_(::open(in.c_str(), (k.tells      ? O_RDONLY | O_NONBLOCK
                                      : k.gives_up ? O_RDWR | O_NONBLOCK
                                                   : O_RDWR) |
                                         O_CLOEXEC)),
              out_(::open(out.c_str(), O_RDWR | O_CLOEXEC)),
              litter_(k.path("of-" + std::to_string(::getpid()))),
              survives_(first) {
            if (k.litters) std::ofstream(litter_) << "here";
        }
        ~One() override {
            if (survives_ && k_.lingers->fetch_sub(1) > 0) ::usleep(2'200'000);
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
                if (n > 0) met_ = true, nothing_ = 0;
                if (n > 0) return static_cast<std::size_t>(n);
                if (n == 0 && met_) throw std::runtime_error("the writer is gone");
                if (k_.gives_up && met_ && ++nothing_ > 100) throw std::runtime_error("he must be dead");
                ::usleep(100);
            }
        }

    private:
        Known& k_;
        int in_, out_;
        std::string litter_;
        bool survives_;
        unsigned n_ = 0, nothing_ = 0;
        bool met_ = false;
    };
    // Whether that one is a zombie, or soon no more.
    void looks_for_who_was_here() const {
        std::string user, pid, line;
        std::ifstream(path("lives")) >> user >> pid;
        for (int i = 0; i < 200 && std::filesystem::exists("/proc/" + pid); ++i) ::usleep(1000);
        std::ifstream stat("/proc/" + pid + "/stat");
        std::getline(stat, line);
        std::ofstream(path("was"), std::ios::app) << (line.contains(") Z ") ? "zombie " : "gone ");
    }
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

TEST(MeasureCrash, who_waits_for_one_that_never_tells_waits_two_seconds) {
    const test::TempDir dir;
    Known k(dir);
    const auto begin = std::chrono::steady_clock::now();
    const auto t = run({.workload = "crash", .messages = 3}, k);
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
    EXPECT_EQ(t.messages, 0u);
    EXPECT_EQ(t.note, "is not told in 2 s that the other died");
    EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
    k.tells = true;
    const auto told = run({.workload = "crash", .messages = 3}, k);
    EXPECT_EQ(told.messages, 3u) << told.note;
    EXPECT_EQ(told.times.total(), 3u);
    EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(MeasureCrash, who_is_stopped_is_not_dead_and_nothing_is_lost) {
    const test::TempDir dir;
    for (const auto* who : {"crash:sender:stopped", "crash:receiver:stopped"}) {
        Known k(dir);
        const auto t = after_deaths(k, who, 3);
        EXPECT_EQ(t.messages, 3u) << who << ": " << t.note;
        EXPECT_EQ(t.times.total(), 3u);
        EXPECT_EQ(t.lost, 0u) << who;
        EXPECT_EQ(t.more.at("duplicated"), 0) << who;
        EXPECT_EQ(t.more.at("errors"), 0) << who;
        EXPECT_EQ(t.note, "");
        Known forgets(dir);
        forgets.forgets = 3;
        EXPECT_GT(after_deaths(forgets, who, 3).lost, 0u) << who;
        forgets.named = false;
        EXPECT_GT(after_deaths(forgets, who, 3).lost, 0u) << "needs no name: " << who;
        Known repeats(dir);
        repeats.repeats = 2;
        EXPECT_GT(after_deaths(repeats, who, 3).more.at("duplicated"), 0) << who;
    }
}

TEST(MeasureCrash, who_takes_a_stopped_one_for_dead_is_found_out) {
    const test::TempDir dir;
    Known k(dir);
    k.gives_up = true;
    const auto t = after_deaths(k, "crash:sender:stopped", 3);
    EXPECT_GT(t.more.at("errors"), 0);
    EXPECT_EQ(t.note, "an error, and nobody is dead: he must be dead");
}

TEST(MeasureCrash, a_zombie_is_dead_and_is_one_until_all_is_over) {
    const test::TempDir dir;
    for (const std::string who : {"crash:sender", "crash:receiver"})
        for (const std::string how : {"", ":zombie"}) {
            Known k(dir);
            k.tells_of_itself = true;
            const auto t = run({.workload = who + how, .messages = 1}, k);
            EXPECT_EQ(t.messages, 3u) << who << how << ": " << t.note;
            EXPECT_EQ(t.lost, 0u) << who << how;
            std::string was;
            std::ifstream(dir / "was") >> was;
            EXPECT_EQ(was, how.empty() ? "gone" : "zombie") << who;
            for (const auto* file : {"lives", "was"}) std::filesystem::remove(dir / file);
        }
}

TEST(MeasureCrash, one_of_another_user_is_that_users) {
    const test::TempDir dir;
    Known k(dir);
    k.of_one_user = true;
    EXPECT_EQ(after_deaths(k, "crash:sender:user").note, "is for the processes of one user alone");
    Known open_to_all(dir);
    open_to_all.tells_of_itself = true;
    const auto t = run({.workload = "crash:receiver:user", .messages = 3}, open_to_all);
    if (::geteuid() != 0) {
        EXPECT_EQ(t.note, "only root can start one as another user's");
        return;
    }
    if (t.note.contains("Operation not permitted")) GTEST_SKIP() << t.note;
    EXPECT_EQ(t.messages, 3u) << t.note;
    struct stat s{};
    ASSERT_EQ(::stat(dir.path().c_str(), &s), 0);
    EXPECT_EQ(s.st_mode & 077, 0u) << "nobody else passes when all is over";
    Known strict(dir);
    strict.strict = true;
    EXPECT_EQ(run({.workload = "crash:sender:user"}, strict).note, "not with another user's: no stranger comes in");
}

TEST(MeasureCrash, one_in_another_pid_namespace_is_the_first_there) {
    const test::TempDir dir;
    for (const auto* who : {"crash:sender:pidns", "crash:receiver:pidns"}) {
        Known k(dir);
        k.tells_of_itself = true;
        const auto t = run({.workload = who, .messages = 3}, k);
        if (t.note.contains("unshare: ")) GTEST_SKIP() << t.note;
        EXPECT_EQ(t.messages, 3u) << who << ": " << t.note;
        std::string user, pid;
        std::ifstream(dir / "lives") >> user >> pid;
        EXPECT_EQ(pid, "1");
        std::filesystem::remove(dir / "lives");
    }
}

TEST(MeasureCrash, who_survives_may_take_long_to_end) {
    const test::TempDir dir;
    Known k(dir);
    *k.lingers = 1;
    EXPECT_EQ(after_deaths(k, "crash:sender", 3).messages, 3u);
    EXPECT_EQ(*k.lingers, -2);
}

// To kill(2), 0 is everybody of the group.
TEST(MeasureCrash, whose_pid_is_not_known_is_not_killed) {
    test::Child alone([] {
        ::setpgid(0, 0);
        kill_for_certain(0);
        return true;
    });
    EXPECT_TRUE(alone.ok());
}

TEST(MeasureCrash, a_name_that_came_is_seen) {
    const test::TempDir dir;
    const auto before = names_on_this_machine(dir.path());
    std::ofstream(dir / "new") << "x";
    const auto after = names_on_this_machine(dir.path());
    EXPECT_FALSE(before.contains(dir / "new"));
    EXPECT_TRUE(after.contains(dir / "new"));
}
