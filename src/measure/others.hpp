// The other processes of a piece of work, and what they and this one cost.
#pragma once
#include "measure/histogram.hpp"

#include <sys/mman.h>
#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

namespace wye::measure {

/// Pages that all have. What is here is written by who the name says, and by nobody else.
struct Board {
    struct alignas(128) Place {
        std::atomic<std::uint64_t> ready{0};  ///< its end is open
        std::atomic<std::uint64_t> count{0};  ///< messages it has had
        std::atomic<std::uint64_t> lost{0};
        std::atomic<std::uint64_t> said{0};  ///< of `growth`: KiB; of `wakeup:many`: ticks that it came late
        std::atomic<std::uint64_t> done{0};
        char trouble[256] = {};
    };
    static constexpr unsigned most = 64;
    alignas(128) std::atomic<std::uint64_t> go{0};       ///< of `open`: all may begin
    alignas(128) std::atomic<std::uint64_t> sent_at{0};  ///< ticks, before the message that is on its way
    Place places[most];
    Histogram times[most];
};

/// A T in pages that this process has with all that it starts from now on.
template <class T>
class Pages {
public:
    Pages() : at_(mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0)) {
        if (at_ == MAP_FAILED) throw std::runtime_error("mmap: no memory to share");
        new (at_) T();
    }
    ~Pages() { munmap(at_, sizeof(T)); }
    Pages(const Pages&) = delete;
    Pages& operator=(const Pages&) = delete;
    T& operator*() const noexcept { return *static_cast<T*>(at_); }
    T* operator->() const noexcept { return static_cast<T*>(at_); }

private:
    void* at_;
};

/// Where a process is to run: on a processor of its own, if there are two.
void pin(unsigned nth);

class Others {
public:
    Others() = default;
    ~Others() { end(); }
    Others(const Others&) = delete;
    Others& operator=(const Others&) = delete;

    Board& board() noexcept { return *board_; }
    /// Forks one more, the `which`-th. It dies with us; what its body throws is said by check().
    void start(unsigned which, const std::function<void(unsigned which)>& body, bool pinned);
    /// What it costs is counted, and nothing else is ours to do.
    void counts(pid_t p) { beside_.push_back(p); }
    unsigned count() const noexcept { return static_cast<unsigned>(pids_.size()); }
    pid_t first() const noexcept { return pids_.front(); }
    /// Until each has said that it is ready. Throws when one failed, or nothing happens for five seconds.
    void wait_ready();
    /// Throws what one of them threw, or how it ended.
    void check();
    /// Also by another of them. Returns when it does nothing more.
    void kill_first() const noexcept;
    /// Likewise, of all; also by another thread, while this one waits for them.
    void kill_all() const noexcept;
    /// What one of them threw, if any did.
    std::string trouble() const;
    void end() noexcept;

    struct Cost {
        double cpu_ns = 0, switches = 0;
        Cost operator+(const Cost& o) const noexcept { return {cpu_ns + o.cpu_ns, switches + o.switches}; }
        Cost operator-(const Cost& o) const noexcept { return {cpu_ns - o.cpu_ns, switches - o.switches}; }
    };
    /// Of all its threads, so far.
    static Cost cost_of(pid_t);
    /// Of all, this process too, so far.
    Cost cost() const;

private:
    Pages<Board> board_;
    std::vector<pid_t> pids_, beside_;
};

}  // namespace wye::measure
