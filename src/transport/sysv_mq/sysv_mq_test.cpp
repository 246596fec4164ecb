#include "wye/transport/sysv_mq.hpp"

#include "wye/registry/open.hpp"

#include "os/inject.hpp"
#include "support/support.hpp"

#include <sys/ipc.h>
#include <sys/msg.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <thread>

using namespace wye;
using namespace std::chrono_literals;

namespace {

// A queue of this test's own, removed at its end whatever happened.
class Queue : public ::testing::Test {
protected:
    std::string uri = sysv_mq_mechanism.scratch("")[0];
    std::int32_t key = static_cast<std::int32_t>(std::stoul(uri.substr(uri.find('=') + 1), nullptr, 16));
    SysvMq queue = or_throw(SysvMq::open(key, {.create = Create::exclusive}));
    std::byte room[16384];
    ~Queue() override { (void)queue.remove(); }

    std::string get(long type = 0, Deadline d = 2s) {
        Meta m{.type = type};
        auto r = queue.recv(room, m, d);
        return r ? std::to_string(m.type) + ":" + std::string(text_of(*r)) : std::string(name(r.error().kind()));
    }
    void put(std::string_view text, long type = 0) { or_throw(queue.send(bytes_of(text), {.type = type}, 2s)); }
};

using SysvMqTest = Queue;

std::string output_of(const char* command) {
    std::string text;
    FILE* p = ::popen(command, "r");
    for (char part[512]; p && std::fgets(part, sizeof part, p);) text += part;
    if (p) ::pclose(p);
    return text;
}

}  // namespace

TEST_F(SysvMqTest, a_type_is_asked_for_exactly_or_the_lowest_up_to_it_or_any) {
    put("c", 3), put("a", 1), put("b", 2), put("d", 3);
    EXPECT_EQ(get(2), "2:b");
    EXPECT_EQ(get(-3), "1:a");
    EXPECT_EQ(get(-2, Deadline::now()), "timed_out");
    EXPECT_EQ(get(0), "3:c");
    EXPECT_EQ(get(3), "3:d");
    put("plain");
    EXPECT_EQ(get(), "1:plain");
}

TEST_F(SysvMqTest, the_type_of_the_uri_is_sent_and_asked_for) {
    auto three = or_throw(open(uri + "?type=3"));
    put("one", 1);
    WYE_ASSERT_OK(three.send(bytes_of("three"), 1s));
    Meta m;
    EXPECT_EQ(text_of(or_throw(three.recv(room, m, 1s))), "three");
    EXPECT_EQ(m.type, 3);
    WYE_EXPECT_ERRC(Errc::timed_out, three.recv(room, Deadline::now()));
    EXPECT_EQ(get(), "1:one");
}

TEST_F(SysvMqTest, a_negative_type_cannot_be_sent_and_a_priority_neither) {
    WYE_EXPECT_ERRC(Errc::unsupported, queue.send(bytes_of("x"), {.type = -1}, Deadline::now()));
    WYE_EXPECT_ERRC(Errc::unsupported, queue.send(bytes_of("x"), {.priority = 1}, Deadline::now()));
    EXPECT_EQ(or_throw(queue.stat()).messages, 0u);
}

TEST_F(SysvMqTest, a_message_longer_than_the_buffer_stays_whole_in_the_queue) {
    put(std::string(100, 'x'));
    std::byte little[10];
    WYE_EXPECT_ERRC(Errc::too_big, queue.recv(little, 1s));
    EXPECT_EQ(or_throw(queue.stat()).messages, 1u);
    EXPECT_EQ(get(), "1:" + std::string(100, 'x'));
}

