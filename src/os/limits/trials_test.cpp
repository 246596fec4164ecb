// The table against the kernel: every error it names is the one that comes, and no trial shows one it does not name.
#include "os/limits/limit.hpp"
#include "support/support.hpp"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <fstream>
#include <ranges>
#include <sstream>

using namespace wye;
using namespace wye::sys;
using namespace std::chrono_literals;

namespace {

std::string told(const Trace& t) {
    std::ostringstream s;
    for (const auto& p : t.steps)
        s << "  " << p.call << " #" << p.first << ".." << p.last << " " << (p.gives.empty() ? "ok" : p.gives) << " "
          << p.remark << "\n";
    return s.str();
}

bool shows(const Trace& t, const Fault& f) {
    return std::ranges::any_of(t.steps, [&](const Step& s) { return s.call == f.call && s.gives == f.gives; });
}

std::string slurp(const char* path) {
    std::ostringstream s;
    s << std::ifstream(path).rdbuf();
    return s.str();
}

// What a trial must leave as it was.
std::string host() {
    std::string s;
    for (const char* f : {"/proc/sys/kernel/sem",
                          "/proc/sys/kernel/shmmni",
                          "/proc/sys/kernel/shmall",
                          "/proc/sys/kernel/shmmax",
                          "/proc/sys/kernel/shm_rmid_forced",
                          "/proc/sys/kernel/msgmni",
                          "/proc/sys/kernel/msgmax",
                          "/proc/sys/kernel/msgmnb",
                          "/proc/sys/kernel/pid_max",
                          "/proc/sys/fs/mqueue/queues_max",
                          "/proc/sys/fs/mqueue/msg_max",
                          "/proc/sys/fs/mqueue/msgsize_max",
                          "/proc/sys/fs/inotify/max_user_watches",
                          "/proc/sys/fs/inotify/max_user_instances",
                          "/proc/sys/user/max_ipc_namespaces",
                          "/proc/sys/user/max_net_namespaces",
                          "/proc/sys/user/max_mnt_namespaces",
                          "/proc/sys/user/max_inotify_watches",
                          "/proc/sys/user/max_inotify_instances",
                          "/proc/sys/net/core/somaxconn",
                          "/proc/sys/net/core/optmem_max",
                          "/proc/sys/net/unix/max_dgram_qlen",
                          "/proc/sys/net/ipv4/ip_local_port_range",
                          "/proc/self/limits",
                          "/proc/self/mountinfo"})
        s += slurp(f);
    return s;
}

class Trials : public testing::TestWithParam<const Limit*> {};

std::vector<const Limit*> with_trial() {
    std::vector<const Limit*> v;
    for (const auto& l : limits())
        if (l.trial.run) v.push_back(&l);
    return v;
}

std::string test_name(const testing::TestParamInfo<const Limit*>& i) {
    std::string s = i.param->name;
    std::ranges::replace_if(s, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
    return s;
}

}  // namespace

TEST_P(Trials, give_the_errors_of_the_table_and_leave_the_host_as_it_was) {
    const auto& l = *GetParam();
    const auto before = host();
    const auto descriptors = test::open_descriptors();
    const auto t = probe(l, false, 50s);
    EXPECT_EQ(before, host());
    EXPECT_EQ(descriptors, test::open_descriptors());
    if (!t && (t.error().is(Errc::denied) || t.error().is(Errc::unsupported))) GTEST_SKIP() << t.error().message();
    WYE_ASSERT_OK(t);
    for (const auto& f : l.errors())
        if (f.shown) {
            EXPECT_TRUE(shows(*t, f)) << f.call << " does not give \"" << f.gives << "\":\n" << told(*t);
        }
    for (const auto& s : t->steps) {
        const bool named = s.gives.empty() || std::ranges::any_of(l.errors(), [&](const Fault& f) {
                               return s.call == f.call && s.gives == f.gives;
                           });
        EXPECT_TRUE(named) << "not in the table:\n" << told(*t);
    }
    // Where a ceiling was set and reached by counting, it holds exactly, but for those that count in other units.
    EXPECT_FALSE(t->steps.empty());
    EXPECT_FALSE(t->place.empty());
}
INSTANTIATE_TEST_SUITE_P(All, Trials, testing::ValuesIn(with_trial()), test_name);

namespace {
// How many calls of that name succeeded before the one that did not.
std::uint64_t fitted(const char* name, bool like_here = false) {
    const auto t = probe(*find_limit(name), like_here, 20s);
    if (!t) return 0;
    const auto failed = std::ranges::find_if(t->steps, [](const Step& s) { return !s.gives.empty(); });
    return failed == t->steps.end() ? UINT64_MAX : failed->first - 1;
}
}  // namespace

TEST(Trial, counts_what_fits) {
    if (!probe(*find_limit("SEMMNI"), false, 20s)) GTEST_SKIP() << "no user namespaces here";
    EXPECT_EQ(fitted("SHMMNI"), 4u);
    EXPECT_EQ(fitted("SHMALL"), 4u);  // of four pages each
    EXPECT_EQ(fitted("SEMMNI"), 4u);
    EXPECT_EQ(fitted("SEMMNS"), 4u);
    EXPECT_EQ(fitted("MSGMNI"), 4u);
    EXPECT_EQ(fitted("MSGMNB"), 250u);  // empty messages
    EXPECT_EQ(fitted("queues_max"), 4u);
    EXPECT_EQ(fitted("RLIMIT_MSGQUEUE"), 400'000u / 82'880u);
    EXPECT_EQ(fitted("max_user_instances"), 4u);
    EXPECT_EQ(fitted("ip_local_port_range"), 4u);
    EXPECT_EQ(fitted("somaxconn"), 3u);  // one more than the backlog
    EXPECT_EQ(fitted("max_dgram_qlen"), 5u);
}

TEST(Trial, like_here_takes_the_ceiling_of_this_machine) {
    if (!probe(*find_limit("SHMMNI"), false, 20s)) GTEST_SKIP() << "no user namespaces here";
    const auto here = find_limit("SHMMNI")->ceiling.here();
    ASSERT_TRUE(here);
    if (*here > 40000) GTEST_SKIP() << "kernel.shmmni is too large to be filled";
    EXPECT_EQ(fitted("SHMMNI", true), *here);
}

TEST(Trial, what_would_cost_too_much_is_scaled_and_says_so) {
    const auto t = probe(*find_limit("SEMMNS"), true, 20s);
    if (!t) GTEST_SKIP() << t.error().message();
    if (find_limit("SEMMNS")->ceiling.here() <= 40000u) GTEST_SKIP() << "kernel.sem is small here";
    EXPECT_EQ(t->set, 40000u);
    EXPECT_NE(t->note.find("too much"), std::string::npos);
}

TEST(Trial, never_writes_a_setting_of_the_machine) {
    if (!probe(*find_limit("SEMMNI"), false, 20s)) GTEST_SKIP() << "no user namespaces here";
    auto wrong = *find_limit("SEMMNI");
    const auto before = slurp("/proc/sys/kernel/sem");
    wrong.trial.small = *wrong.ceiling.here();  // what is there, in case it is written
    wrong.trial.run = [](Stage& s) { s.call("nothing", 0); };
    wrong.trial.spaces = CLONE_NEWNS;
    const auto t = probe(wrong, false, 20s);
    WYE_EXPECT_ERRC(Errc::denied, t);
    EXPECT_EQ(before, slurp("/proc/sys/kernel/sem"));
    wrong.ceiling.file = "/proc/sys/kernel/threads-max";
    wrong.ceiling.field = 0;
    wrong.trial.spaces = CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWNS;
    wrong.trial.small = *wrong.ceiling.here();
    WYE_EXPECT_ERRC(Errc::denied, probe(wrong, false, 20s));
}

TEST(Trial, ends_at_the_deadline) {
    const auto start = std::chrono::steady_clock::now();
    const auto t = probe(*find_limit("somaxconn"), false, 50ms);  // waits 300 ms for an answer
    EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
    if (!t && !t.error().is(Errc::timed_out)) GTEST_SKIP() << t.error().message();
    WYE_EXPECT_ERRC(Errc::timed_out, t);
}

TEST(Trial, what_is_only_told_of_is_refused_with_its_reason) {
    for (const auto& l : limits()) {
        EXPECT_NE(l.trial.run == nullptr, l.trial.told == nullptr) << l.name;
        if (l.trial.run) {
            EXPECT_TRUE(l.trial.sees) << l.name;
            continue;
        }
        const auto t = probe(l, false, 1s);
        WYE_EXPECT_ERRC(Errc::unsupported, t);
        EXPECT_NE(t.error().message().find(l.trial.told), std::string::npos);
    }
}
