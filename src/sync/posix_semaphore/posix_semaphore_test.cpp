#include "wye/sync/posix_semaphore.hpp"

#include "wye/registry/open.hpp"

#include "os/inject.hpp"
#include "support/support.hpp"

#include <fcntl.h>
#include <semaphore.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

using namespace wye;
using namespace std::chrono_literals;

namespace {

class PosixSemaphoreTest : public ::testing::Test {
protected:
    std::string name = "/" + test::unique_name("wye-test");
    std::string uri = "posix-sem:" + name;
    std::string path = "/dev/shm/sem." + name.substr(1);
    ~PosixSemaphoreTest() override { ::sem_unlink(name.c_str()); }

    PosixSemaphore make(unsigned initial, Create create = Create::exclusive) {
        return or_throw(PosixSemaphore::open(name, {.create = create, .initial = initial}));
    }
    unsigned mode() const {
        struct stat s{};
        return ::stat(path.c_str(), &s) == 0 ? s.st_mode & 0777u : 0;
    }
};

}  // namespace

TEST_F(PosixSemaphoreTest, the_unit_of_a_killed_holder_is_lost) {
    auto s = make(1);
    test::Child holder([&] {
        const auto held = or_throw(s.acquire(1s));
        return ::pause() == 0;
    });
    for (const Deadline d = 10s; or_throw(s.value()) != 0 && !d.passed();) ::usleep(500);
    holder.kill();
    EXPECT_FALSE(PosixSemaphore::traits.permits_return);
    WYE_EXPECT_ERRC(Errc::timed_out, s.acquire(100ms));
    EXPECT_EQ(or_throw(s.value()), 0u) << "the trait, the header and the README say otherwise";
}

TEST_F(PosixSemaphoreTest, permissions_are_exact_whatever_the_umask) {
    for (const unsigned mask : {0u, 077u, 0777u}) {
        const auto before = ::umask(mask);
        const auto s = PosixSemaphore::open(name, {.create = Create::exclusive, .permissions = 0640});
        ::umask(before);
        WYE_ASSERT_OK(s);
        EXPECT_EQ(mode(), 0640u);
        WYE_ASSERT_OK(wye::remove(uri));
    }
    make(1);
    EXPECT_EQ(mode(), 0600u);
}

TEST_F(PosixSemaphoreTest, one_that_another_user_made_is_not_mistaken_for_ours) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
    test::Child squatter([&] {
        return ::setuid(65534) == 0 &&
               PosixSemaphore::open(name, {.create = Create::exclusive, .permissions = 0666}).has_value();
    });
    ASSERT_TRUE(squatter.ok());
    WYE_EXPECT_ERRC(Errc::denied, PosixSemaphore::open(name, {.create = Create::if_missing}));
    WYE_EXPECT_ERRC(Errc::already_exists, PosixSemaphore::open(name, {.create = Create::exclusive}));
    WYE_ASSERT_OK(PosixSemaphore::open(name));
}

TEST_F(PosixSemaphoreTest, what_a_failed_making_made_is_removed) {
    {
        const sys::Inject fault{{.call = sys::Call::chmod, .error = EPERM}};
        WYE_EXPECT_ERRC(Errc::denied, PosixSemaphore::open(name, {.create = Create::exclusive}));
        EXPECT_EQ(fault.hits(), 1u);
    }
    WYE_EXPECT_ERRC(Errc::not_found, PosixSemaphore::open(name));
}

TEST_F(PosixSemaphoreTest, create_says_what_happens_when_it_is_there_or_not) {
    WYE_EXPECT_ERRC(Errc::not_found, PosixSemaphore::open(name));
    auto s = make(2);
    WYE_EXPECT_ERRC(Errc::already_exists, PosixSemaphore::open(name, {.create = Create::exclusive}));
    EXPECT_EQ(or_throw(make(7, Create::if_missing).value()), 2u);
    const sys::Inject fault{{.call = sys::Call::sem_open, .nth = 2, .error = ENOENT}};  // removed between the two calls
    EXPECT_EQ(or_throw(make(7, Create::if_missing).value()), 2u);
    EXPECT_EQ(fault.hits(), 1u);
}

