// What only several deaths in a row, or a sleeper beside them, bring to light.
#include "wye/registry/open.hpp"

#include "ring/scenes.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace wye::test {
namespace {

using namespace std::chrono_literals;
using ring::Shape;

class RingDeaths : public ::testing::Test {
protected:
    void SetUp() override {
        if (!may_step()) GTEST_SKIP() << "ptrace(2) is not allowed here";
    }
};

TEST_F(RingDeaths, producers_of_a_strict_queue_that_die_one_after_the_other_behind_their_message_lose_none) {
    Stage s(Shape::queue, true);
    s.own.worker = or_throw(ShmWorker::open(s.name, s.options()));
    const auto pages = or_throw(shm::Pages::open(s.name, s.shape, Create::never));
    const auto& lane = pages.lanes[0];
    for (unsigned i = 0; i < 2 * pages.g.granules; ++i) {
        const auto at = ring::position_of_head(lane.header->head.load(), lane.header->limit.load());
        Stepped victim([&] { s.victim.producer = or_throw(ShmProducer::open(s.name, s.options())); },
                       [&] { (void)s.victim.producer->send(bytes_of(message(i, in_line)), Deadline::now()); });
        while (!victim.over() && lane.slot(at).turn.load() != at + 1) victim.step(1);
        victim.kill();
        auto job = s.own.worker->take(Deadline::now());
        ASSERT_TRUE(job.has_value()) << i;
        EXPECT_EQ(text_of(job->bytes()), message(i, in_line));
        std::move(*job).done();
    }
}

// It sleeps by descriptors, and knew nobody when it fell asleep.
TEST_F(RingDeaths, a_sleeper_is_told_of_a_writer_that_came_and_died_while_it_slept) {
    Stage s(Shape::stream);
    Shared<std::atomic<int>> state{};
    Child sleeper([&] {
        auto reader = or_throw(ShmReader::open(s.name, s.options()));
        std::byte room[loaned];
        *state = 1;
        const auto got = reader.recv(room, 20s);
        *state = got ? 2 : got.error().is(Errc::peer_died) ? 3 : 4;
        return true;
    });
    for (int i = 0; i < 10'000 && or_throw(SharedSegment::all_beside("bell", s.name)).empty(); ++i) ::usleep(1000);
    ::usleep(20'000);  // it makes its bell, and then sleeps
    ASSERT_EQ(*state, 1);
    const auto pages = or_throw(shm::Pages::open(s.name, s.shape, Create::never));
    {
        Stepped victim([&] { s.victim.writer = or_throw(ShmWriter::open(s.name, s.options())); },
                       [&] { s.send(in_line); });
        while (!victim.over() && pages.lanes[0].slot(0).turn.load() != 1) victim.step(1);
    }
    EXPECT_TRUE(sleeper.ok(10s));
    EXPECT_EQ(*state, 2);
}

TEST_F(RingDeaths, loans_that_a_dead_reader_kept_come_back_without_another_reader) {
    Stage s(Shape::stream);
    s.own.writer = or_throw(ShmWriter::open(s.name, s.options()));
    s.backlog(8, loaned);
    Child reader([&] {
        auto mine = or_throw(ShmReader::open(s.name, s.options()));
        std::vector<Lease> kept;
        for (int i = 0; i < 8; ++i) kept.push_back(or_throw(mine.take(Deadline::now())));
        ::kill(::getpid(), SIGKILL);
        return false;
    });
    EXPECT_FALSE(reader.ok());
    std::vector<Loan> all;
    for (bool told = false;;) {
        auto loan = s.own.writer->loan(loaned, 20ms);
        if (!loan && !told && loan.error().is(Errc::peer_died)) {
            told = true;
            continue;
        }
        if (!loan) break;
        all.push_back(std::move(*loan));
    }
    EXPECT_EQ(all.size(), lendable);
}

TEST(Ring, a_child_of_fork_that_lets_go_of_its_copy_leaves_the_bell) {
    Stage s(Shape::stream);
    auto reader = or_throw(ShmReader::open(s.name, s.options()));
    ASSERT_GE(reader.native_handle(), 0);
    Child child([&] {
        const auto gone = std::move(reader);
        return true;
    });
    EXPECT_TRUE(child.ok());
    EXPECT_EQ(or_throw(SharedSegment::all_beside("bell", s.name)).size(), 1u);
}

}  // namespace
}  // namespace wye::test
