#include "wye/transport/posix_mq.hpp"

#include "wye/registry/open.hpp"

#include "os/inject.hpp"
#include "support/support.hpp"

#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <thread>

using namespace wye;
using namespace std::chrono_literals;

namespace {

class PosixMqTest : public ::testing::Test {
protected:
    std::string name = "/" + test::unique_name("wye-test");
    std::string uri = "posix-mq:" + name;
    PosixMq queue = or_throw(PosixMq::open(name, {.create = Create::exclusive, .depth = 4, .message_size = 256}));
    std::byte room[256];
    ~PosixMqTest() override { ::mq_unlink(name.c_str()); }

    std::string get(Deadline d = 2s) {
        Meta m;
        auto r = queue.recv(room, m, d);
        return r ? std::to_string(m.priority) + ":" + std::string(text_of(*r))
                 : std::string(wye::name(r.error().kind()));
    }
    void put(std::string_view text, unsigned priority = 0) {
        or_throw(queue.send(bytes_of(text), {.priority = priority}, 2s));
    }
};

}  // namespace

TEST_F(PosixMqTest, the_highest_priority_comes_first_and_the_oldest_within_it) {
    put("a", 1), put("b", 32767), put("c", 1), put("d", 0);
    for (const auto* next : {"32767:b", "1:a", "1:c", "0:d"}) EXPECT_EQ(get(), next);
    WYE_EXPECT_ERRC(Errc::unsupported, queue.send(bytes_of("x"), {.priority = 32768}, 1s));
    WYE_EXPECT_ERRC(Errc::unsupported, queue.send(bytes_of("x"), {.type = 1}, 1s));
}

TEST_F(PosixMqTest, a_full_queue_times_out_and_takes_the_message_when_there_is_room) {
    for (int i = 0; i < 4; ++i) put("x");
    WYE_EXPECT_ERRC(Errc::timed_out, queue.send(bytes_of("y"), Deadline::now()));
    const auto start = Deadline::Clock::now();
    WYE_EXPECT_ERRC(Errc::timed_out, queue.send(bytes_of("y"), 50ms));
    EXPECT_GE(Deadline::Clock::now() - start, 50ms);
    test::Child reader([&] {
        std::this_thread::sleep_for(50ms);
        return or_throw(PosixMq::open(name, {.mode = Mode::read})).recv(room, 1s).has_value();
    });
    WYE_EXPECT_ERRC(Errc::too_big, queue.send(Bytes(std::vector<std::byte>(257)), 1s));
    put("z");
    EXPECT_TRUE(reader.ok());
}

TEST_F(PosixMqTest, a_small_buffer_gets_what_fits_and_loses_nothing_that_does_not) {
    put("hello", 3), put(std::string(100, 'x'), 2), put("last", 1);
    std::byte little[10];
    Meta m;
    EXPECT_EQ(text_of(or_throw(queue.recv(little, m, 1s))), "hello");
    EXPECT_EQ(m.priority, 3u);
    WYE_EXPECT_ERRC(Errc::too_big, queue.recv(little, 1s));
    WYE_EXPECT_ERRC(Errc::too_big, queue.recv(little, Deadline::now()));
    EXPECT_EQ(or_throw(queue.messages()), 2u);
    EXPECT_EQ(get(), "2:" + std::string(100, 'x'));
    EXPECT_EQ(get(), "1:last");
    EXPECT_EQ(get(Deadline::now()), "timed_out");
}

TEST_F(PosixMqTest, a_view_needs_no_place_and_has_the_priority) {
    put(std::string(256, 'x'), 3), put("last", 1);
    std::byte little[10];
    WYE_EXPECT_ERRC(Errc::too_big, queue.recv(little, 1s));
    Meta m;
    EXPECT_EQ(text_of(or_throw(queue.recv_view(m, 1s))), std::string(256, 'x')) << "what a recv had no room for";
    EXPECT_EQ(m.priority, 3u);
    EXPECT_EQ(text_of(or_throw(queue.recv_view(m, 1s))), "last");
    EXPECT_EQ(m.priority, 1u);
    WYE_EXPECT_ERRC(Errc::timed_out, queue.recv_view(Deadline::now()));
    m.type = 1;
    WYE_EXPECT_ERRC(Errc::unsupported, queue.recv_view(m, 1s));
    WYE_EXPECT_ERRC(Errc::unsupported, or_throw(PosixMq::open(name, {.mode = Mode::write})).recv_view(1s));
}

