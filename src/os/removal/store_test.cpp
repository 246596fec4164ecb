#include "os/removal/store.hpp"

#include "support/support.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

namespace wye::sys {
namespace {

TEST(UndoStore, ARunHasItsOwnDirectoryAndItsLines) {
    test::TempDir dir;
    auto store = Store::make(dir / "a/b");
    WYE_ASSERT_OK(store);
    struct stat s{};
    ::stat((dir / "a/b/undo").c_str(), &s);
    EXPECT_EQ(s.st_mode & 07777, 0700u);
    auto run = store->begin(), second = store->begin();
    WYE_ASSERT_OK(run);
    WYE_ASSERT_OK(second);
    EXPECT_NE(run->id(), second->id());
    WYE_ASSERT_OK(run->append("one"));
    WYE_ASSERT_OK(run->append("two", true));
    EXPECT_EQ(*run->manifest(), "one\ntwo\n");
    EXPECT_EQ(store->runs(), (std::vector{run->id(), second->id()}));
}

TEST(UndoStore, TwoAreNeverAtOneRun) {
    test::TempDir dir;
    auto store = Store::make(dir / "s");
    WYE_ASSERT_OK(store);
    std::string id;
    {
        const auto run = store->begin();
        WYE_ASSERT_OK(run);
        id = run->id();
        WYE_EXPECT_ERRC(Errc::busy, store->take(id));
    }
    WYE_ASSERT_OK(store->take(id));
    WYE_EXPECT_ERRC(Errc::not_found, store->take("../" + id));
    WYE_EXPECT_ERRC(Errc::not_found, store->take("20000101-1"));
}

TEST(UndoStore, AfterALineThatWasNotEndedComesAnother) {
    test::TempDir dir;
    auto store = Store::make(dir / "s");
    WYE_ASSERT_OK(store);
    const auto id = store->begin()->id();
    std::ofstream(dir / ("s/undo/" + id + "/manifest.jsonl")) << "{\"half";
    auto run = store->take(id);
    WYE_ASSERT_OK(run);
    WYE_ASSERT_OK(run->append("whole"));
    EXPECT_EQ(*run->manifest(), "{\"half\nwhole\n");
    WYE_ASSERT_OK(store->drop(std::move(*run)));
    EXPECT_TRUE(store->runs().empty());
}

TEST(UndoStore, ADirectoryThatOthersWriteIsNotTrusted) {
    test::TempDir dir;
    WYE_ASSERT_OK(Store::make(dir / "s"));
    ::chmod((dir / "s").c_str(), 0777);
    WYE_EXPECT_ERRC(Errc::denied, Store::open(dir / "s"));
    WYE_EXPECT_ERRC(Errc::not_found, Store::open(dir / "none"));
    WYE_EXPECT_ERRC(Errc::bad_address, Store::make("relative"));
}

TEST(UndoStore, TheLogOnlyGrows) {
    test::TempDir dir;
    auto store = Store::make(dir / "s");
    WYE_ASSERT_OK(store);
    WYE_ASSERT_OK(store->log("a"));
    WYE_ASSERT_OK(Store::open(dir / "s")->log("b"));
    std::ifstream in(dir / "s/log.jsonl");
    std::string all((std::istreambuf_iterator<char>(in)), {});
    EXPECT_EQ(all, "a\nb\n");
}

}  // namespace
}  // namespace wye::sys