TEST_F(PosixSemaphoreTest, what_is_no_semaphore_is_a_mismatch) {
    std::ofstream(path).flush();  // empty: mapped, it would be SIGBUS
    WYE_EXPECT_ERRC(Errc::mismatch, PosixSemaphore::open(name));
    WYE_EXPECT_ERRC(Errc::mismatch, PosixSemaphore::open(name, {.create = Create::if_missing}));
    bool listed = false;
    WYE_ASSERT_OK(posix_semaphore_mechanism.list([&](const Object& o) { listed |= o.uri == uri; }));
    EXPECT_FALSE(listed);
    WYE_ASSERT_OK(wye::remove(uri));
}

TEST_F(PosixSemaphoreTest, it_is_the_semaphore_that_sem_open_opens) {
    auto s = make(1);
    sem_t* raw = ::sem_open(name.c_str(), 0);
    ASSERT_NE(raw, SEM_FAILED);
    EXPECT_EQ(::sem_trywait(raw), 0);
    EXPECT_EQ(or_throw(s.value()), 0u);
    EXPECT_EQ(::sem_post(raw), 0);
    WYE_ASSERT_OK(s.wait(1s));
    ::sem_close(raw);
}

TEST_F(PosixSemaphoreTest, a_full_semaphore_is_exhausted) {
    auto s = make(PosixSemaphore::max_value);
    WYE_EXPECT_ERRC(Errc::exhausted, s.post());
    WYE_EXPECT_ERRC(Errc::exhausted,
                    PosixSemaphore::open(name + "x", {.create = Create::exclusive, .initial = 0x80000000u}));
}

TEST_F(PosixSemaphoreTest, who_has_it_open_goes_on_after_the_removal_of_its_name) {
    auto s = make(0);
    test::Child waiter([&] { return s.wait(10s).has_value(); });
    WYE_ASSERT_OK(wye::remove(uri));
    WYE_EXPECT_ERRC(Errc::not_found, wye::remove(uri));
    auto other = make(0);  // the same name, and another semaphore
    WYE_ASSERT_OK(s.post());
    EXPECT_TRUE(waiter.ok());
    EXPECT_EQ(or_throw(other.value()), 0u);
}

TEST_F(PosixSemaphoreTest, the_copy_of_a_permit_in_a_forked_child_does_nothing) {
    auto s = make(1);
    auto held = or_throw(s.acquire(1s));
    test::Child child([&] { return held.release().has_value() && or_throw(s.value()) == 0; });
    EXPECT_TRUE(child.ok());
    auto moved = std::move(s);
    WYE_ASSERT_OK(held.release());
    EXPECT_EQ(or_throw(moved.value()), 1u);
}

TEST_F(PosixSemaphoreTest, an_interrupted_wait_goes_on_to_its_deadline) {
    auto s = make(0);
    const test::EintrStorm storm;
    const auto start = Deadline::Clock::now();
    WYE_EXPECT_ERRC(Errc::timed_out, s.wait(50ms));
    EXPECT_GE(Deadline::Clock::now() - start, 50ms);
    EXPECT_LE(Deadline::Clock::now() - start, 1s);
}

TEST_F(PosixSemaphoreTest, the_list_shows_it_with_owner_and_mode) {
    const auto s = make(1);
    bool listed = false;
    WYE_ASSERT_OK(posix_semaphore_mechanism.list([&](const Object& o) {
        if (o.uri == uri) listed = o.mode == 0600 && o.owner == ::geteuid();
    }));
    EXPECT_TRUE(listed);
}

TEST(PosixSemaphore, a_wrong_name_is_refused) {
    const auto too_long = "posix-sem:/" + std::string(252, 'x');
    for (const auto& uri : {std::string("posix-sem:"), std::string("posix-sem:/"), std::string("posix-sem:/a/b"),
                            std::string("posix-sem:jobs"), std::string("posix-sem:/j?depth=1"), too_long,
                            std::string("posix-sem:/j?initial=2147483648")})
        WYE_EXPECT_ERRC(Errc::bad_address, open_semaphore(uri, {.create = Create::if_missing}));
}
