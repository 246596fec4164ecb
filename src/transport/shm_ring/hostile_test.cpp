// A peer that writes anything anywhere: whoever shares the pages with it gets errors or wrong bytes, never a crash, a
// byte outside of the segment, or a call that does not end.
#include "support/together.hpp"
#include "transport/shm_ring/shm_ring_test.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <optional>
#include <thread>

namespace {

using namespace wye;
using namespace wye::test;

constexpr auto longest_call = under_tsan || under_asan ? 200ms : 10ms;

/// Where a child is, for whoever finds it dead.
struct Where {
    std::size_t offset = 0, value = 0, cases = 0;
    const char* call = "";
    long slowest_us = 0;
    const char* slowest = "";
};

/// The file's bytes, as whoever means harm maps them.
struct Bytewise {
    std::byte* at = nullptr;
    std::size_t size = 0;
    explicit Bytewise(const std::string& path) {
        const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
        struct stat s{};
        if (fd < 0 || ::fstat(fd, &s) != 0) throw std::runtime_error(path);
        size = static_cast<std::size_t>(s.st_size);
        at = static_cast<std::byte*>(::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
        ::close(fd);
    }
    Bytewise(const Bytewise&) = delete;
    Bytewise& operator=(const Bytewise&) = delete;
    ~Bytewise() { ::munmap(at, size); }
};

/// Runs a call and holds it to its bound. Measured by this thread's processor time: others may be running.
struct Bounded {
    Where& where;
    template <class F>
    void operator()(const char* call, F&& f) const {
        where.call = call;
        const auto begin = cpu_time();
        f();
        const auto us = std::chrono::duration_cast<std::chrono::microseconds>(cpu_time() - begin).count();
        if (us > where.slowest_us) where.slowest_us = us, where.slowest = call;
        where.call = "between";
    }
};

/// Participants of a ring that was good when they came. Each call may fail in any way it likes.
struct Stream {
    std::optional<ShmWriter> w;
    std::optional<ShmReader> r, r2;
    std::vector<Lease> held;

    explicit Stream(const NamedRing& n) {
        w.emplace(n.writer());
        const bool broadcast = n.how.made.shape == Shape::broadcast;
        r.emplace(n.reader(Policy::block));
        if (broadcast) r2.emplace(n.reader(Policy::drop));
        for (std::uint64_t i = 0; i < 4; ++i) (void)w->send(bytes_of(payload(i, 20 * i)), Deadline::now());
        (void)w->send(bytes_of(payload(4, 3000)), Deadline::now());
        (void)w->send(bytes_of(payload(5, 3000)), Deadline::now());
        for (int i = 0; i < 2; ++i)
            if (auto l = r->take(Deadline::now())) held.push_back(std::move(*l));
    }
    void use(const NamedRing& n, const Bounded& call, Deadline wait = Deadline::now()) {
        call("send", [&] { (void)w->send(bytes_of("short"), Deadline::now()); });
        call("send a record", [&] { (void)w->send(bytes_of(payload(1, 300)), Deadline::now()); });
        call("send by loan", [&] { (void)w->send(bytes_of(payload(1, 3000)), Deadline::now()); });
        call("loan", [&] { (void)w->loan(5000, Deadline::now()); });
        for (auto* end : {&r, &r2}) {
            if (!*end) continue;
            for (int i = 0; i < 5; ++i) call("recv", [&] { (void)receive(**end); });
            call("take", [&] {
                if (auto l = (*end)->take(Deadline::now())) held.push_back(std::move(*l));
            });
            call("drain", [&] { (void)(*end)->drain(3, [](Bytes) {}, Deadline::now()); });
        }
        call("wait", [&] { (void)receive(*r, wait), (void)w->send(bytes_of(payload(1, 400)), wait); });
        call("drop", [&] { held.clear(); });
        call("open",
             [&] { (void)ShmReader::open(n.name, {.create = Create::never, .policy = Policy::drop, .history = 9}); });
        call("close", [&] { (void)w->close_write(), w.reset(), r.reset(), r2.reset(); });
        call("open, write", [&] {
            if (auto again = ShmWriter::open(n.name, {.create = Create::never}))
                (void)again->send(bytes_of(payload(1, 3000)), Deadline::now());
        });
        call("open, read", [&] {
            if (auto again = ShmReader::open(n.name, {.create = Create::never}))
                for (int i = 0; i < 5; ++i) (void)receive(*again);
        });
    }
};

struct Queue {
    std::optional<ShmProducer> p;
    std::optional<ShmWorker> a, b;
    std::vector<ShmJob> jobs;

