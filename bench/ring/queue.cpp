// Jobs: ours between processes, and plain lanes between the threads of one process, which is what a queue without
// leases, deaths or processes costs: a lane for each producer with the indices of the other side kept, taken by a
// consumer for as long as it finds something there, and tried for when its own has nothing.
#include "wye/registry/open.hpp"
#include "wye/transport/shm_ring.hpp"

#include "cases.hpp"

#include <memory>
#include <thread>

namespace wye::bench {
namespace {

struct Work {
    std::byte bytes[48];
};

class Lane {
public:
    bool put(const Work& w) {
        const auto tail = tail_.load(std::memory_order_relaxed);
        if (tail - known_head_ == room && tail - (known_head_ = head_.load(std::memory_order_acquire)) == room)
            return false;
        work_[tail % room] = w;
        tail_.store(tail + 1, std::memory_order_release);
        return true;
    }
    /// Up to `most` of them; 0 too when another consumer has the lane.
    std::size_t take(Work* into, std::size_t most) {
        if (taken_.load(std::memory_order_relaxed) || taken_.exchange(true, std::memory_order_acquire)) return 0;
        const auto head = head_.load(std::memory_order_relaxed);
        if (known_tail_ == head) known_tail_ = tail_.load(std::memory_order_acquire);
        const auto n = std::min(most, known_tail_ - head);
        for (std::size_t i = 0; i < n; ++i) into[i] = work_[(head + i) % room];
        if (n > 0) head_.store(head + n, std::memory_order_release);
        taken_.store(false, std::memory_order_release);
        return n;
    }

private:
    static constexpr std::size_t room = 1024;
    alignas(128) std::atomic<std::size_t> tail_ = 0;
    std::size_t known_head_ = 0;
    alignas(128) std::atomic<bool> taken_ = false;
    std::size_t known_tail_ = 0;
    alignas(128) std::atomic<std::size_t> head_ = 0;
    alignas(128) Work work_[room];
};

constexpr std::size_t most_sides = 16;
struct Tally {
    struct alignas(128) Count {
        std::atomic<std::uint64_t> n;
    };
    std::atomic<unsigned> ready;
    Count of[most_sides];
    std::uint64_t sum(std::size_t n) const {
        std::uint64_t all = 0;
        for (std::size_t i = 0; i < n; ++i) all += of[i].n.load(std::memory_order_relaxed);
        return all;
    }
};

/// Jobs a second after everybody has come: the best tenth of many short times. Where all of them spin on two
/// processors, or somebody else is busy too, the rest is what the scheduler made of it.
void print_jobs(const Args& a, const Tally& tally, std::size_t sides, std::size_t workers) {
    using Clock = std::chrono::steady_clock;
    while (tally.ready.load() < sides) usleep(100);
    usleep(10000);
    std::vector<double> took;
    auto jobs = tally.sum(workers);
    auto begin = Clock::now();
    for (std::size_t i = 0; i < a.number("times", 100); ++i) {
        usleep(1500);
        const auto now_jobs = tally.sum(workers);
        const auto now = Clock::now();
        took.push_back(std::chrono::duration<double, std::nano>(now - begin).count() /
                       static_cast<double>(std::max<std::uint64_t>(now_jobs - jobs, 1)));
        jobs = now_jobs, begin = now;
    }
    std::ranges::sort(took);
    print_rate(took[took.size() / 10]);
}

void in_process(const Args& a) {
    const auto n = a.number("sides", 1), batch = a.number("batch", 32);
    const auto lanes = std::make_unique<Lane[]>(n);
    Tally tally{};
    const auto spawn = [&](Side s, auto body) {
        std::thread([&a, &tally, s, body] {
            pin(a, s);
            ++tally.ready;
            body();
        }).detach();
    };
    for (std::size_t i = 0; i < n; ++i) {
        spawn(Side::child, [lane = &lanes[i]] {
            for (Work w{};; touched(&w))
                while (!lane->put(w)) relax();
        });
        spawn(Side::parent, [&lanes, &tally, n, i, batch] {
            std::vector<Work> got(batch);
            for (auto at = i;;) {
                const auto some = lanes[at].take(got.data(), batch);
                for (std::size_t k = 0; k < some; ++k) touched(&got[k]);
                if (some == 0) at = (at + 1) % n, relax();
                auto& count = tally.of[i].n;
                count.store(count.load(std::memory_order_relaxed) + some, std::memory_order_relaxed);
            }
        });
    }
    print_jobs(a, tally, 2 * n, n);
    std::fflush(stdout);
    std::_Exit(0);
}

void between_processes(const Args& a) {
    const auto n = a.number("sides", 1), batch = a.number("batch", 1);
    const auto name = own_name("queue");
    auto& tally = shared<Tally>();
    ShmOptions o;
    o.made.shape = ring::Shape::queue;
    o.made.strict = a.number("strict", 0) != 0;
    o.spin = true;
    std::vector<std::unique_ptr<Child>> all;
    for (std::size_t i = 0; i < n; ++i) {
        all.push_back(std::make_unique<Child>(a, [&] {
            auto out = must(ShmProducer::open(name, o));
            ++tally.ready;
            if (batch == 1)
                for (Work w{};; touched(&w)) must(out.send(w.bytes));
            const Work w{};
            for (const std::vector<Bytes> jobs(batch, w.bytes);;) must(out.send_many(jobs));
        }));
        all.push_back(std::make_unique<Child>(
            a,
            [&] {
                auto in = must(ShmWorker::open(name, o));
                ++tally.ready;
                Work w;
                for (std::uint64_t done = 0;;) {
                    if (batch == 1)
                        must(in.recv(w.bytes)), touched(&w), ++done;
                    else
                        done += must(in.drain(batch, [&](ShmJob job) {
                            ring::copy_shared(w.bytes, job.bytes().data(), job.bytes().size());
                            touched(&w);
                            std::move(job).done();
                        }));
                    tally.of[i].n.store(done, std::memory_order_relaxed);
                }
            },
            Side::parent));
    }
    print_jobs(a, tally, 2 * n, n);
    all.clear();
    (void)wye::remove("shm:" + name);
}

const Cases cases{{"lanes", in_process}, {"queue", between_processes}};

}  // namespace
}  // namespace wye::bench
