// The listening side: who has connected, what they said, and what is to be sent. Knows no kind of socket and no
// pattern: the one is behind Line, the other behind Book.
#pragma once
#include "wye/os/fd.hpp"

#include "os/epoll.hpp"
#include "os/fork.hpp"
#include "pattern/hub/line.hpp"
#include "pattern/hub/pile.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>

namespace wye::hub {

using Clock = Deadline::Clock;

/// What a pattern knows of a connection.
struct State {
    virtual ~State() = default;
};

/// One that has connected. Its bytes are input: what is kept of them is bounded by a frame and a read.
struct Conn {
    std::unique_ptr<Line> line;
    std::uint64_t number = 0;  // never used twice
    std::optional<Hello> hello{};
    Clock::time_point since{};
    Pile in{}, out{};
    bool paused = false;  // what it sends is left where it is
    bool full = false;    // the kernel takes no more now
    bool dirty = false;   // is in the list of those to be written to
    bool broken = false;
    bool ended = false;  // the kernel said so while it was paused
    int home = -1;       // the epoll that watches it
    std::uint32_t events = 0;
    std::unique_ptr<State> state{};
};

/// What a pattern does with connections. All calls come with the hub's lock held.
class Book {
public:
    virtual ~Book() = default;
    virtual Result<> join(Conn&) = 0;
    /// False: not now. The frame stays, and nothing is read of this connection until Hub::resume. An error ends it.
    virtual Result<bool> frame(Conn&, const Frame&) = 0;
    virtual void leave(Conn&) = 0;
    /// What is to be sent besides Conn::out, which is empty: at most `room` pieces.
    virtual std::size_t gather(Conn&, iovec*, std::size_t room) {
        (void)room;
        return 0;
    }
    virtual void sent(Conn&, std::size_t bytes) { (void)bytes; }
    virtual void due(Clock::time_point) {}
    virtual Clock::time_point next_due() { return Clock::time_point::max(); }
};

struct Rules {
    Pattern pattern;
    std::size_t max_message;
    std::size_t most = 4096;        // connections
    std::size_t most_new = 64;      // of them, those that have not said hello: beyond it the oldest goes
    std::chrono::seconds hello{5};  // the time they have for it
};

class Hub {
public:
    static Result<std::unique_ptr<Hub>> open(const Uri&, Create, unsigned permissions, Rules, Book&);
    ~Hub();
    Hub(const Hub&) = delete;
    Hub& operator=(const Hub&) = delete;

    std::mutex mutex;
    using Lock = std::unique_lock<std::mutex>;
    /// Who has it has it for a moment: looked at again and again for a while, which is cheaper than to sleep.
    static void take(Lock& l) {
        for (int i = 0; i < 100; ++i) {
            if (l.try_lock()) return;
#if defined(__x86_64__)
            __builtin_ia32_pause();
#elif defined(__aarch64__)
            asm volatile("yield");
#endif
        }
        l.lock();
    }
    Lock locked() {
        Lock l(mutex, std::defer_lock);
        take(l);
        return l;
    }

    // With the lock held.
    void dirty(Conn& c) {
        if (!c.dirty) c.dirty = true, dirty_.push_back(c.number);
    }
    /// What was made to be sent leaves: at once where little did lately, else with more of it, within `lag`.
    void kick(std::size_t bytes);
    /// Now, as far as the kernel takes it.
    void push();
    void resume(Conn&);
    void send(Conn& c, const Frame& f) { c.out.add(f), dirty(c); }
    void breaks(Conn&);
    /// Something happened that somebody may wait for; and the way to wait for it. False at the deadline.
    void tell() {
        if (waiting_) changed_.notify_all();
    }
    bool wait(Lock&, Deadline);
    Conn* find(std::uint64_t number);
    const Rules& rules() const noexcept { return rules_; }

    /// A thread of its own does the work from now on; without it, whoever calls turn().
    Result<> start();
    bool runs() const noexcept { return thread_.joinable(); }
    /// One round: waits for connections until the deadline, and serves those that have something.
    void turn(Lock&, Deadline);
    // The desk: connections that have said hello are watched by whoever calls turn_desk() instead of by the thread, so
    // that what comes is served where it is waited for. All others are the thread's still.
    Result<> open_desk();
    void close_desk();
    bool has_desk() const noexcept { return desk_open_; }
    /// False at the deadline. Returns too when wake_desk() is called, with the desk closed as well.
    bool turn_desk(Lock&, Deadline);
    void wake_desk() noexcept;
    /// Readable when turn_desk() has something to do.
    int desk() noexcept {
        desk_polled_ = true;
        return desk_.get();
    }

    /// The thread, or whoever sleeps in turn(), looks again.
    void wake() noexcept;

private:
    Hub(std::unique_ptr<Door>, Rules, Book&);
    Result<> set_up();
    void run();
    void accept_all();
    void serve(Conn&, std::uint32_t events);
    void read(Conn&);
    std::size_t consume(Conn&, Bytes);
    Result<bool> take(Conn&, const Frame&);
    Result<> greet(Conn&, const Frame&);
    void pump(Conn&);
    void watch(Conn&);
    void move(Conn&, int home);
    void sweep();
    void settle();
    void expire();
    Clock::time_point next_due();

    static constexpr std::size_t chunk = 128 << 10;
    static constexpr std::chrono::microseconds lag{50}, quiet{5};
    static constexpr std::size_t enough = 64 << 10;

    std::unique_ptr<Door> door_;
    Rules rules_;
    Book& book_;
    Fd epoll_, bell_, desk_, desk_bell_;
    bool desk_open_ = false, desk_asleep_ = false, desk_polled_ = false;
    std::unordered_map<int, std::unique_ptr<Conn>> conns_;  // by descriptor
    std::unordered_map<std::uint64_t, Conn*> by_number_;
    std::deque<std::uint64_t> new_;  // have not said hello; the oldest first
    std::vector<std::uint64_t> dirty_, broken_, again_;
    std::unique_ptr<std::byte[]> scratch_;
    std::uint64_t numbers_ = 0, generation_;
    sys::HeldAtFork whole_{mutex};  // the thread is at rest, or waits for the lock, when somebody forks
    std::condition_variable changed_;
    unsigned waiting_ = 0;
    Clock::time_point pushed_{}, flush_ = Clock::time_point::max(), door_again_ = Clock::time_point::max();
    std::size_t queued_ = 0;
    bool asleep_ = false, stop_ = false;
    std::thread thread_;
};

}  // namespace wye::hub
