#include "os/removal/file.hpp"

#include "os/inject.hpp"
#include "support/support.hpp"
#include "support/together.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <optional>
#include <sstream>
#include <thread>

namespace wye::sys {
namespace {

using namespace std::chrono_literals;

struct RemovalOfFiles : ::testing::Test {
    test::TempDir dir, kept;
    int store = ::open(kept.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    ~RemovalOfFiles() override { ::close(store); }
    void write(const std::string& name, std::string_view text) const { std::ofstream(dir / name) << text; }
    std::string text(const std::string& name) const {
        std::ifstream in(dir / name);
        std::ostringstream all;
        all << in.rdbuf();
        return all.str();
    }
    bool there(const std::string& name) const {
        struct stat s{};
        return ::lstat((dir / name).c_str(), &s) == 0;
    }
    void remove(const Relic& r) const {
        const auto aside = Aside::take(r, [](const Relic&) -> Result<bool> { return true; });
        WYE_ASSERT_OK(aside);
        WYE_ASSERT_OK(aside->settle(store, {}));
    }
    Relic relic(const std::string& name, const std::string& contents = "0") const {
        auto r = find_file(dir.path(), name, ".aside");
        EXPECT_TRUE(r) << r.error().message();
        r->contents = contents;
        return *r;
    }
};

const StillFree nobody = [](const Relic&) -> Result<bool> { return true; };

TEST_F(RemovalOfFiles, AFileGoesAndComesBackAsItWas) {
    write("f", "what it says");
    ::chmod((dir / "f").c_str(), 0640);
    const auto r = relic("f");
    {
        const auto aside = Aside::take(r, nobody);
        WYE_ASSERT_OK(aside);
        EXPECT_FALSE(there("f"));
        EXPECT_TRUE(is_aside(r));
        WYE_ASSERT_OK(aside->still_alone());
        WYE_ASSERT_OK(aside->settle(store, nobody));
    }
    EXPECT_FALSE(there(".aside"));
    WYE_ASSERT_OK(put_back(r, store));
    EXPECT_EQ(text("f"), "what it says");
    struct stat s{};
    ::stat((dir / "f").c_str(), &s);
    EXPECT_EQ(s.st_mode & 07777, 0640u);
    EXPECT_EQ(s.st_mtim.tv_sec * std::int64_t{1'000'000'000} + s.st_mtim.tv_nsec, r.modified);
}

TEST_F(RemovalOfFiles, HolesStayHoles) {
    const int fd = ::open((dir / "f").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ASSERT_EQ(::ftruncate(fd, 64 << 20), 0);
    ASSERT_EQ(::pwrite(fd, "end", 3, (64 << 20) - 3), 3);
    ::close(fd);
    const auto r = relic("f");
    remove(r);
    WYE_ASSERT_OK(put_back(r, store));
    struct stat s{};
    ::stat((dir / "f").c_str(), &s);
    EXPECT_EQ(s.st_size, 64 << 20);
    EXPECT_LT(s.st_blocks * 512, 1 << 20);
    EXPECT_TRUE(text("f").ends_with("end"));
}

TEST_F(RemovalOfFiles, WhatSomebodyHasStays) {
    write("f", "mine");
    const auto r = relic("f");
    const int fd = ::open((dir / "f").c_str(), O_RDONLY | O_CLOEXEC);
    WYE_EXPECT_ERRC(Errc::busy, Aside::take(r, nobody));
    EXPECT_EQ(text("f"), "mine");
    ::close(fd);
    auto other = r;
    other.changed += 1;
    WYE_EXPECT_ERRC(Errc::busy, Aside::take(other, nobody));
    EXPECT_TRUE(there("f"));
}

TEST_F(RemovalOfFiles, AnotherOfItsNameIsNotTouched) {
    write("f", "old");
    const auto r = relic("f");
    write("g", "new");
    ASSERT_EQ(::rename((dir / "g").c_str(), (dir / "f").c_str()), 0);
    WYE_EXPECT_ERRC(Errc::mismatch, Aside::take(r, nobody));
    EXPECT_EQ(text("f"), "new");
}

TEST_F(RemovalOfFiles, ANewOneOfItsNameIsNeverOverwritten) {
    write("f", "old");
    const auto r = relic("f");
    {
        const auto aside = Aside::take(r, nobody);
        WYE_ASSERT_OK(aside);
        write("f", "new");
        WYE_EXPECT_ERRC(Errc::already_exists, put_back(r, store));
        WYE_ASSERT_OK(aside->settle(store, nobody));
    }
    WYE_EXPECT_ERRC(Errc::already_exists, put_back(r, store));
    EXPECT_EQ(text("f"), "new");
    ::unlink((dir / "f").c_str());
    WYE_ASSERT_OK(put_back(r, store));
    EXPECT_EQ(text("f"), "old");
}

TEST_F(RemovalOfFiles, ASymbolicLinkOnTheWayIsNotFollowed) {
    write("f", "x");
    ASSERT_EQ(::symlink(dir.path().c_str(), (kept / "link").c_str()), 0);
    WYE_EXPECT_ERRC(Errc::mismatch, find_file(kept / "link", "f", ".aside"));
}

// ---- who comes in the middle

std::function<void()> in_the_middle;
void call_it(int) {
    if (in_the_middle) in_the_middle();
}

// A process that opens the file when told, waits for it as long as it takes, and then looks at what it got.
class LateOpener {
public:
    explicit LateOpener(const std::string& path) : LateOpener(path, path) {}
    LateOpener(const std::string& path, const std::string& name)
        : child_([this, path, name] {
              (void)go_.wait();
              const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
              struct stat mine{}, named{};
              if (fd < 0 || ::fstat(fd, &mine) != 0) return false;
              for (int n = 0; n < 200 && ::stat(name.c_str(), &named) != 0; ++n) ::usleep(5000);
              return mine.st_nlink == 1 && named.st_ino == mine.st_ino;
          }) {}
    // Until it sleeps in open(2), where a lease keeps it.
    void come() {
        ASSERT_TRUE(go_.open());
        for (int n = 0; n < 2000; ++n) {
            std::ifstream locks("/proc/locks");
            for (std::string line; std::getline(locks, line);)
                if (line.find("BREAK") != line.npos && line.find(" " + std::to_string(::getpid()) + " ") != line.npos)
                    return;
            ::usleep(1000);
        }
        ADD_FAILURE() << "it never came";
    }
    bool satisfied() { return child_.ok(); }

private:
    test::Gate go_;
    test::Child child_;
};

struct RaceOfRemoval : RemovalOfFiles {
    RaceOfRemoval() { ::signal(SIGUSR1, call_it); }
    void SetUp() override {
        if (test::under_tsan)
            GTEST_SKIP()
                << "what is done in the middle of a call is done by a signal's handler, which TSan takes amiss";
        RemovalOfFiles::SetUp();
    }
    ~RaceOfRemoval() override { in_the_middle = {}, ::signal(SIGUSR1, SIG_DFL); }
};

// Between the lease and the other name: the kernel tells, and it goes back at once.
TEST_F(RaceOfRemoval, WhoOpensItMeanwhileGetsItUnderItsName) {
    write("f", "x");
    LateOpener opener(dir / "f");
    in_the_middle = [&] { opener.come(); };
    std::optional<Result<Aside>> r;
    {
        const Inject late{{.call = Call::rename, .nth = 1, .signal = SIGUSR1}};
        r.emplace(Aside::take(relic("f"), nobody));
        EXPECT_EQ(late.hits(), 1u);
    }
    WYE_EXPECT_ERRC(Errc::busy, *r);
    EXPECT_TRUE(opener.satisfied());
    EXPECT_TRUE(there("f"));
}

// Who had found the name before it went, and opens it a moment later, by whatever name it has then.
TEST_F(RaceOfRemoval, WhoComesWhenItHasItsOtherNameGetsItUnderItsName) {
    write("f", "x");
    LateOpener opener(dir / ".aside", dir / "f");
    {
        const auto aside = Aside::take(relic("f"), nobody);
        WYE_ASSERT_OK(aside);
        WYE_ASSERT_OK(aside->still_alone());
        opener.come();
        WYE_EXPECT_ERRC(Errc::busy, aside->still_alone());
        EXPECT_TRUE(there("f"));
    }
    EXPECT_TRUE(opener.satisfied());
}

// Also while its contents are copied.
TEST_F(RaceOfRemoval, WhoComesWhileItIsCopiedGetsItsNameBack) {
    write("f", "x");
    const auto r = relic("f");
    const auto aside = Aside::take(r, nobody);
    WYE_ASSERT_OK(aside);
    int fd = -1;
    in_the_middle = [&] { fd = ::open((dir / ".aside").c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC); };
    {
        const Inject late{{.call = Call::rename, .nth = 1, .signal = SIGUSR1}};  // the contents get their name
        WYE_EXPECT_ERRC(Errc::busy, aside->settle(store, nobody));
        EXPECT_EQ(late.hits(), 1u);
    }
    EXPECT_TRUE(there("f"));
    EXPECT_FALSE(std::ifstream(kept / "0").good());
    if (fd >= 0) ::close(fd);
}

TEST_F(RaceOfRemoval, WhatHasNoLeaseIsLookedAtAgainWithoutItsName) {
    ASSERT_EQ(::mkfifo((dir / "p").c_str(), 0600), 0);
    auto r = relic("p");
    r.stays = true;
    WYE_EXPECT_ERRC(Errc::busy, Aside::take(r, [](const Relic&) -> Result<bool> { return false; }));
    EXPECT_TRUE(there("p"));
    WYE_EXPECT_ERRC(Errc::unsupported, Aside::take(r, {}));
    EXPECT_TRUE(there("p"));
    remove(r);
    EXPECT_FALSE(there("p"));
    WYE_ASSERT_OK(put_back(r, store));
    EXPECT_TRUE(there("p"));
}

TEST_F(RaceOfRemoval, WithoutRoomItIsPutBack) {
    write("f", std::string(8192, 'x'));
    auto r = relic("f");
    r.allocated = std::uint64_t{1} << 60;
    const auto aside = Aside::take(r, nobody);
    WYE_ASSERT_OK(aside);
    WYE_EXPECT_ERRC(Errc::exhausted, aside->settle(store, nobody));
    EXPECT_TRUE(there("f"));
}

// ---- many at once

struct Tally {
    std::atomic<std::uint64_t> opened{0}, made{0}, ghosts{0}, strays{0}, removed{0}, given_back{0}, reported{0};
    std::atomic<bool> over{false};
};

constexpr int names = 100;

// Makes objects and leaves them, and opens what is there. Nothing that it has may lose its name.
bool use(const std::string& directory, Tally& t, unsigned seed) {
    for (unsigned n = 0; !t.over; ++n) {
        ::usleep(static_cast<unsigned>(::rand_r(&seed)) % 4000);
        const bool makes = (n + seed) % 2 == 0;
        const auto path = directory + "/" + std::to_string(::rand_r(&seed) % names);
        const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC | (makes ? O_CREAT | O_EXCL : 0), 0600);
        if (fd < 0) continue;
        (makes ? t.made : t.opened).fetch_add(1);
        struct stat mine{}, named{};
        // A moment for whoever has its name to give it back.
        for (int k = 0; k < 400; ++k) {
            ::fstat(fd, &mine);
            const bool has_name = ::stat(path.c_str(), &named) == 0 && named.st_ino == mine.st_ino;
            if (mine.st_nlink == 0 || has_name) break;
            ::usleep(500);
        }
        if (mine.st_nlink == 0)
            t.ghosts.fetch_add(1);
        else if (named.st_ino != mine.st_ino)
            t.strays.fetch_add(1);
        ::close(fd);
    }
    return true;
}

// All of them under way at once, each with its moment for who comes late.
void clean(const std::string& directory, int store, Tally& t) {
    std::vector<Aside> all;
    const auto came = [&](const Error& e) {
        if (e.message().find("came for it") != std::string::npos) t.given_back.fetch_add(1);
        if (e.message().find("cannot have its name back") != std::string::npos) t.reported.fetch_add(1);
    };
    for (int n = 0; n < names; ++n) {
        auto r = find_file(directory, std::to_string(n), ".aside-" + std::to_string(n));
        if (!r) continue;
        r->contents = n % 2 == 0 ? "kept" : "";
        auto aside = Aside::take(*r, {});
        if (aside)
            all.push_back(std::move(*aside));
        else
            came(aside.error());
    }
    const auto end = std::chrono::steady_clock::now() + std::chrono::nanoseconds(late_opener);
    while (std::chrono::steady_clock::now() < end) {
        std::erase_if(all, [&](const Aside& a) {
            const auto alone = a.still_alone();
            if (!alone) came(alone.error());
            return !alone;
        });
        std::this_thread::sleep_for(200us);
    }
    for (const auto& a : all) {
        const auto gone = a.settle(store, {});
        if (gone)
            t.removed.fetch_add(1);
        else
            came(gone.error());
    }
}

// WYE_SOAK=60 of seconds; the default is short.
TEST_F(RemovalOfFiles, NobodyOfAHundredLosesWhatHeHas) {
    const char* soak = ::getenv("WYE_SOAK");
    const std::chrono::seconds length(soak ? std::max(std::atoi(soak), 60) : 8);
    const test::Shared<Tally> t;
    {
        std::vector<test::Child> users;
        for (unsigned n = 0; n < 100; ++n) users.emplace_back([&, n] { return use(dir.path(), *t, n * 7919 + 1); });
        const auto end = std::chrono::steady_clock::now() + length;
        while (std::chrono::steady_clock::now() < end) clean(dir.path(), store, *t);
        t->over = true;
        for (auto& u : users) EXPECT_TRUE(u.ok(20s));
    }
    std::printf(
        "made %lu, opened %lu, removed %lu, given back %lu, with no name left %lu, with another's name %lu of %lu\n",
        t->made.load(), t->opened.load(), t->removed.load(), t->given_back.load(), t->ghosts.load(), t->strays.load(),
        t->reported.load());
    EXPECT_GT(t->removed, 0u);
    EXPECT_EQ(t->ghosts, 0u);
    // Somebody came for it, and somebody else made a new one of its name before it had it back: both keep what they
    // have, and the cleaner says where the old one lies.
    EXPECT_TRUE(t->strays == 0 || t->reported > 0);
}

}  // namespace
}  // namespace wye::sys