TEST_F(PosixMqTest, setting_the_clock_changes_no_deadline) {
    // The kernel's timed calls go by the settable clock: ours must never hand them a time that is still to come.
    const auto start = Deadline::Clock::now();
    EXPECT_EQ(get(60ms), "timed_out");
    EXPECT_GE(Deadline::Clock::now() - start, 60ms);
    EXPECT_LE(Deadline::Clock::now() - start, 200ms);
    // One try that cannot wait, and poll; no wait inside mq_receive.
    const auto before = sys::count();
    EXPECT_EQ(get(10ms), "timed_out");
    EXPECT_EQ(sys::count() - before, 2u);
}

TEST_F(PosixMqTest, with_never_a_message_is_one_system_call) {
    const auto before = sys::count();
    WYE_ASSERT_OK(queue.send(bytes_of("x")));
    WYE_ASSERT_OK(queue.recv(room));
    EXPECT_EQ(sys::count() - before, 2u);
}

TEST_F(PosixMqTest, an_inherited_non_blocking_queue_still_waits_for_its_deadline) {
    mq_attr a{};
    a.mq_flags = O_NONBLOCK;
    ASSERT_EQ(::mq_setattr(queue.native_handle(), &a, nullptr), 0);
    const auto start = Deadline::Clock::now();
    EXPECT_EQ(get(30ms), "timed_out");
    EXPECT_GE(Deadline::Clock::now() - start, 30ms);
    test::Child sender([&] {
        std::this_thread::sleep_for(30ms);
        return or_throw(PosixMq::open(name)).send(bytes_of("x"), 1s).has_value();
    });
    EXPECT_EQ(get(Deadline::never()), "0:x");
    EXPECT_TRUE(sender.ok());
}

TEST_F(PosixMqTest, permissions_are_exact_whatever_the_umask) {
    const auto other = "/" + test::unique_name("wye-test");
    const auto mask = ::umask(077);
    auto q = PosixMq::open(other, {.create = Create::exclusive, .permissions = 0666});
    ::umask(mask);
    WYE_ASSERT_OK(q);
    struct stat s{};
    ASSERT_EQ(::fstat(q->native_handle(), &s), 0);
    EXPECT_EQ(s.st_mode & 0777, 0666u);
    WYE_ASSERT_OK(remove("posix-mq:" + other));
}

TEST_F(PosixMqTest, what_is_there_with_another_shape_is_a_mismatch) {
    WYE_EXPECT_ERRC(Errc::already_exists, open(uri, {.create = Create::exclusive}));
    WYE_EXPECT_ERRC(Errc::mismatch, open(uri + "?depth=5"));
    WYE_EXPECT_ERRC(Errc::mismatch, open(uri + "?size=8K", {.create = Create::if_missing}));
    auto same = or_throw(open(uri + "?depth=4&size=256", {.create = Create::if_missing}));
    EXPECT_EQ(same.max_message(), 256u);
    WYE_ASSERT_OK(remove(uri));
    WYE_EXPECT_ERRC(Errc::not_found, remove(uri));
    WYE_EXPECT_ERRC(Errc::not_found, open(uri));
}

TEST_F(PosixMqTest, a_queue_that_another_user_made_is_not_mistaken_for_ours) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
    WYE_ASSERT_OK(remove(uri));
    test::Child squatter([&] {
        return ::setuid(65534) == 0 &&
               PosixMq::open(name, {.create = Create::exclusive, .permissions = 0666}).has_value();
    });
    ASSERT_TRUE(squatter.ok());
    WYE_EXPECT_ERRC(Errc::denied, PosixMq::open(name, {.create = Create::if_missing}));
    EXPECT_TRUE(PosixMq::open(name).has_value());
}

