// What the kernel refuses, and deaths between any two system calls.
#include "os/inject.hpp"
#include "ring/book.hpp"
#include "ring/scenes.hpp"

#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <fstream>
#include <new>

namespace wye::test {
namespace {

using ring::Shape;

class RingCalls : public ::testing::TestWithParam<Scene> {};

TEST_P(RingCalls, a_kill_at_any_system_call_is_noticed_by_nobody_more_than_it_must) {
    if (!may_step()) GTEST_SKIP() << "ptrace(2) is not allowed here";
    const Scene& scene = GetParam();
    const long all = [&] {
        const auto s = scene.stage();
        return calls([&] { scene.before(*s); }, [&] { scene.body(*s); });
    }();
    auto& tally = Book::of(scene.name, "kill at a call");
    for (long i = 0; i < all; i += stride(all, 4)) {
        const auto s = scene.stage();
        {
            Stepped victim([&] { scene.before(*s); }, [&] { scene.body(*s); });
            victim.step_calls(i);
        }
        s->verify(tally, "killed at stop " + std::to_string(i));
        if (HasFailure()) return;
    }
}

// Whoever meets it gets an Error or does its work; the others lose nothing.
TEST_P(RingCalls, whatever_any_system_call_answers_harms_nobody) {
    constexpr std::array errors{ENOMEM, EMFILE, ENOSPC, EINTR, EACCES, EINVAL};
    const Scene& scene = GetParam();
    auto& tally = Book::of(scene.name, "refused");
    const bool whole = ::getenv("WYE_SOAK") != nullptr;
    Shared<std::atomic<unsigned>> hits{};
    const auto refused = [&](unsigned nth, int error) {
        const auto s = scene.stage();
        s->calls_fail = true;
        const auto where = "call " + std::to_string(nth) + ": " + ::strerrorname_np(error);
        Child victim([&] {
            scene.before(*s);
            const sys::Inject fault{{.nth = nth, .error = error}};
            try {
                scene.body(*s);
            } catch (const std::runtime_error&) {}  // of or_throw()
            *hits = fault.hits();
            s->report->finished = true;
            ::_exit(0);  // a death: what it has stays
            return true;
        });
        EXPECT_TRUE(victim.ok() && s->report->finished) << where;
        s->verify(tally, where);
    };
    const unsigned step = whole ? 1 : 7;
    for (unsigned nth = 1; nth < (whole ? 1000 : 80); nth += step) {
        *hits = 0;
        for (std::size_t e = 0; e < (whole ? errors.size() : 1); ++e) refused(nth, errors[(nth + e) % errors.size()]);
        if (HasFailure() || *hits == 0) return;
    }
}

INSTANTIATE_TEST_SUITE_P(Ring, RingCalls, ::testing::ValuesIn(scenes()), [](const auto& i) { return i.param.name; });

// ---------------------------------------------------------------- limits

// Opens, sends, lends, waits; false when something was neither done nor refused with a name.
bool use(Shape shape, std::size_t bytes) {
    Stage s(shape);
    auto o = s.options();
    o.made.bytes = bytes;
    const auto good = [](const auto& r) {
        const bool told = r || r.error().is(Errc::exhausted) || r.error().is(Errc::timed_out);
        if (!told) ADD_FAILURE() << r.error().message();
        return r.has_value();
    };
    std::vector<std::byte> room(loaned);
    const auto wait = std::chrono::milliseconds(12);
    if (shape == Shape::queue) {
        auto producer = ShmProducer::open(s.name, o);
        auto worker = ShmWorker::open(s.name, o);
        if (!good(producer) || !good(worker)) return true;
        for (const auto size : {in_line, record, loaned})
            if (good(producer->send(bytes_of(message(1, size)), wait))) good(worker->recv(room, wait));
        good(worker->recv(room, wait));
    } else {
        auto writer = ShmWriter::open(s.name, o);
        auto reader = ShmReader::open(s.name, o);
        if (!good(writer) || !good(reader)) return true;
        for (const auto size : {in_line, record, loaned})
            if (good(writer->send(bytes_of(message(1, size)), wait))) good(reader->recv(room, wait));
        good(reader->recv(room, wait));
    }
    return !::testing::Test::HasFailure();
}

constexpr std::array shapes{Shape::stream, Shape::broadcast, Shape::queue};

TEST(RingLimits, a_dev_shm_of_any_size_is_enough_or_said_to_be_full) {
    Child child([&] {
        if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
            ::_exit(77);
        for (int pages = 2; pages < 200; pages += pages < 40 ? 1 : 15)
            for (const auto shape : shapes) {
                const auto size = "size=" + std::to_string(pages * 4096);
                if (::mount("tmpfs", "/dev/shm", "tmpfs", 0, size.c_str()) != 0) ::_exit(77);
                const bool good = use(shape, 2048);
                if (::umount2("/dev/shm", MNT_DETACH) != 0 || !good) return false;
            }
        return true;
    });
    if (child.ok(std::chrono::seconds(60))) return;
    if (child.exit_code() == 77) GTEST_SKIP() << "no mount namespace of its own";
    ADD_FAILURE();
}

TEST(RingLimits, too_few_descriptors_are_told) {
    for (const auto shape : shapes)
        for (rlim_t more = 0; more < 24; ++more) {
            Child child([&] {
                const auto open = static_cast<rlim_t>(open_descriptors().size());
                const rlimit limit{open + 3 + more, open + 3 + more};
                return ::setrlimit(RLIMIT_NOFILE, &limit) == 0 && use(shape, 2048);
            });
            EXPECT_TRUE(child.ok()) << more << " more descriptors";
        }
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST(RingLimits, too_little_room_for_mappings_is_told) {
    for (const auto shape : shapes)
        for (rlim_t more = 1; more <= 32; more *= 2) {
            Child child([&] {
                rlim_t pages = 0;
                std::ifstream("/proc/self/statm") >> pages;
                const rlim_t most = pages * 4096 + (more << 19);
                const rlimit limit{most, most};
                return ::setrlimit(RLIMIT_AS, &limit) == 0 && use(shape, std::size_t{1} << 20);
            });
            EXPECT_TRUE(child.ok()) << more << " half MiB more";
        }
}
#endif

}  // namespace
}  // namespace wye::test
