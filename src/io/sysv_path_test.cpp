// V4: two files with one key.
#include "wye/registry/open.hpp"

#include "io/user_directory.hpp"
#include "os/sysv_key.hpp"
#include "support/support.hpp"
#include "support/together.hpp"

#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

using namespace wye;
namespace fs = std::filesystem;

namespace {

constexpr const char* schemes[] = {"sysv-shm", "sysv-sem", "sysv-mq"};

// Two files whose inodes agree in 16 bits: a tmpfs counts its inodes up and uses none again, so that every 65536th will
// do.
class SysvPathTest : public ::testing::TestWithParam<const char*> {
protected:
    SysvPathTest() {
        if (!::mkdtemp(directory_.data())) return;
        one = directory_ + "/one", other = directory_ + "/other";
        ::close(::creat(one.c_str(), 0600));
        struct stat s{};
        ::stat(one.c_str(), &s);
        for (int i = 0; i < 400'000 && !collide; ++i) {
            struct stat t{};
            const int fd = ::open(other.c_str(), O_CREAT | O_EXCL | O_CLOEXEC, 0600);
            collide = ::fstat(fd, &t) == 0 && t.st_ino != s.st_ino && ((t.st_ino ^ s.st_ino) & 0xffff) == 0;
            ::close(fd);
            if (!collide) ::unlink(other.c_str());
        }
    }
    ~SysvPathTest() override {
        if (collide) (void)wye::remove(key_uri(key()));
        fs::remove_all(directory_);
    }
    void SetUp() override {
        if (!collide) GTEST_SKIP() << "no two such files are to be had in /dev/shm";
    }

    static bool is(const char* scheme) { return std::string_view(GetParam()) == scheme; }
    static std::string sized() { return is("sysv-shm") ? "?size=4K" : ""; }
    static std::string uri(const std::string& path) { return std::string(GetParam()) + ":" + path + sized() + "#7"; }
    static std::string key_uri(int key) { return std::string(GetParam()) + ":key=" + sys::key_text(key) + sized(); }
    static Result<> use(const std::string& uri, Create create = Create::never) {
        if (is("sysv-shm")) {
            WYE_CHECK(open_segment(uri, {.create = create}));
        } else if (is("sysv-sem")) {
            WYE_CHECK(open_semaphore(uri, {.create = create}));
        } else {
            WYE_CHECK(wye::open(uri, {.mode = Mode::write, .create = create}));
        }
        return {};
    }
    int key() const { return or_throw(sys::sysv_key(one, 7)); }
    static bool recorded(int key) {
        std::error_code none;
        const auto end = "." + sys::key_text(key);
        for (const auto& e : fs::directory_iterator(user_directory(), none))
            if (const auto name = e.path().filename().string(); name.starts_with(GetParam()) && name.ends_with(end))
                return true;
        return false;
    }
    // As ipcrm(1) does, which knows of no records.
    void removed_by_a_stranger() const {
        const long r = is("sysv-shm")   ? ::shmctl(::shmget(key(), 0, 0), IPC_RMID, nullptr)
                       : is("sysv-sem") ? ::semctl(::semget(key(), 0, 0), 0, IPC_RMID)
                                        : ::msgctl(::msgget(key(), 0), IPC_RMID, nullptr);
        ASSERT_EQ(r, 0);
    }

    std::string directory_ = "/dev/shm/wye-test-XXXXXX", one, other;
    bool collide = false;
};

INSTANTIATE_TEST_SUITE_P(Rooms, SysvPathTest, ::testing::ValuesIn(schemes), [](const auto& i) {
    std::string name = i.param;
    name[4] = '_';
    return name;
});

TEST_P(SysvPathTest, another_file_with_the_same_key_does_not_attach_nor_remove) {
    ASSERT_EQ(or_throw(sys::sysv_key(other, 7)), key());
    const auto link = directory_ + "/link";
    ASSERT_EQ(::link(one.c_str(), link.c_str()), 0);
    WYE_ASSERT_OK(wye::make(uri(one)));
    WYE_ASSERT_OK(use(uri(one)));
    WYE_ASSERT_OK(use(uri(link), Create::if_missing));
    for (const auto& r : {use(uri(other)), use(uri(other), Create::if_missing), wye::remove(uri(other))}) {
        WYE_EXPECT_ERRC(Errc::mismatch, r);
        for (const auto& named : {one, other, "key=" + sys::key_text(key())})
            EXPECT_TRUE(!r && r.error().message().find(named) != std::string::npos) << r.error().message();
    }
    WYE_ASSERT_OK(use(key_uri(key())));
    WYE_ASSERT_OK(wye::remove(uri(one)));
    EXPECT_FALSE(recorded(key()));
    WYE_ASSERT_OK(use(uri(other), Create::if_missing));
    WYE_EXPECT_ERRC(Errc::mismatch, use(uri(one)));
    WYE_ASSERT_OK(wye::remove(key_uri(key())));
    EXPECT_FALSE(recorded(key()));
}

TEST_P(SysvPathTest, a_record_whose_file_or_object_is_gone_keeps_nobody_out) {
    WYE_ASSERT_OK(wye::make(uri(one)));
    removed_by_a_stranger();
    WYE_ASSERT_OK(wye::make(key_uri(key())));
    WYE_ASSERT_OK(use(uri(other)));
    WYE_ASSERT_OK(use(uri(other), Create::if_missing));
    WYE_EXPECT_ERRC(Errc::mismatch, use(uri(one)));
    EXPECT_TRUE(recorded(key()));
    fs::rename(other, directory_ + "/moved");
    WYE_ASSERT_OK(use(uri(directory_ + "/moved")));
    WYE_ASSERT_OK(use(uri(one), Create::if_missing));
    WYE_EXPECT_ERRC(Errc::mismatch, use(uri(directory_ + "/moved")));
    WYE_ASSERT_OK(wye::remove(key_uri(key())));
    EXPECT_FALSE(recorded(key()));
}

TEST_P(SysvPathTest, of_two_creators_at_once_one_has_it) {
    for (int round = 0; round < 50; ++round) {
        const test::Shared<std::atomic<int>> good, wrong;
        const auto run = [&](const std::string& path) {
            const auto r = use(uri(path), Create::if_missing);
            if (r) good->fetch_add(1);
            if (!r && r.error().is(Errc::mismatch)) wrong->fetch_add(1);
            return true;
        };
        {
            test::Child a([&] { return run(one); }), b([&] { return run(other); });
            EXPECT_TRUE(a.ok());
            EXPECT_TRUE(b.ok());
        }
        EXPECT_EQ(good->load(), 1);
        EXPECT_EQ(wrong->load(), 1);
        WYE_ASSERT_OK(wye::remove(key_uri(key())));
    }
}

TEST(UserDirectory, is_made_also_while_others_remove_it) {
    std::atomic<bool> over{false};
    std::thread other([&] {
        for (; !over; ::usleep(10)) remove_user_directory();
    });
    for (int n = 0; n < 20'000; ++n) {
        const auto directory = open_user_directory(true);
        if (directory) continue;
        ADD_FAILURE() << n << ": " << directory.error().message();
        break;
    }
    over = true;
    other.join();
    remove_user_directory();
}

}  // namespace