TEST_F(PosixMqTest, an_open_that_fails_midway_leaves_no_queue) {
    WYE_ASSERT_OK(remove(uri));
    for (const auto call : {sys::Call::fchmod, sys::Call::mq_getattr}) {
        const sys::Inject fault{{.call = call, .error = EIO}};
        WYE_EXPECT_ERRC(Errc::failed, PosixMq::open(name, {.create = Create::exclusive}));
        EXPECT_EQ(fault.hits(), 1u);
    }
    WYE_EXPECT_ERRC(Errc::not_found, PosixMq::open(name));
}

TEST_F(PosixMqTest, a_limit_that_is_reached_is_named) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to become a user without queues";
    test::Child user([&] {
        if (::setuid(65533) != 0) return false;
        const auto says = [](const auto& r, const char* word) {
            WYE_EXPECT_ERRC(Errc::exhausted, r);
            EXPECT_NE(r ? 0 : r.error().message().find(word), std::string::npos) << (r ? "" : r.error().message());
        };
        says(open(uri + "-1?depth=100000", {.create = Create::exclusive}), "/proc/sys/fs/mqueue/msg_max");
        says(open(uri + "-1?size=1G", {.create = Create::exclusive}), "/proc/sys/fs/mqueue/msgsize_max");
        const rlimit none{.rlim_cur = 20000, .rlim_max = 20000};
        ::setrlimit(RLIMIT_MSGQUEUE, &none);
        says(open(uri + "-1", {.create = Create::exclusive}), "RLIMIT_MSGQUEUE");
        const rlimit few{.rlim_cur = 0, .rlim_max = 0};
        ::setrlimit(RLIMIT_NOFILE, &few);
        WYE_EXPECT_ERRC(Errc::exhausted, open(uri + "-1", {.create = Create::exclusive}));
        return true;
    });
    EXPECT_TRUE(user.ok());
    WYE_EXPECT_ERRC(Errc::not_found, open(uri + "-1"));
}

TEST_F(PosixMqTest, a_signal_tells_of_the_message_in_the_empty_queue_once) {
    test::Child told([&] {
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        sigprocmask(SIG_BLOCK, &set, nullptr);
        auto mine = or_throw(PosixMq::open(name));
        WYE_EXPECT_ERRC(Errc::bad_address, mine.notify_signal(9999));
        EXPECT_TRUE(mine.notify_signal(SIGUSR1, 42).has_value());
        WYE_EXPECT_ERRC(Errc::busy, mine.notify_signal(SIGUSR1));
        test::Child rival([&] { return queue.notify_signal(SIGUSR1).error().is(Errc::busy); });
        EXPECT_TRUE(rival.ok());
        put("one"), put("two");
        siginfo_t info{};
        const timespec second{.tv_sec = 1, .tv_nsec = 0}, none{};
        EXPECT_EQ(::sigtimedwait(&set, &info, &second), SIGUSR1);
        EXPECT_EQ(info.si_code, SI_MESGQ);
        EXPECT_EQ(info.si_value.sival_int, 42);
        EXPECT_EQ(::sigtimedwait(&set, &info, &none), -1);
        EXPECT_TRUE(mine.notify_signal(SIGUSR1).has_value()) << "one-shot: free again";
        EXPECT_TRUE(mine.notify_cancel().has_value());
        EXPECT_TRUE(mine.notify_cancel().has_value());
        return true;
    });
    EXPECT_TRUE(told.ok());
}

TEST_F(PosixMqTest, a_descriptor_tells_of_the_message_in_the_empty_queue) {
    auto bell = or_throw(queue.notify_descriptor());
    WYE_EXPECT_ERRC(Errc::timed_out, bell.wait(Deadline::now()));
    WYE_EXPECT_ERRC(Errc::timed_out, bell.wait(20ms));
    WYE_EXPECT_ERRC(Errc::busy, queue.notify_descriptor());
    WYE_ASSERT_OK(bell.rearm());  // still armed
    test::Child sender([&] { return or_throw(PosixMq::open(name)).send(bytes_of("x"), 1s).has_value(); });
    WYE_ASSERT_OK(bell.wait(2s));
    EXPECT_TRUE(sender.ok());
    EXPECT_EQ(get(), "0:x");
    put("unheard"), (void)get();
    WYE_EXPECT_ERRC(Errc::timed_out, bell.wait(20ms));  // one-shot
    WYE_ASSERT_OK(bell.rearm());
    put("heard");
    WYE_ASSERT_OK(bell.wait(2s));
    WYE_ASSERT_OK(bell.rearm());
    { auto again = or_throw(PosixMq::open(name)); }  // any close ends it, as the kernel has it
    WYE_EXPECT_ERRC(Errc::closed, bell.wait(1s));
    WYE_ASSERT_OK(bell.rearm());
}

