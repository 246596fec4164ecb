#include "os/usage/proc_text.hpp"

#include "wye/base/text.hpp"

#include <gtest/gtest.h>

#ifdef WYE_RAPIDCHECK
#include <rapidcheck/gtest.h>
#endif

using namespace wye;
using namespace wye::sys;

TEST(ProcText, numbers_of_a_line_by_their_place) {
    EXPECT_EQ(nth_number("32000\t1024000000\t500\t32001\n", 3), 32001u);
    EXPECT_EQ(nth_number("32000\t1024000000\t500\t32001\n", 0), 32000u);
    EXPECT_EQ(nth_number("max\n", 0), no_ceiling);
    EXPECT_EQ(nth_number("1 2\n3\n", 2), std::nullopt);  // of the first line only
    EXPECT_EQ(nth_number("1 -3", 1), std::nullopt);
    EXPECT_EQ(nth_number("99999999999999999999", 0), std::nullopt);
    EXPECT_EQ(nth_number("", 0), std::nullopt);
}

TEST(ProcText, a_key_counts_where_a_line_begins) {
    constexpr auto status = "Name:\tVmLck:\t99 kB\nVmLck:\t      12 kB\n";  // a process may call itself so
    EXPECT_EQ(number_after(status, "VmLck:"), 12u);
    EXPECT_EQ(number_after(status, "VmPin:"), std::nullopt);
}

TEST(ProcText, soft_limits) {
    constexpr auto limits =
        "Limit                     Soft Limit           Hard Limit           Units     \n"
        "Max open files            1024                 4096                 files     \n"
        "Max file size             unlimited            unlimited            bytes     \n";
    EXPECT_EQ(soft_limit(limits, "Max open files"), 1024u);
    EXPECT_EQ(soft_limit(limits, "Max file size"), no_ceiling);
    EXPECT_EQ(soft_limit(limits, "Max msgqueue size"), std::nullopt);
}

TEST(ProcText, columns_by_their_names_and_no_torn_row) {
    const Columns c("  key  semid perms nsems   uid\n 1 0 600 5 1000\n 2 1 600\n 3 2 600 x 0\n");
    ASSERT_EQ(c.rows(), 2u);
    EXPECT_EQ(c.at(0, "nsems"), 5u);
    EXPECT_EQ(c.at(0, "uid"), 1000u);
    EXPECT_EQ(c.at(1, "nsems"), 0u);
    EXPECT_EQ(c.at(0, "swap"), 0u);
    EXPECT_EQ(c.at(7, "uid"), 0u);
}

TEST(ProcText, fdinfo_of_watchers_and_sockets) {
    const auto in =
        parse_fd_use("pos:\t0\nflags:\t00\ninotify wd:2 ino:5 sdev:1 mask:100\ninotify wd:1 ino:4 sdev:1 mask:100\n");
    EXPECT_EQ(in.inotify_watches, 2u);
    const auto epoll = parse_fd_use("pos:\t0\ntfd:        7 events:       19 data: 7  pos:0 ino:61af sdev:7\n");
    EXPECT_EQ(epoll.epoll_watches, 1u);
    EXPECT_EQ(parse_fd_use("pos:\t0\nscm_fds: 3\n").in_flight, 3u);
}

TEST(ProcText, mounts_with_namespaces_and_groups) {
    constexpr auto mounts =
        "22 1 0:20 / / rw shared:1 - overlay none rw\n"
        "30 22 0:4 ipc:[4026532177] /run/my\\040ns rw shared:3 master:1 - nsfs nsfs rw\n"
        "31 22 0:5 /a /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
        "32 22 0:6 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n"
        "33 22 0:4 net:[1] /torn rw\n";
    const auto n = namespace_mounts(mounts);
    ASSERT_EQ(n.size(), 1u);
    EXPECT_EQ(n[0].first, "ipc:[4026532177]");
    EXPECT_EQ(n[0].second, "/run/my ns");
    EXPECT_EQ(cgroup_mount(mounts, "pids"), "/sys/fs/cgroup/pids");
    EXPECT_EQ(cgroup_mount(mounts, "pid"), std::nullopt);
    EXPECT_EQ(cgroup_mount(mounts, ""), "/sys/fs/cgroup");
    EXPECT_EQ(cgroup_path("8:pids:/a:b\n1:cpu,cpuacct:/c\n0::/d\n", "pids"), "/a:b");
    EXPECT_EQ(cgroup_path("8:pids:/a\n1:cpu,cpuacct:/c\n0::/d\n", "cpuacct"), "/c");
    EXPECT_EQ(cgroup_path("8:pids:/a\n0::/d\n", ""), "/d");
    EXPECT_EQ(cgroup_path("8:pids\n", "pids"), std::nullopt);
}

#ifdef WYE_RAPIDCHECK
// Whatever is written there: no crash, and nothing that is not in the text.
RC_GTEST_PROP(ProcText, any_text_is_survived, (const std::string& text, const std::string& key, unsigned char n)) {
    (void)nth_number(text, n);
    (void)number_after(text, key);
    const Columns c(text);
    for (std::size_t i = 0; i < c.rows() + 1; ++i) (void)c.at(i, key);
    RC_ASSERT(c.rows() <= text.size());
    (void)parse_fd_use(text);
    (void)namespace_mounts(text);
    (void)cgroup_mount(text, key);
    (void)cgroup_path(text, key);
}
RC_GTEST_PROP(ProcText, what_is_written_is_read, (const std::vector<std::uint32_t>& numbers)) {
    std::string text;
    for (const auto n : numbers) text += std::to_string(n) + "\t ";
    for (unsigned i = 0; i < numbers.size(); ++i)
        RC_ASSERT(nth_number(text, i) == std::optional<std::uint64_t>(numbers[i]));
    RC_ASSERT(!nth_number(text, static_cast<unsigned>(numbers.size())));
}
RC_GTEST_PROP(ProcText, lines_and_words_are_the_text, (const std::string& text)) {
    std::string again;
    for (std::string_view rest = text; !rest.empty();) {
        again += take_line(rest);
        if (again.size() < text.size()) again += '\n';
    }
    RC_ASSERT(again == text);
}
#endif
