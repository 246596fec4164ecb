// Twenty scenarios and more, each with the answer and why it is the right one; and what the engine promises of itself.
#include "measure/advice.hpp"

#include "wye/registry/open.hpp"
#include "wye/transport/nats.hpp"

#include "support/support.hpp"

#include <algorithm>
#include <set>

namespace wye::advice {
namespace {

// As most systems are set up, so that no test depends on this one.
std::optional<std::uint64_t> usual(std::string_view limit) {
    if (limit == "msgsize_max" || limit == "MSGMAX") return 8192;
    return {};
}

bool there(std::string_view means) {
    return std::ranges::any_of(subjects(), [&](const Subject& s) { return s.name == means; });
}

bool built(std::string_view means) {
    return std::ranges::any_of(subjects(), [&](const Subject& s) { return s.name == means && s.built; });
}

struct Scenario {
    const char* what;
    Needs needs;
    const char* answer;
    const char* why;
};

const Scenario scenarios[] = {
    {"a parent reads what its forked child finds",
     {.where = Where::forked},
     "pipe",
     "nothing is made and nothing stays behind; a name would be one too many"},
    {"a server hands work to a forked helper and hears back",
     {.where = Where::forked, .both_ways = true},
     "socketpair",
     "the only one of a fork's own that goes both ways"},
    {"a program uses another as a filter",
     {.where = Where::started, .both_ways = true},
     "exec",
     "it starts the program and has both of its ends"},
    {"a wrapper talks to bc(1)",
     {.purpose = Purpose::question, .partner = Partner::stdio},
     "exec",
     "the partner has nothing but its standard input and output"},
    {"a filter in somebody else's shell pipeline",
     {.where = Where::unrelated, .partner = Partner::stdio},
     "fd",
     "the shell has connected it already"},
    {"a script sends lines to a daemon",
     {.where = Where::unrelated},
     "fifo",
     "one way between strangers: the page's first, and it can be watched with cat"},
    {"a program that only opens files reads what we write",
     {.partner = Partner::files},
     "fifo",
     "it looks like a file and is not one"},
    {"a client and a daemon on one host converse",
     {.where = Where::unrelated, .both_ways = true},
     "unix",
     "both ways between strangers, and it tells who is there"},
    {"a privileged process hands open files to a sandboxed one",
     {.descriptors = true},
     "unix",
     "descriptors travel with no other means"},
    {"job tickets, urgent ones first, taken when somebody comes",
     {.parties = Parties::many_to_one, .kept = Kept::crash, .priority = true},
     "posix-mq",
     "the kernel keeps them by priority whoever dies; no process need be there"},
    {"notes for a program that is started once a day",
     {.kept = Kept::absent},
     "posix-mq",
     "a queue of the kernel: nobody has to be there, and each note is for one reader"},
    {"orders and complaints in one place, each reader takes its kind",
     {.kept = Kept::absent, .by_type = true},
     "sysv-mq",
     "the only one whose reader asks for a type while the rest stays"},
    {"an audit log that several write and auditors read later",
     {.parties = Parties::all_to_all, .kept = Kept::reboot, .loss = Loss::none},
     "file",
     "every reader has all of it, also after a reboot"},
    {"a stock ticker to all programs of one user",
     {.parties = Parties::one_to_many},
     "pub-sub@shm",
     "each subscriber hears all, and nothing has to run besides"},
    {"system news to programs of all users",
     {.other_user = true, .parties = Parties::one_to_many},
     "pub-sub@unix",
     "shm: is one user's; a socket has permissions"},
    {"a chat: many speak, all hear",
     {.parties = Parties::all_to_all},
     "pub-sub@unix",
     "shm: has one publisher at a time"},
    {"a gauge of which only the newest value counts",
     {.loss = Loss::latest},
     "pub-sub@shm",
     "a subscriber that is slow gets the latest, not what is over"},
    {"images to be scaled by as many workers as there are processors",
     {.parties = Parties::shared_work, .survive_kill = true},
     "work-queue@shm",
     "a killed worker's job comes again, and death is what the kernel says"},
    {"the same, and thumbnails first",
     {.parties = Parties::shared_work, .priority = true, .survive_kill = true},
     "work-queue@unix",
     "a hub has priorities and leases; the queues of the kernel lose a dead worker's job"},
    {"jobs for a cluster that must outlive any of its hosts",
     {.where = Where::network, .parties = Parties::shared_work, .kept = Kept::host},
     "work-queue@nats",
     "only replicas on several hosts survive the loss of one"},
    {"a name service on one host",
     {.purpose = Purpose::question, .parties = Parties::many_to_one},
     "request@unix",
     "answers find back to who asked, and who asks nobody is told at once"},
    {"an agent asks its controller across the internet",
     {.purpose = Purpose::question, .where = Where::network},
     "request@tls",
     "others are on the way"},
    {"a backup to another host over somebody's network",
     {.where = Where::network},
     "tls",
     "everything must arrive, and nobody may read along"},
    {"the same in a rack of our own",
     {.where = Where::network, .trusted = true},
     "tcp",
     "no certificates where nobody else is"},
    {"positions of players in a network of our own, sixty times a second",
     {.where = Where::network, .trusted = true, .loss = Loss::allowed},
     "udp",
     "late is as bad as lost"},
    {"video frames that several programs paint into",
     {.purpose = Purpose::memory},
     "posix-shm",
     "strangers find it by a name, and nothing is copied"},
    {"a table that is there after a reboot",
     {.purpose = Purpose::memory, .kept = Kept::reboot},
     "file-map",
     "pages of a file are on the disk"},
    {"a forked worker's result of a gigabyte",
     {.purpose = Purpose::memory, .where = Where::forked},
     "memfd",
     "pages without a name go with their processes"},
    {"one backup at a time",
     {.purpose = Purpose::lock, .survive_kill = true},
     "lock",
     "the kernel unlocks for whoever dies"},
    {"one backup at a time, of several hosts that share a directory",
     {.purpose = Purpose::lock, .where = Where::network},
     "dir-lock",
     "mkdir is atomic where locks do not hold"},
    {"at most four compilers",
     {.purpose = Purpose::permits, .survive_kill = true},
     "shm-sem",
     "the permit of a killed one comes back"},
    {"at most four, of different users",
     {.purpose = Purpose::permits, .other_user = true, .survive_kill = true},
     "sysv-sem",
     "the kernel undoes what a dead process of any user held"},
    {"read your configuration again",
     {.purpose = Purpose::event, .pollable = true},
     "signal",
     "a number is all there is to say"},
    {"a frame of 8 MiB to another program",
     {.loss = Loss::none, .size = 8 << 20},
     "unix",
     "what is too large to copy is handed over as a descriptor"},
    {"urgent messages of 64 KiB, kept",
     {.kept = Kept::crash, .priority = true, .size = 1 << 16},
     nullptr,
     "the kernel's queues take 8 KiB, and whatever else keeps has no priorities"},
    {"urgent and durable over the network",
     {.where = Where::network, .parties = Parties::many_to_one, .kept = Kept::crash, .priority = true},
     nullptr,
     "what keeps across hosts has no priorities, and the hubs that have them keep nothing"},
};

std::string told(const Advice& a) {
    std::string s;
    for (const auto& j : a.fits) {
        s += j.subject->name + " (" + std::to_string(j.weight()) + ") ";
        for (const auto& b : j.burdens) s += "; " + std::string(b.what);
        s += "\n";
    }
    return s;
}

TEST(Advice, GivesTheRightAnswerToEachScenario) {
    unsigned tried = 0;
    for (const auto& s : scenarios) {
        SCOPED_TRACE(std::string(s.what) + ": " + (s.answer ? s.answer : "nothing") + ", for " + s.why);
        if (s.answer && !built(s.answer)) continue;  // a build without TLS, or NATS
        ++tried;
        const auto a = advise(s.needs, nullptr, usual);
        if (!s.answer) {
            EXPECT_TRUE(a.fits.empty()) << told(a);
            EXPECT_FALSE(a.conflict.empty());
        } else if (a.fits.empty()) {
            for (const auto& r : a.ruled_out[0].against) ADD_FAILURE() << a.ruled_out[0].subject->name << " " << r.why;
        } else {
            EXPECT_EQ(a.fits[0].subject->name, s.answer) << told(a);
        }
    }
    EXPECT_GE(tried, 20u);
}

// Of each need one that lacks it, and one that has it, whatever else may be wrong with either.
struct Case {
    Need need;
    Needs needs;
    const char *lacks, *has;
};

const Case cases[] = {
    {Need::purpose, {}, "signal", "pipe"},
    {Need::purpose, {}, "posix-shm", "unix"},
    {Need::purpose, {}, "lock", "fifo"},
    {Need::purpose, {}, "request@unix", "work-queue@unix"},
    {Need::purpose, {.purpose = Purpose::question}, "pipe", "socketpair"},
    {Need::purpose, {.purpose = Purpose::question}, "pub-sub@unix", "request@unix"},
    {Need::purpose, {.purpose = Purpose::memory}, "unix", "memfd"},
    {Need::purpose, {.purpose = Purpose::lock}, "unix", "sysv-sem"},
    {Need::purpose, {.purpose = Purpose::permits}, "lock", "posix-sem"},
    {Need::purpose, {.purpose = Purpose::event}, "posix-shm", "signal"},
    {Need::purpose, {.purpose = Purpose::event}, "work-queue@shm", "shm-sem"},
    {Need::place, {.where = Where::unrelated}, "pipe", "fifo"},
    {Need::place, {.where = Where::unrelated}, "exec", "unix"},
    {Need::place, {.where = Where::forked}, "exec", "pipe"},
    {Need::place, {.where = Where::forked}, "fd", "socketpair"},
    {Need::place, {.where = Where::started}, "fd", "exec"},
    {Need::place, {.where = Where::network}, "unix", "tcp"},
    {Need::place, {.where = Where::network}, "work-queue@shm", "work-queue@tcp"},
    {Need::secrecy, {.where = Where::network}, "tcp", "nats"},
    {Need::secrecy, {.where = Where::network}, "pub-sub@tcp", "pub-sub@nats"},
    {Need::other_user, {.other_user = true}, "shm", "unix"},
    {Need::other_user, {.other_user = true}, "pub-sub@shm", "pub-sub@unix"},
    {Need::parties, {}, "pub-sub@shm", "work-queue@shm"},
    {Need::parties, {.parties = Parties::many_to_one}, "shm", "fifo"},
    {Need::parties, {.parties = Parties::many_to_one}, "socketpair", "pipe"},
    {Need::parties, {.parties = Parties::many_to_one}, "exec", "unix"},
    {Need::parties, {.parties = Parties::one_to_many}, "unix", "file"},
    {Need::parties, {.parties = Parties::one_to_many}, "work-queue@shm", "pub-sub@shm"},
    {Need::parties, {.parties = Parties::all_to_all}, "pub-sub@shm", "pub-sub@unix"},
    {Need::parties, {.parties = Parties::shared_work}, "file", "work-queue@shm"},
    {Need::parties, {.purpose = Purpose::question, .parties = Parties::many_to_one}, "unix", "request@unix"},
    {Need::both_ways, {.both_ways = true}, "posix-mq", "socketpair"},
    {Need::both_ways, {.both_ways = true}, "fifo", "unix"},
    {Need::partner, {.partner = Partner::files}, "unix", "file"},
    {Need::partner, {.partner = Partner::stdio}, "shm", "exec"},
    {Need::kept, {.kept = Kept::absent}, "unix", "shm"},
    {Need::kept, {.kept = Kept::absent}, "work-queue@unix", "work-queue@shm"},
    {Need::kept, {.kept = Kept::crash}, "fifo", "posix-mq"},
    {Need::kept, {.kept = Kept::reboot}, "posix-mq", "file"},
    {Need::kept, {.kept = Kept::host}, "file", "work-queue@nats"},
    {Need::loss, {.loss = Loss::none}, "udp", "tcp"},
    {Need::loss, {.loss = Loss::none}, "work-queue@posix-mq", "work-queue@unix"},
    {Need::loss, {.loss = Loss::latest}, "pipe", "pub-sub@shm"},
    {Need::priority, {.priority = true}, "pipe", "posix-mq"},
    {Need::priority, {.priority = true}, "work-queue@shm", "work-queue@unix"},
    {Need::priority, {.priority = true}, "pub-sub@unix", "work-queue@posix-mq"},
    {Need::by_type, {.by_type = true}, "posix-mq", "sysv-mq"},
    {Need::by_type, {.by_type = true}, "work-queue@shm", "pub-sub@shm"},
    {Need::survive_kill, {.survive_kill = true}, "pipe", "file"},
    {Need::survive_kill, {.survive_kill = true}, "posix-sem", "shm-sem"},
    {Need::survive_kill, {.survive_kill = true}, "dir-lock", "lock"},
    {Need::survive_kill, {.survive_kill = true}, "memfd", "posix-shm"},
    {Need::survive_kill, {.survive_kill = true}, "work-queue@posix-mq", "work-queue@shm"},
    {Need::pollable, {.pollable = true}, "sysv-mq", "posix-mq"},
    {Need::descriptors, {.descriptors = true}, "pipe", "unix"},
    {Need::descriptors, {.descriptors = true}, "pub-sub@unix", "unix"},
    {Need::no_server, {.no_server = true}, "pub-sub@nats", "pub-sub@unix"},
    {Need::size, {.size = 100'000}, "udp", "tcp"},
    {Need::size, {.size = 100'000}, "posix-mq", "pipe"},
};

TEST(Advice, RulesOutWhatLacksANeedAndNotWhatHasIt) {
    const auto is_against = [](const char* name, const Case& c) {
        const auto s = std::ranges::find(subjects(), name, &Subject::name);
        if (s == subjects().end()) return ADD_FAILURE() << name, false;
        return std::ranges::any_of(reasons_against(*s, c.needs, usual), [&](auto& r) { return r.need == c.need; });
    };
    for (const auto& c : cases) {
        EXPECT_TRUE(is_against(c.lacks, c)) << c.lacks << " lacks " << phrase(c.need, c.needs);
        EXPECT_FALSE(is_against(c.has, c)) << c.has << " has " << phrase(c.need, c.needs);
    }
}

TEST(Advice, RulesOutWhatThisBuildHasNot) {
    auto s = *std::ranges::find(subjects(), "nats", &Subject::name);
    EXPECT_EQ(s.built, nats_built());
    s.built = true;
    EXPECT_TRUE(reasons_against(s, {}, usual).empty());
    s.built = false;
    ASSERT_EQ(reasons_against(s, {}, usual).size(), 1u);
    EXPECT_NE(reasons_against(s, {}, usual)[0].why.find("not in this build"), std::string::npos);
}

TEST(Advice, JudgesEverythingAndGivesAReasonForEachThatIsOut) {
    for (const auto& s : scenarios) {
        const auto a = advise(s.needs, nullptr, usual);
        EXPECT_EQ(a.fits.size() + a.ruled_out.size(), subjects().size());
        for (const auto& j : a.ruled_out) {
            ASSERT_FALSE(j.against.empty());
            for (const auto& r : j.against) EXPECT_FALSE(phrase(r.need, s.needs).empty()) << j.subject->name << r.why;
        }
    }
}

TEST(Advice, KnowsEveryMeansOfThisBuildAndEveryPatternThatIsCarried) {
    std::set<std::string_view> offered;
    for (const auto& o : offers()) EXPECT_TRUE(offered.insert(o.means).second) << o.means;
    for (const auto* m : mechanisms()) EXPECT_TRUE(offered.contains(m->traits.scheme)) << m->traits.scheme;
    for (const auto* c : carrier::carriers())
        EXPECT_EQ(there("pub-sub@" + std::string(c->scheme)), c->publisher != nullptr) << c->scheme;
}

TEST(Advice, ShowsLinesForEverySubject) {
    for (const auto& s : subjects()) {
        EXPECT_FALSE(shown_cpp(s).empty()) << s.name << " " << s.cpp;
        EXPECT_FALSE(shown_shell(s).empty()) << s.name << " " << s.shell;
        EXPECT_EQ(shown_cpp(s).find("----"), std::string::npos) << s.name;
        EXPECT_FALSE(hurts(s, {}).empty()) << s.name;
    }
}

TEST(Advice, NamesTheSmallestSetOfNeedsThatNothingServes) {
    const Needs w{.where = Where::network,
                  .other_user = true,
                  .parties = Parties::many_to_one,
                  .kept = Kept::crash,
                  .priority = true};
    const auto a = advise(w, nullptr, usual);
    EXPECT_EQ(a.conflict, (std::vector{Need::place, Need::kept, Need::priority}));
    ASSERT_FALSE(a.ruled_out.empty());
    EXPECT_EQ(a.ruled_out[0].against.size(), 1u) << a.ruled_out[0].subject->name;
}

TEST(Advice, AsksTheMachineForItsLimits) {
    const Needs w{.kept = Kept::crash, .priority = true, .size = 1 << 16};
    const auto raised = advise(w, nullptr, [](std::string_view) { return std::optional<std::uint64_t>(1 << 20); });
    ASSERT_FALSE(raised.fits.empty());
    EXPECT_EQ(raised.fits[0].subject->name, "posix-mq");
    EXPECT_TRUE(limits_here()("msgsize_max").value_or(1) > 0);
    EXPECT_FALSE(limits_here()("no-such-limit"));
}

Figures some() {
    return {.file = "bench.json",
            .said = {},
            .rows = {{.means = "unix", .workload = "latency", .wait = "block", .size = 64, .ns = 5000},
                     {.means = "unix", .workload = "latency", .wait = "poll", .size = 64, .ns = 900},
                     {.means = "unix", .workload = "latency", .wait = "block", .size = 65536, .ns = 20000},
                     {.means = "shm", .workload = "latency", .wait = "block", .size = 64, .ns = 300},
                     {.means = "fifo", .workload = "latency", .wait = "block", .size = 64, .ns = 7000},
                     {.means = "unix", .workload = "throughput", .size = 64, .per_second = 800'000},
                     {.means = "fifo", .workload = "throughput", .size = 64, .per_second = 900'000},
                     {.means = "shm", .workload = "throughput", .size = 64, .per_second = 20'000'000},
                     {.means = "shm", .workload = "queue", .size = 64, .per_second = 5'000'000}}};
}

std::string first(const Advice& a) { return a.fits.empty() ? "" : a.fits[0].subject->name; }

TEST(AdviceByFigures, OfThoseThatFitAlikeTheFastestComesFirst) {
    const auto f = some();
    EXPECT_EQ(first(advise({.where = Where::unrelated}, nullptr, usual)), "fifo");
    EXPECT_EQ(first(advise({.where = Where::unrelated}, &f, usual)), "shm");
    // What fits less is not made better by being fast.
    EXPECT_EQ(first(advise({.where = Where::unrelated, .other_user = true}, &f, usual)), "unix");
    EXPECT_EQ(first(advise({.where = Where::forked}, &f, usual)), "pipe");
    const Figures fast{.file = {}, .said = {}, .rows = {{.means = "nats", .workload = "fanout", .size = 64, .ns = 1}}};
    const Needs news{.where = Where::network, .trusted = true, .parties = Parties::one_to_many};
    EXPECT_EQ(first(advise(news, &fast, usual)), "pub-sub@tcp");
    const Figures faster{.file = {},
                         .said = {},
                         .rows = {{.means = "sysv-mq", .workload = "latency", .size = 64, .ns = 1},
                                  {.means = "tls", .workload = "latency", .size = 64, .ns = 1}}};
    EXPECT_EQ(first(advise({.kept = Kept::absent}, &faster, usual)), "posix-mq");
    EXPECT_EQ(first(advise({.where = Where::network, .trusted = true}, &faster, usual)), "tcp");
}

TEST(AdviceByFigures, ARateThatWasNeverReachedRulesOutAndSaysTheFigure) {
    const auto f = some();
    const auto a = advise({.other_user = true, .loss = Loss::none, .size = 64, .rate = 850'000}, &f, usual);
    EXPECT_EQ(first(a), "fifo");
    const auto out = std::ranges::find(a.ruled_out, "unix", [](const Judged& j) { return j.subject->name; });
    ASSERT_NE(out, a.ruled_out.end());
    EXPECT_EQ(out->against[0].need, Need::rate);
    EXPECT_EQ(out->against[0].why, "was measured at 800,000 messages a second here");
    // Nothing was measured: nothing is claimed.
    EXPECT_FALSE(advise({.rate = 1e11}, nullptr, usual).fits.empty());
}

TEST(AdviceByFigures, WhatIsWithinTheSpreadOfTheRoundsIsNotCalledSlower) {
    auto f = some();
    const auto said = [&] {
        const auto a = advise({.where = Where::unrelated}, &f, usual);
        const auto second = std::ranges::find(a.fits, "unix", [](const Judged& j) { return j.subject->name; });
        return ahead(a.fits[0], *second);
    };
    EXPECT_EQ(said(), "as fit, and slower here");
    for (auto& r : f.rows) r.spread = 30;
    EXPECT_EQ(said(), "as fit, and as fast here as can be told");
}

TEST(AdviceByFigures, AQuestionAndItsAnswerAreTwoWays) {
    const auto f = some();
    const auto a = advise({.purpose = Purpose::question, .where = Where::unrelated}, &f, usual);
    const auto bare = std::ranges::find(a.fits, "unix", [](const Judged& j) { return j.subject->name; });
    ASSERT_NE(bare, a.fits.end());
    EXPECT_EQ(bare->time->value, 10000);
}

TEST(Advice, ShowsTheLinesThatDoWhatIsNeeded) {
    const auto lines = [](const Needs& w) { return fitted(*advise(w, nullptr, usual).fits[0].subject, w).cpp; };
    EXPECT_EQ(lines({.descriptors = true}), "descriptor.cpp");
    EXPECT_EQ(lines({.loss = Loss::none, .size = 8 << 20}), "descriptor.cpp");
    EXPECT_EQ(lines({.where = Where::unrelated, .both_ways = true}), "converse.cpp");
    EXPECT_EQ(lines({.where = Where::forked, .both_ways = true}), "pair.cpp");
    EXPECT_EQ(lines({.where = Where::unrelated}), "channel.cpp");
}

TEST(AdviceByFigures, BelowTheMeasuredSizesNothingIsRuledOutByTheirRate) {
    const auto f = some();
    const auto a = advise({.where = Where::unrelated, .both_ways = true, .size = 8, .rate = 850'000}, &f, usual);
    EXPECT_EQ(first(a), "unix");
    const auto b = advise({.where = Where::unrelated, .both_ways = true, .size = 4096, .rate = 850'000}, &f, usual);
    EXPECT_NE(first(b), "unix") << "a larger message is not faster";
}

TEST(Needs, EachHasItsWordsAndItsOption) {
    Needs w{.where = Where::network, .size = 4096, .rate = 1000};
    EXPECT_EQ(option(Need::size, w), "--size=4096");
    EXPECT_EQ(option(Need::rate, w), "--rate=1000");
    EXPECT_EQ(phrase(Need::place, w), "another host");
    EXPECT_EQ(asked(w), (std::vector{Need::place, Need::secrecy, Need::size, Need::rate}));
    w.trusted = true;
    EXPECT_EQ(asked(w), (std::vector{Need::place, Need::size, Need::rate}));
}

}  // namespace
}  // namespace wye::advice
