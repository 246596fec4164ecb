// Who comes late, to means of which it is known what they keep and how long opening takes.
#include "measure/work.hpp"
#include "support/support.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

using namespace wye;
using namespace wye::measure;
using namespace std::chrono_literals;

namespace {

// A file, to which a publisher appends: whoever subscribes begins `history` messages before its end, and reads what is
// there.
class Known : public Means {
public:
    std::uint64_t keeps = 1000;                     // messages, of the last
    unsigned forgets = 0;                           // every so many-th message
    std::uint64_t too_many = 0;                     // that it begins before what was asked for
    std::chrono::microseconds opens{0}, closes{0};  // so slowly

    explicit Known(const test::TempDir& d) : path_(d / "kept") {
        name = "known", group = "test", shapes = duel | fan, can = recalls | comes_again;
    }
    void prepare(Shape, unsigned) override { ::close(opened(O_CREAT | O_EXCL)); }
    std::unique_ptr<End> open(Role r, unsigned) override {
        if (r != Role::first) ::usleep(static_cast<unsigned>(opens.count()));
        return std::make_unique<One>(*this, r);
    }
    void clean() noexcept override { ::unlink(path_.c_str()); }

private:
    class One : public End {
    public:
        One(Known& k, Role r) : k_(k), role_(r), fd_(k.opened(O_APPEND)) {
            const auto length = static_cast<std::uint64_t>(::lseek(fd_, 0, SEEK_END)) / k.size;
            const auto back = std::min({k.history + k.too_many, k.keeps, length});
            at_ = k.can & all_of_it ? 0 : (length - back) * k.size;
        }
        ~One() override {
            if (role_ != Role::first) ::usleep(static_cast<unsigned>(k_.closes.count()));
            ::close(fd_);
        }
        void send(Bytes b) override {
            if (++n_; k_.forgets && n_ % k_.forgets == 0) return;
            if (::write(fd_, b.data(), b.size()) != std::ssize(b)) throw std::runtime_error("write");
        }
        std::size_t recv(MutBytes into, bool) override {
            const auto n = ::pread(fd_, into.data(), k_.size, static_cast<off_t>(at_));
            if (n <= 0) throw std::runtime_error("nothing came");
            at_ += k_.size;
            return static_cast<std::size_t>(n);
        }

    private:
        Known& k_;
        Role role_;
        int fd_;
        std::uint64_t at_ = 0;
        unsigned n_ = 0;
    };
    int opened(int how) const { return ::open(path_.c_str(), O_RDWR | O_CLOEXEC | how, 0600); }
    std::string path_;
};

std::string trouble_of(Known& k, std::uint64_t asked) {
    try {
        (void)run({.workload = "open:history", .at_once = asked, .messages = 5}, k);
    } catch (const std::runtime_error& e) {
        return e.what();
    }
    return {};
}

}  // namespace

TEST(MeasureLate, who_asks_for_the_last_so_many_has_exactly_those) {
    const test::TempDir dir;
    Known k(dir);
    k.opens = 2ms, k.closes = 3ms;
    for (const std::uint64_t asked : {1u, 100u, 1000u}) {
        const auto t = run({.workload = "open:history", .at_once = asked, .messages = 5}, k);
        EXPECT_EQ(k.history, asked);
        EXPECT_EQ(t.messages, 5u);
        EXPECT_EQ(t.times.total(), 5u);
        EXPECT_GE(t.more.at("open_ns"), 1.98e6);
        EXPECT_GE(t.more.at("first_ns"), t.more.at("open_ns"));
        EXPECT_GE(t.times.middle() / Taken::a_ns, t.more.at("first_ns"));
        EXPECT_GE(t.more.at("close_ns"), 2.97e6);
    }
    // Where a reader has all that was ever said, no more is said than is asked for.
    k.can |= all_of_it;
    EXPECT_EQ(trouble_of(k, 10), "");
    EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(MeasureLate, a_history_that_is_too_short_too_long_or_has_a_hole_is_none) {
    const test::TempDir dir;
    Known k(dir);
    k.keeps = 7;
    EXPECT_EQ(trouble_of(k, 10), "asked for the last 10 messages, and 7 came");
    k.keeps = 1000, k.too_many = 1;
    EXPECT_EQ(trouble_of(k, 10), "asked for the last 10 messages, and 11 came");
    k.too_many = 0, k.forgets = 4;
    EXPECT_EQ(trouble_of(k, 10), "message 5 came behind message 3");
    EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

TEST(MeasureLate, one_that_comes_and_goes_is_measured_both_ways) {
    const test::TempDir dir;
    Known k(dir);
    k.opens = 2ms, k.closes = 4ms;
    const auto t = run({.workload = "open:attach", .messages = 5}, k);
    EXPECT_EQ(t.messages, 5u);
    EXPECT_GE(t.times.at(0) / Taken::a_ns, 1.98e6);
    EXPECT_GE(t.more.at("close_ns"), 3.96e6);
    k.can = 0;
    EXPECT_THROW((void)run({.workload = "open:attach", .messages = 5}, k), std::runtime_error);
    EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}