TEST_F(SysvMqTest, a_view_has_the_type_asked_for_and_follows_a_limit_that_was_raised) {
    msqid_ds d{};
    ASSERT_EQ(::msgctl(queue.id(), IPC_STAT, &d), 0);
    const auto limit = std::exchange(d.msg_qbytes, 100u);
    ASSERT_EQ(::msgctl(queue.id(), IPC_SET, &d), 0);
    auto reader = or_throw(SysvMq::open(key));
    d.msg_qbytes = limit;
    ASSERT_EQ(::msgctl(queue.id(), IPC_SET, &d), 0);
    put("first", 3), put(std::string(1000, 'x'), 2);
    Meta m{.type = 2};
    EXPECT_EQ(text_of(or_throw(reader.recv_view(m, 1s))), std::string(1000, 'x'));
    EXPECT_EQ(m.type, 2);
    EXPECT_EQ(text_of(or_throw(reader.recv_view(1s))), "first");
    WYE_EXPECT_ERRC(Errc::timed_out, reader.recv_view(Deadline::now()));
    WYE_EXPECT_ERRC(Errc::unsupported, or_throw(SysvMq::open(key, {.mode = Mode::write})).recv_view(1s));
}

TEST_F(SysvMqTest, a_message_that_the_queue_could_never_hold_is_refused_at_once) {
    // With the limit of the queue below that of the system the kernel would let us wait for ever.
    msqid_ds d{};
    ASSERT_EQ(::msgctl(queue.id(), IPC_STAT, &d), 0);
    d.msg_qbytes = 100;
    ASSERT_EQ(::msgctl(queue.id(), IPC_SET, &d), 0);
    EXPECT_EQ(queue.max_message(), 100u);
    auto again = or_throw(SysvMq::open(key));
    const std::string text(101, 'x');
    WYE_EXPECT_ERRC(Errc::too_big, again.send(bytes_of(text), 1s));
    WYE_EXPECT_ERRC(Errc::timed_out, queue.send(bytes_of(text), 20ms));  // opened when there was more room
}

TEST_F(SysvMqTest, one_type_can_fill_the_queue_and_the_others_time_out_cleanly) {
    const std::string text(1000, 'x');
    unsigned sent = 0;
    while (queue.send(bytes_of(text), {.type = 1}, Deadline::now())) ++sent;
    const auto cpu = test::cpu_time();
    const auto start = Deadline::Clock::now();
    WYE_EXPECT_ERRC(Errc::timed_out, queue.send(bytes_of(text), {.type = 2}, 60ms));
    EXPECT_GE(Deadline::Clock::now() - start, 60ms);
    EXPECT_LE(test::cpu_time() - cpu, 20ms);
    EXPECT_EQ(or_throw(queue.stat()).messages, sent) << "the message that timed out is not in it";
    EXPECT_EQ(get(1), "1:" + text);
    put(text, 2);  // and goes as soon as there is room
}

TEST_F(SysvMqTest, a_deadline_is_met_under_a_storm_of_signals) {
    const test::EintrStorm storm;
    for (int i = 0; i < 3; ++i) {
        const auto start = Deadline::Clock::now();
        EXPECT_EQ(get(0, 50ms), "timed_out");
        EXPECT_GE(Deadline::Clock::now() - start, 50ms);
        EXPECT_LE(Deadline::Clock::now() - start, 150ms);
    }
}

TEST_F(SysvMqTest, whoever_waits_gets_closed_when_the_queue_is_removed) {
    for (const bool sends : {false, true}) {
        if (sends) queue = or_throw(SysvMq::open(key, {.create = Create::exclusive}));
        const std::string text(1000, 'x');
        while (sends && queue.send(bytes_of(text), Deadline::now())) {}
        test::Child waiter([&] {
            auto mine = or_throw(SysvMq::open(key));
            if (sends) return mine.send(bytes_of(text)).error().is(Errc::closed);
            return mine.recv(room).error().is(Errc::closed);
        });
        std::this_thread::sleep_for(50ms);
        WYE_ASSERT_OK(remove(uri));
        EXPECT_TRUE(waiter.ok(5s));
        WYE_EXPECT_ERRC(Errc::closed, queue.send(bytes_of("x"), Deadline::now()));
        WYE_EXPECT_ERRC(Errc::closed, queue.recv(room, Deadline::now()));
        WYE_EXPECT_ERRC(Errc::closed, queue.stat());
    }
    WYE_EXPECT_ERRC(Errc::not_found, remove(uri));
}

