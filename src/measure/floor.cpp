#include "measure/floor.hpp"

#include "measure/clock.hpp"

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <new>
#include <stdexcept>

namespace wye::measure {
namespace {

struct Lines {
    alignas(128) std::atomic<std::uint32_t> there{0};
    alignas(128) std::atomic<std::uint32_t> back{0};
};

class Floor : public Means {
public:
    Floor(std::string n, std::string what, bool sleeps, bool pauses) : sleeps_(sleeps), pauses_(pauses) {
        name = std::move(n), group = "floor", summary = std::move(what);
        carries = false, polls = !sleeps;
    }
    void prepare(Shape, unsigned) override {
        void* p =
            mmap(nullptr, sizeof(Lines), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        if (p == MAP_FAILED) throw std::runtime_error("mmap: no memory to share");
        lines_ = new (p) Lines();
    }
    std::unique_ptr<End> open(Role r, unsigned) override {
        const bool first = r == Role::first;
        auto& out = first ? lines_->there : lines_->back;
        auto& in = first ? lines_->back : lines_->there;
        return std::make_unique<Line>(out, in, sleeps_, pauses_);
    }
    void clean() noexcept override { munmap(lines_, sizeof(Lines)); }

private:
    class Line : public End {
    public:
        Line(std::atomic<std::uint32_t>& out, std::atomic<std::uint32_t>& in, bool sleeps, bool pauses)
            : out_(out), in_(in), sleeps_(sleeps), pauses_(pauses) {}
        // Release, for whoever sees the number in recv() sees what was written before it.
        void send(Bytes) override {
            out_.store(++sent_, std::memory_order_release);
            if (sleeps_) syscall(SYS_futex, &out_, FUTEX_WAKE, 1, nullptr, nullptr, 0);
        }
        std::size_t recv(MutBytes, bool) override {
            while (in_.load(std::memory_order_acquire) == received_) {
                if (sleeps_)
                    syscall(SYS_futex, &in_, FUTEX_WAIT, received_, nullptr, nullptr, 0);
                else if (pauses_)
                    relax();
            }
            ++received_;
            return 0;
        }

    private:
        std::atomic<std::uint32_t>&out_, &in_;
        bool sleeps_, pauses_;
        std::uint32_t sent_ = 0, received_ = 0;
    };
    bool sleeps_, pauses_;
    Lines* lines_ = nullptr;
};

}  // namespace

AllMeans floor_means() {
    AllMeans all;
    all.push_back(std::make_unique<Floor>("floor:line", "a cache line, looked at again and again", false, false));
    all.push_back(std::make_unique<Floor>("floor:pause", "likewise, with a pause between two looks", false, true));
    all.push_back(std::make_unique<Floor>("floor:wake", "futex(2): FUTEX_WAKE of one that sleeps", true, false));
    return all;
}

}  // namespace wye::measure
