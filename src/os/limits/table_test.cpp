// The table is whole, and what it shows of this machine is what others show.
#include "os/limits/limit.hpp"
#include "os/usage/proc_text.hpp"
#include "support/support.hpp"

#include <gtest/gtest.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <unistd.h>

#include <cctype>
#include <csignal>
#include <cstring>
#include <set>

using namespace wye;
using namespace wye::sys;

namespace {

bool is_error(std::string_view name) {
    for (int e = 1; e < 200; ++e)
        if (const char* n = ::strerrorname_np(e); n && name == n) return true;
    for (int s = 1; s < SIGRTMIN; ++s)
        if (const char* n = ::sigabbrev_np(s); n && name == std::string("SIG") + n) return true;
    return name == "EWOULDBLOCK";
}

const Reading* of(const Survey& s, std::string_view name) {
    for (const auto& e : s.entries)
        if (e.limit->name == name) return &e.reading;
    return nullptr;
}

}  // namespace

TEST(Table, every_row_is_whole) {
    std::set<std::string> names;
    EXPECT_GE(limits().size(), 60u);
    for (const auto& l : limits()) {
        EXPECT_TRUE(names.insert(l.name).second) << l.name << " twice";
        EXPECT_EQ(find_limit(l.name), &l);
        EXPECT_TRUE(l.title && l.use && l.remedy) << l.name;
        EXPECT_FALSE(l.errors().empty()) << l.name;
        for (const auto& f : l.errors()) {
            EXPECT_TRUE(f.call && f.gives && f.remark && f.source) << l.name;
            const std::string_view remark = f.remark, gives = f.gives, source = f.source;
            EXPECT_TRUE(gives.empty() || is_error(gives)) << l.name << ": " << gives;
            EXPECT_EQ(gives.empty(), remark.starts_with("no error: ")) << l.name << ": " << remark;
            EXPECT_TRUE(source == "measured" || source.ends_with(")") || source.starts_with("Documentation/"))
                << l.name << ": " << source;
        }
    }
    EXPECT_EQ(find_limit("semmni"), find_limit("SEMMNI"));
    EXPECT_EQ(find_limit("SEMNI"), nullptr);
}

TEST(Table, a_ceiling_that_a_file_tells_is_read_where_the_file_is) {
    for (const auto& l : limits())
        if (l.ceiling.file && ::access(l.ceiling.file, R_OK) == 0) {
            EXPECT_TRUE(l.ceiling.here()) << l.name;
        }
    rlimit r{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &r), 0);
    EXPECT_EQ(find_limit("RLIMIT_NOFILE")->ceiling.here(), r.rlim_cur);
    shminfo info{};
    ASSERT_GE(::shmctl(0, IPC_INFO, reinterpret_cast<shmid_ds*>(&info)), 0);
    EXPECT_EQ(find_limit("SHMMNI")->ceiling.here(), info.shmmni);
    EXPECT_EQ(find_limit("SHMMAX")->ceiling.here(), info.shmmax);
    seminfo sem{};
    ASSERT_GE(::semctl(0, 0, IPC_INFO, &sem), 0);
    EXPECT_EQ(find_limit("SEMMNI")->ceiling.here(), static_cast<std::uint64_t>(sem.semmni));
    EXPECT_EQ(find_limit("SEMMNS")->ceiling.here(), static_cast<std::uint64_t>(sem.semmns));
    EXPECT_EQ(find_limit("SEMMSL")->ceiling.here(), static_cast<std::uint64_t>(sem.semmsl));
    EXPECT_EQ(find_limit("SEMOPM")->ceiling.here(), static_cast<std::uint64_t>(sem.semopm));
}

TEST(Table, its_figures_are_the_kernels_own) {
    test::Child child([] {
        if (::unshare(CLONE_NEWIPC) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWIPC) != 0) ::_exit(77);
        for (int i = 0; i < 3; ++i) ::shmget(IPC_PRIVATE, 5000, IPC_CREAT | 0600);
        for (int i = 0; i < 2; ++i) ::semget(IPC_PRIVATE, 7, IPC_CREAT | 0600);
        const int q = ::msgget(IPC_PRIVATE, IPC_CREAT | 0600);
        const struct {
            long type = 1;
            char text[100] = {};
        } m;
        for (int i = 0; i < 4; ++i) ::msgsnd(q, &m, sizeof m.text, 0);
        shm_info shm{};
        seminfo sem{};
        msginfo msg{};
        ::shmctl(0, SHM_INFO, reinterpret_cast<shmid_ds*>(&shm));
        ::semctl(0, 0, SEM_INFO, &sem);
        ::msgctl(0, MSG_INFO, reinterpret_cast<msqid_ds*>(&msg));
        const auto s = survey(false);
        if (!s) return false;
        EXPECT_EQ(of(*s, "SHMMNI")->used, static_cast<std::uint64_t>(shm.used_ids));
        EXPECT_EQ(of(*s, "SHMALL")->used, shm.shm_tot);
        EXPECT_EQ(of(*s, "SHMMAX")->used, 5000u);
        EXPECT_EQ(of(*s, "SEMMNI")->used, static_cast<std::uint64_t>(sem.semusz));
        EXPECT_EQ(of(*s, "SEMMNS")->used, static_cast<std::uint64_t>(sem.semaem));
        EXPECT_EQ(of(*s, "SEMMSL")->used, 7u);
        EXPECT_EQ(of(*s, "MSGMNI")->used, static_cast<std::uint64_t>(msg.msgpool));
        EXPECT_EQ(of(*s, "MSGMNB")->used, 400u);
        EXPECT_EQ(of(*s, "SEMMNS")->shares.at(0).used, 14u);
        return true;
    });
    const bool good = child.ok();
    if (child.exit_code() == 77) GTEST_SKIP() << "no ipc namespace for this user";
    EXPECT_TRUE(good);
}

TEST(Table, a_part_is_of_a_ceiling_that_is_there) {
    EXPECT_EQ((Reading{.used = 5, .ceiling = 10}.part()), 0.5);
    EXPECT_LT((Reading{.used = 5, .ceiling = no_ceiling}.part()), 0);
    EXPECT_LT((Reading{.used = 5}.part()), 0);
    EXPECT_LT((Reading{.ceiling = 5}.part()), 0);
    EXPECT_EQ((Reading{.used = 5, .ceiling = 0}.part()), 1);
}

TEST(Survey, opens_and_makes_nothing_that_stays) {
    const auto before = test::open_descriptors();
    const auto s = survey(true);
    WYE_ASSERT_OK(s);
    EXPECT_EQ(before, test::open_descriptors());
    EXPECT_GE(s->ipc_all, 1u);
    EXPECT_GE(s->ipc_all, s->ipc_seen);
    std::set<std::string_view> rows;
    for (const auto& e : s->entries) rows.insert(e.limit->name);
    EXPECT_EQ(rows.size(), limits().size());
}