TEST_F(SysvMqTest, stat_tells_owner_mode_and_who_used_it_last) {
    test::Child sender([&] { return or_throw(SysvMq::open(key)).send(bytes_of("12345"), 1s).has_value(); });
    const auto pid = sender.pid();
    ASSERT_TRUE(sender.ok());
    auto s = or_throw(queue.stat());
    EXPECT_EQ(s.key, key);
    EXPECT_EQ(s.owner, ::geteuid());
    EXPECT_EQ(s.creator, ::geteuid());
    EXPECT_EQ(s.mode, 0600u);
    EXPECT_EQ(s.messages, 1u);
    EXPECT_EQ(s.bytes, 5u);
    EXPECT_EQ(s.last_sender, pid);
    EXPECT_EQ(s.last_receiver, 0);
    EXPECT_LT(std::chrono::system_clock::now() - s.last_send, 1min);
    EXPECT_EQ(get(), "1:12345");
    s = or_throw(queue.stat());
    EXPECT_EQ(s.last_receiver, ::getpid());
    EXPECT_GE(s.limit, queue.max_message());
}

TEST_F(SysvMqTest, exclusive_creation_refuses_what_is_there_and_permissions_are_exact) {
    WYE_EXPECT_ERRC(Errc::already_exists, SysvMq::open(key, {.create = Create::exclusive}));
    ASSERT_TRUE(SysvMq::open(key, {.create = Create::if_missing}).has_value());
    WYE_ASSERT_OK(queue.remove());
    WYE_EXPECT_ERRC(Errc::not_found, SysvMq::open(key));
    queue = or_throw(SysvMq::open(key, {.create = Create::if_missing, .permissions = 0666}));
    EXPECT_EQ(or_throw(queue.stat()).mode, 0666u);
}

TEST_F(SysvMqTest, a_queue_that_another_user_made_is_not_mistaken_for_ours) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
    WYE_ASSERT_OK(queue.remove());
    test::Child squatter([&] {
        return ::setuid(65534) == 0 &&
               SysvMq::open(key, {.create = Create::exclusive, .permissions = 0666}).has_value();
    });
    ASSERT_TRUE(squatter.ok());
    WYE_EXPECT_ERRC(Errc::denied, SysvMq::open(key, {.create = Create::if_missing}));
    queue = or_throw(SysvMq::open(key));
    EXPECT_EQ(or_throw(queue.stat()).creator, 65534u);
}

TEST_F(SysvMqTest, an_end_asks_for_the_permissions_of_its_direction_only) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
    WYE_ASSERT_OK(queue.remove());
    queue = or_throw(SysvMq::open(key, {.create = Create::exclusive, .permissions = 0622}));
    test::Child other([&] {
        if (::setuid(65534) != 0) return false;
        WYE_EXPECT_ERRC(Errc::denied, SysvMq::open(key, {.mode = Mode::read}));
        WYE_EXPECT_ERRC(Errc::denied, SysvMq::open(key));
        WYE_EXPECT_ERRC(Errc::denied, remove(uri));
        EXPECT_TRUE(remove(uri, {.dry_run = true}).has_value());
        return or_throw(SysvMq::open(key, {.mode = Mode::write})).send(bytes_of("in"), 1s).has_value();
    });
    EXPECT_TRUE(other.ok());
    EXPECT_EQ(get(), "1:in");
}

TEST_F(SysvMqTest, what_is_made_by_an_open_that_fails_is_removed_again) {
    WYE_ASSERT_OK(queue.remove());
    {
        const sys::Inject fault{{.call = sys::Call::msgctl, .error = EACCES}};
        WYE_EXPECT_ERRC(Errc::denied, SysvMq::open(key, {.create = Create::exclusive}));
        EXPECT_EQ(fault.hits(), 1u);
    }
    WYE_EXPECT_ERRC(Errc::not_found, SysvMq::open(key));
}