TEST_F(PosixMqTest, looking_for_it_ends_no_notification) {
    auto told = or_throw(queue.notify_descriptor());
    WYE_ASSERT_OK(remove(uri, {.dry_run = true}));
    put("x");
    WYE_ASSERT_OK(told.wait(2s));
    WYE_ASSERT_OK(remove(uri));
    WYE_EXPECT_ERRC(Errc::not_found, remove(uri, {.dry_run = true}));
}

TEST_F(PosixMqTest, no_burst_during_re_arming_is_missed) {
    constexpr unsigned bursts = 300, each = 7;
    test::Child sender([&] {
        auto mine = or_throw(PosixMq::open(name, {.mode = Mode::write}));
        for (unsigned i = 0; i < bursts * each; ++i) {
            if (!mine.send(bytes_of(i), 5s)) return false;
            if (i % each == 0) std::this_thread::sleep_for(std::chrono::microseconds(i % 400));
        }
        return true;
    });
    auto bell = or_throw(queue.notify_descriptor());
    unsigned next = 0;
    const auto drain = [&] {
        for (;;) {
            auto m = queue.recv(room, Deadline::now());
            if (!m) return;
            unsigned n = 0;
            std::memcpy(&n, m->data(), sizeof n);
            ASSERT_EQ(n, next++);
        }
    };
    drain();
    while (next < bursts * each) {
        auto told = bell.wait(1s);
        ASSERT_TRUE(told.has_value()) << "a message lay unnoticed after " << next;
        WYE_ASSERT_OK(bell.rearm());
        drain();
        ASSERT_FALSE(HasFatalFailure());
    }
    EXPECT_TRUE(sender.ok());
}

TEST_F(PosixMqTest, it_is_a_file_where_the_queues_are_mounted_and_our_list_has_it) {
    const test::TempDir dir;
    const auto mounted = [&] {
        return ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
               ::mount("none", dir.path().c_str(), "mqueue", 0, nullptr) == 0;
    };
    if (!test::Child(mounted).ok()) GTEST_SKIP() << "needs the privilege to mount in a namespace of its own";
    test::Child child([&] {
        if (!mounted()) return false;
        put("12345");
        std::string text;
        std::ifstream file(dir.path() + name);
        std::getline(file, text);
        EXPECT_TRUE(text.starts_with("QSIZE:5 ")) << text;
        bool listed = false;
        auto r = posix_mq_mechanism.list([&](const Object& o) {
            if (o.uri == uri) listed = o.bytes == 5 && o.mode == 0600 && o.owner == ::geteuid();
        });
        EXPECT_TRUE(r.has_value());
        return listed;
    });
    EXPECT_TRUE(child.ok());
}

TEST(PosixMq, a_list_without_a_mount_explains_itself) {
    std::string mounts;
    std::ifstream file("/proc/self/mounts");
    std::getline(file, mounts, '\0');
    if (mounts.find(" mqueue ") != std::string::npos) GTEST_SKIP() << "the queues are mounted here";
    auto r = posix_mq_mechanism.list([](const Object&) {});
    WYE_EXPECT_ERRC(Errc::unsupported, r);
    EXPECT_NE(r.error().message().find("mount -t mqueue"), std::string::npos);
}

TEST(PosixMq, a_name_is_one_slash_and_up_to_255_bytes) {
    const auto longest = "posix-mq:/" + std::string(255, 'n');
    for (const auto& uri :
         {std::string("posix-mq:"), std::string("posix-mq:jobs"), std::string("posix-mq:/"),
          std::string("posix-mq:/a/b"), std::string("posix-mq:/.."), longest + "n", std::string("posix-mq:/a?depth=0"),
          std::string("posix-mq:/a?size=x"), std::string("posix-mq:/a#1")})
        WYE_EXPECT_ERRC(Errc::bad_address, open(uri));
    WYE_ASSERT_OK(make(longest));
    WYE_ASSERT_OK(remove(longest));
}
