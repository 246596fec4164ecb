#include "wye/base/error.hpp"

#include "wye/base/main.hpp"

#include "support/support.hpp"

#include <cerrno>
#include <set>

using namespace wye;

TEST(Error, says_the_call_the_subject_and_the_reason) {
    EXPECT_EQ(Error(Errc::denied, "mq_open", "/jobs", EACCES).message(), "mq_open(\"/jobs\"): Permission denied");
    EXPECT_EQ(Error(Errc::timed_out, "recv").message(), "recv: timed out");
    EXPECT_EQ(Error(Errc::timed_out).message(), "timed out");
    EXPECT_EQ(Error(Errc::not_found, "", "x").message(), "x: not found");
    EXPECT_EQ(Error::saying(Errc::bad_address, "a sentence").message(), "a sentence");
}

TEST(Error, a_result_of_a_hot_call_stays_small) {
    EXPECT_LE(sizeof(Error), 24u);
    EXPECT_LE(sizeof(Result<>), 32u);
}

TEST(Error, what_a_stranger_named_cannot_write_to_the_terminal) {
    EXPECT_EQ(Error(Errc::not_found, "open", "a\x1b[2Jb\n").message(), "open(\"a\\x1b[2Jb\\x0a\"): not found");
    EXPECT_EQ(Error::saying(Errc::bad_address, "x\x07").message(), "x\\x07");
}

TEST(Error, every_outcome_has_a_name_and_a_text_of_its_own) {
    std::set<std::string> names, texts;
    for (int i = 1; i <= static_cast<int>(Errc::failed); ++i) {
        names.emplace(name(Errc(i)));
        texts.insert(Error(Errc(i)).message());
    }
    EXPECT_EQ(names.size(), static_cast<std::size_t>(Errc::failed));
    EXPECT_EQ(texts.size(), names.size());
    EXPECT_EQ(name(Errc::timed_out), "timed_out");
    EXPECT_EQ(name(Errc(200)), "ok");  // out of range: no crash
}

TEST(Error, copies_and_moves_own_their_subject) {
    Error a(Errc::busy, "flock", std::string(100, 's'), EBUSY);
    Error b = a;
    EXPECT_EQ(a.message(), b.message());
    EXPECT_NE(a.subject().data(), b.subject().data());
    Error c = std::move(a);
    EXPECT_EQ(c.message(), b.message());
    b = Error(Errc::closed);
    EXPECT_EQ(b.message(), "the other end closed");
    c = *&c;
    EXPECT_EQ(c.subject().size(), 100u);
    Error said = Error::saying(Errc::mismatch, "one sentence");
    Error taken = std::move(said);
    said = taken;  // assigning to what was moved from
    EXPECT_EQ(said.message(), "one sentence");
}

TEST(Error, speaks_to_the_standard_library) {
    EXPECT_EQ(Error(Errc::denied, "open", "", EACCES).code(), std::errc::permission_denied);
    EXPECT_TRUE(Error(Errc::closed).code() == make_error_condition(Errc::closed));
    EXPECT_FALSE(Error(Errc::closed).code() == make_error_condition(Errc::busy));
}

TEST(Error, the_second_door_throws_what_a_user_can_read) {
    EXPECT_EQ(or_throw(Result<int>(7)), 7);
    try {
        or_throw(Result<>(fail(Errc::not_found, "open", "/nowhere")));
        FAIL();
    } catch (const Exception& e) {
        EXPECT_TRUE(e.error().is(Errc::not_found));
        EXPECT_NE(std::string(e.what()).find("open(\"/nowhere\"): not found"), std::string::npos);
    }
}

TEST(Error, try_and_check_hand_an_error_on) {
    const auto half = [](int n) -> Result<int> {
        if (n % 2) return fail(Errc::failed, "half");
        return n / 2;
    };
    const auto quarter = [&](int n) -> Result<int> {
        WYE_TRY(const int h, half(n));
        WYE_CHECK(half(h));
        return h / 2;
    };
    EXPECT_EQ(*quarter(8), 2);
    WYE_EXPECT_ERRC(Errc::failed, quarter(3));
    WYE_EXPECT_ERRC(Errc::failed, quarter(2));
}

TEST(Error, run_main_answers_an_exit_code) {
    EXPECT_EQ(run_main([]() -> Result<> { return {}; }), 0);
    ::testing::internal::CaptureStderr();
    EXPECT_EQ(run_main([]() -> Result<> { return fail(Errc::busy, "lock"); }), 1);
    EXPECT_EQ(::testing::internal::GetCapturedStderr(), "lock: in use by someone else\n");
}