TEST_F(SysvMqTest, with_never_a_message_is_one_system_call) {
    put("warm"), (void)get();
    const auto before = sys::count();
    WYE_ASSERT_OK(queue.send(bytes_of("x")));
    WYE_ASSERT_OK(queue.recv(room));
    EXPECT_EQ(sys::count() - before, 2u);
}

TEST_F(SysvMqTest, ipcs_and_lsipc_and_our_list_see_it) {
    put("12345");
    char line[32];
    std::snprintf(line, sizeof line, "0x%08x", static_cast<unsigned>(key));
    const auto ipcs = output_of("ipcs -q 2>/dev/null");
    if (ipcs.empty()) GTEST_SKIP() << "ipcs is not installed";
    const auto at = ipcs.find(line);
    ASSERT_NE(at, std::string::npos) << ipcs;
    int id = 0;
    unsigned bytes = 0, messages = 0;
    ASSERT_EQ(std::sscanf(ipcs.c_str() + at, "%*s %d %*s %*s %u %u", &id, &bytes, &messages), 3) << ipcs;
    EXPECT_EQ(id, queue.id());
    EXPECT_EQ(bytes, 5u);
    EXPECT_EQ(messages, 1u);
    const auto lsipc = output_of("lsipc -q --raw -o KEY,ID,MSGS 2>/dev/null");
    EXPECT_NE(lsipc.find(std::string(line) + " " + std::to_string(id) + " 1"), std::string::npos) << lsipc;

    bool listed = false;
    WYE_ASSERT_OK(sysv_mq_mechanism.list([&](const Object& o) {
        if (o.uri == uri) listed = o.bytes == 5 && o.items == 1 && o.mode == 0600 && o.owner == ::geteuid();
    }));
    EXPECT_TRUE(listed);
}

TEST(SysvMq, a_path_and_a_number_give_the_key_of_ftok) {
    const test::TempDir dir;
    const auto path = dir / "anchor";
    WYE_EXPECT_ERRC(Errc::not_found, open("sysv-mq:" + path + "#7", {.create = Create::if_missing}));
    std::ofstream(path) << "x";
    EXPECT_EQ(or_throw(SysvMq::key_of(path, 7)), ::ftok(path.c_str(), 7));
    EXPECT_EQ(or_throw(SysvMq::key_of(path, 255)), ::ftok(path.c_str(), 255));
    const auto uri = "sysv-mq:" + path + "#7";
    auto c = or_throw(open(uri, {.create = Create::exclusive}));
    const int id = ::msgget(::ftok(path.c_str(), 7), 0);
    ASSERT_GE(id, 0);
    auto by_id = or_throw(open("sysv-mq:id=" + std::to_string(id)));
    WYE_ASSERT_OK(by_id.send(bytes_of("x"), 1s));
    std::byte room[8];
    WYE_ASSERT_OK(c.recv(room, 1s));
    WYE_ASSERT_OK(remove(uri));
}

TEST(SysvMq, a_uri_that_contradicts_itself_is_refused) {
    for (const auto* uri :
         {"sysv-mq:", "sysv-mq:/etc/hostname", "sysv-mq:/etc/hostname#0", "sysv-mq:/etc/hostname#256",
          "sysv-mq:/etc/hostname#x", "sysv-mq:key=", "sysv-mq:key=0", "sysv-mq:key=0x100000000", "sysv-mq:key=0x51#3",
          "sysv-mq:relative#1", "sysv-mq:key=0x51?type=0", "sysv-mq:key=0x51?type=-1", "sysv-mq:key=0x51?depth=3"})
        WYE_EXPECT_ERRC(Errc::bad_address, open(uri));
    WYE_EXPECT_ERRC(Errc::bad_address, open("sysv-mq:id=5", {.create = Create::if_missing}));
}