    explicit Queue(const NamedRing& n) {
        p.emplace(n.producer());
        a.emplace(n.worker()), b.emplace(n.worker());
        for (std::uint64_t i = 0; i < 6; ++i) (void)p->send(bytes_of(payload(i, 60 * i)), Deadline::now());
        for (int i = 0; i < 3; ++i)
            if (auto j = a->take(Deadline::now())) jobs.push_back(std::move(*j));
        if (!jobs.empty()) jobs.erase(jobs.begin());  // it comes again
    }
    void use(const NamedRing& n, const Bounded& call, Deadline wait = Deadline::now()) {
        call("send", [&] { (void)p->send(bytes_of("short"), Deadline::now()); });
        call("send by loan", [&] { (void)p->send(bytes_of(payload(1, 3000)), Deadline::now()); });
        for (auto* end : {&b, &a})
            for (int i = 0; i < 3; ++i)
                call("take", [&] {
                    if (auto j = (*end)->take(Deadline::now())) jobs.push_back(std::move(*j));
                });
        call("recv", [&] { (void)receive(*b); });
        call("wait", [&] { (void)b->take(wait); });
        call("take_poisoned", [&] { (void)b->take_poisoned(); });
        call("done", [&] {
            if (!jobs.empty()) std::move(jobs.back()).done(), jobs.pop_back();
        });
        call("give back", [&] { jobs.clear(); });
        call("open", [&] { (void)ShmProducer::open(n.name, {.create = Create::never}); });
        call("close", [&] { p.reset(), a.reset(), b.reset(); });
        call("open, work", [&] {
            if (auto again = ShmWorker::open(n.name, {.create = Create::never})) (void)again->take(Deadline::now());
        });
    }
};

template <class Users>
void one_case(const ShmShape& made, Where& where, const std::function<void(Bytewise&)>& harm) {
    NamedRing n(made);
    const Bounded call{where};
    ++where.cases;
    {
        Users users(n);
        Bytewise bytes(n.path());
        harm(bytes);
        users.use(n, call);
    }
    call("list", [&] { (void)shm_ring_mechanism.list([](const Object&) {}); });
    call("remove", [&] { (void)n.remove(); });
}

void hurt(const ShmShape& made, Where& where, const std::function<void(Bytewise&)>& harm) {
    if (made.shape == Shape::queue)
        one_case<Queue>(made, where, harm);
    else
        one_case<Stream>(made, where, harm);
}

// All of it takes minutes: a part of it here, another part for each shape; WYE_SOAK=1 makes all.
bool soak() { return std::getenv("WYE_SOAK") != nullptr; }

/// In a child, so that its death is told with its place.
void in_a_child(const std::function<void(Where&)>& body) {
    Shared<Where> where;
    Child child([&] { return (void)room(), body(*where), true; });
    EXPECT_TRUE(child.ok(soak() ? 3600s : 50s))
        << "offset " << where->offset << " value " << where->value << " during " << where->call;
    EXPECT_LT(std::chrono::microseconds(where->slowest_us), longest_call) << where->slowest;
    std::printf("  %zu cases, the slowest call %ld us (%s)\n", where->cases, where->slowest_us, where->slowest);
}

constexpr ShmShape shapes[] = {
    {.shape = Shape::stream, .bytes = 2048, .participants = 3},
    {.shape = Shape::broadcast, .bytes = 2048, .participants = 4},
    {.shape = Shape::queue, .bytes = 2048, .participants = 4, .lanes = 2, .most_deliveries = 2}};

class Hostile : public ::testing::TestWithParam<int> {
protected:
    ShmShape made() const { return shapes[GetParam()]; }
    std::size_t part(std::size_t offset) const { return offset + static_cast<std::size_t>(GetParam()) * 3; }
};

TEST_P(Hostile, every_byte_zero_ones_and_each_bit_flipped) {
    in_a_child([&](Where& where) {
        std::size_t size = 128;
        for (where.offset = 0; where.offset < size; ++where.offset)
            for (where.value = 0; where.value < 10; ++where.value) {
                if (!soak() && part(where.offset * 7) % 31 != where.value) continue;
                hurt(made(), where, [&](Bytewise& b) {
                    size = b.size;
                    auto& it = b.at[where.offset];
                    it = where.value == 8   ? std::byte{0}
                         : where.value == 9 ? std::byte{0xff}
                                            : it ^ std::byte(1u << where.value);
                });
            }
    });
}

TEST_P(Hostile, every_word_a_number_that_hurts) {
    in_a_child([&](Where& where) {
        std::size_t size = 128;
        for (where.offset = 0; where.offset < size; where.offset += 4)
            for (where.value = 0; where.value < 16; ++where.value) {
                if (!soak() && part(where.offset / 4 * 5) % 53 != where.value) continue;
                hurt(made(), where, [&](Bytewise& b) {
                    size = b.size;
                    const bool wide = where.value >= 8 && where.offset % 8 == 0;
                    std::uint64_t now = 0;
                    std::memcpy(&now, b.at + where.offset, wide ? 8 : 4);
                    const std::uint64_t hurting[] = {0, 1, ~0ull, ~0ull >> 1, now + 1, now - 1, now + 32, now - 32};
                    std::memcpy(b.at + where.offset, &hurting[where.value % 8], wide ? 8 : 4);
                });
            }
    });
}

TEST_P(Hostile, messages_and_jobs_that_cannot_be) {
    in_a_child([&](Where& where) {
        for (const auto kind : {0ull, 1ull, 2ull, 3ull, 4ull, 255ull})
            for (const auto length : {0ull, 1ull, 47ull, 48ull, 49ull, 224ull, 225ull, 495ull, 496ull, 497ull, 2048ull,
                                      1ull << 32, (1ull << 56) - 1, (1ull << 56) - 64}) {
                where.offset = kind, where.value = length;
                hurt(made(), where, [&](Bytewise& b) {
                    // Everything from the first lane on that is a turn gets this meta.
                    for (std::size_t at = b.size - made().bytes * (made().shape == Shape::queue ? made().lanes : 1);
                         at + 16 <= b.size; at += 64) {
                        const auto meta = kind << 56 | length;
                        std::memcpy(b.at + at + 8, &meta, 8);
                    }
                });
            }
    });
}

TEST_P(Hostile, loans_that_cannot_be) {
    in_a_child([&](Where& where) {
        for (const std::uint64_t bank : {0u, 1u, 127u, 128u, 0xffffffffu})
            for (const std::uint64_t chunk : {0u, 1u, 63u, 64u, 0xffffffffu})
                for (const std::uint64_t length : {0ull, 4096ull, 4097ull, 1ull << 40, ~0ull}) {
                    where.offset = bank, where.value = chunk;
                    hurt(made(), where, [&](Bytewise& b) {
                        for (std::size_t at = 0; at + 32 <= b.size; at += 8) {
                            std::uint64_t meta = 0;
                            std::memcpy(&meta, b.at + at, 8);
                            if (ring::kind_of(meta) != ring::Kind::loan || ring::length_of(meta) > 1 << 20) continue;
                            const auto place = bank | chunk << 32;
                            std::memcpy(b.at + at + 8, &place, 8);
                            std::memcpy(b.at + at + 16, &length, 8);
                        }
                    });
                }
    });
}

TEST_P(Hostile, banks_that_contradict_themselves) {
    in_a_child([&](Where& where) {
        for (where.offset = 0; where.offset < 96; where.offset += 4)
            for (where.value = 0; where.value < 6; ++where.value) {
                NamedRing n(made());
                n.how.most_lent = 1 << 20;
                const auto send = [&](auto end) { (void)end.send(bytes_of(payload(1, 3000)), Deadline::now()); };
                const bool queue = made().shape == Shape::queue;
                const auto write = [&] { queue ? send(n.producer()) : send(n.writer()); };
                write();
                const auto all = or_throw(SharedSegment::all_beside("loan", n.name));
                if (all.size() != 1) std::abort();
                {
                    Bytewise b(all[0]);
                    std::uint32_t now = 0;
                    std::memcpy(&now, b.at + where.offset, 4);
                    const std::uint32_t hurting[] = {0, 1, ~0u, now + 1, now - 1, now * 1000};
                    std::memcpy(b.at + where.offset, &hurting[where.value], 4);
                }
                ++where.cases;
                const Bounded call{where};
                call("adopt", write);
                call("read", [&] {
                    queue ? (void)receive(*std::make_unique<ShmWorker>(n.worker()))
                          : (void)receive(*std::make_unique<ShmReader>(n.reader(Policy::block, 3)));
                });
            }
    });
}

/// Writes numbers that hurt into the pages, anywhere behind the segment's own header, which is read once.
class Mutator {
public:
    Mutator(const std::string& path, std::uint64_t seed) : bytes_(path), thread_([this, seed] { run(seed); }) {}
    ~Mutator() { over_ = true, thread_.join(); }
    Mutator(const Mutator&) = delete;
    Mutator& operator=(const Mutator&) = delete;

private:
    void run(std::uint64_t x) {
        while (!over_) {
            x = x * 6364136223846793005u + 1442695040888963407u;
            const auto offset = (64 + (x >> 33) % (bytes_.size - 72)) & ~std::size_t{7};
            const auto value = x & 64 ? x >> 40 : x & 128 ? x : (x >> 20) % 64;
            std::atomic_ref(*reinterpret_cast<std::uint64_t*>(bytes_.at + offset))
                .store(value, std::memory_order_relaxed);
        }
    }
    Bytewise bytes_;
    std::atomic<bool> over_ = false;
    std::thread thread_;
};

TEST_P(Hostile, somebody_who_writes_all_the_time) {
    if (under_tsan) GTEST_SKIP() << "these races are the test";
    in_a_child([&](Where& where) {
        for (where.offset = 0; where.offset < (soak() ? 3000u : 100u); ++where.offset) {
            NamedRing n(made());
            ++where.cases;
            const auto race = [&](auto users) {
                const Mutator mutator(n.path(), where.offset * 2 + 1);
                users.use(n, {where}, 15ms);
            };
            made().shape == Shape::queue ? race(Queue(n)) : race(Stream(n));
        }
    });
}

std::string shape_name(const ::testing::TestParamInfo<int>& i) {
    return i.param == 0 ? "stream" : i.param == 1 ? "broadcast" : "queue";
}
INSTANTIATE_TEST_SUITE_P(ShmRing, Hostile, ::testing::Values(0, 1, 2), shape_name);

TEST(HostileFile, what_is_no_ring_is_refused_and_left_alone) {
    const NamedRing n;
    const auto spoilt = [&](const char* what, const std::function<int()>& how) {
        { const auto w = n.writer(); }
        ASSERT_EQ(how(), 0) << what;
        struct stat before{}, after{};
        ASSERT_EQ(::lstat(n.path().c_str(), &before), 0);
        EXPECT_FALSE(ShmReader::open(n.name).has_value()) << what;
        EXPECT_FALSE(ShmWriter::open(n.name, {.create = Create::never}).has_value()) << what;
        EXPECT_FALSE(ShmWorker::open(n.name).has_value()) << what;
        WYE_EXPECT_ERRC(Errc::already_exists, ShmReader::open(n.name, {.create = Create::exclusive}));
        WYE_ASSERT_OK(shm_ring_mechanism.list([](const Object&) {}));
        if (std::string_view(what) == "another layout") {  // another version's: a ring all the same
            WYE_ASSERT_OK(n.remove());
            return;
        }
        EXPECT_FALSE(n.remove().has_value()) << what;
        ASSERT_EQ(::lstat(n.path().c_str(), &after), 0) << what;
        EXPECT_EQ(before.st_ino, after.st_ino) << what;
        if (::unlink(n.path().c_str()) != 0) ::rmdir(n.path().c_str());
    };
    const auto path = n.path();
    const auto replaced = [&](auto&& by) { return ::unlink(path.c_str()) == 0 ? by() : -1; };
    const auto write_at = [&](off_t at) {
        const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
        const auto done = ::pwrite(fd, "X", 1, at);
        ::close(fd);
        return done == 1 ? 0 : -1;
    };
    for (const off_t size : {0, 1, 63, 64, 128, 4096})
        spoilt("truncated", [&] { return ::truncate(path.c_str(), size); });
    struct stat s{};
    {
        const auto w = n.writer();
    }
    ASSERT_EQ(::stat(path.c_str(), &s), 0);
    spoilt("a byte short", [&] { return ::truncate(path.c_str(), s.st_size - 1); });
    spoilt("grown", [&] { return ::truncate(path.c_str(), s.st_size + 1); });
    spoilt("grown far", [&] { return ::truncate(path.c_str(), off_t{1} << 40); });
    spoilt("another magic", [&] { return write_at(0); });
    spoilt("another layout", [&] { return write_at(8); });
    spoilt("another kind", [&] { return write_at(12); });
    spoilt("a FIFO", [&] { return replaced([&] { return ::mkfifo(path.c_str(), 0600); }); });
    spoilt("a directory", [&] { return replaced([&] { return ::mkdir(path.c_str(), 0700); }); });
    spoilt("/dev/zero", [&] { return replaced([&] { return ::symlink("/dev/zero", path.c_str()); }); });
    spoilt("a ring elsewhere", [&] { return replaced([&] { return ::symlink("ring.other", path.c_str()); }); });
    if (::geteuid() == 0) spoilt("another owner's", [&] { return ::chown(path.c_str(), 4711, 4711); });
}

}  // namespace
