#include "ring_model/explorer.hpp"

#include "ring_model/memory.hpp"

#include <ucontext.h>

#include <cstring>
#include <memory>
#include <random>

namespace wye::model {
namespace {

constexpr std::size_t stack_bytes = 256 << 10;
constexpr std::uint64_t most_operations = 20'000;  // of a run; more: it does not end

struct Fiber {
    enum State : std::uint8_t { ready, spinning, asleep, done, dead };
    ucontext_t context{};
    std::unique_ptr<std::byte[]> stack = std::make_unique<std::byte[]>(stack_bytes);
    State state = done;
    std::uint64_t since = 0;     // what others had done when it began to look
    std::uint64_t own = 0;       // stores
    bool saw_old = false;        // since it last spun
    const void* word = nullptr;  // it sleeps on
    Slept slept = Slept::woken;
    bool mortal = false;
    unsigned plain = 0;
};

class Explorer {
public:
    Outcome explore(Make, const Bounds&);

    // ---- choices
    unsigned choose(unsigned n, double otherwise);

    // ---- running
    void point();
    void wait_as(Fiber::State);
    void fail(const std::string& what);
    void trace(const char* what, const void* where, std::uint64_t value);
    unsigned self() const noexcept { return current_; }
    Fiber& me() noexcept { return fibers_[current_]; }
    /// What others than this thread have done so far.
    std::uint64_t moves(const Fiber& f) const noexcept { return memory.stores() + deaths_so_far_ - f.own; }
    void store(void*, std::size_t, std::uint64_t, std::memory_order, bool rmw);
    bool dead(unsigned thread) const noexcept { return fibers_[thread].state == Fiber::dead; }
    std::uint64_t load(const void*, std::size_t, std::memory_order);

    Memory memory;
    std::array<Fiber, most_threads> fibers_;
    std::string trace_text;
    bool tracing = false;

private:
    static void enter();
    void run(Make);
    bool enabled(unsigned) const noexcept;
    unsigned next();
    bool time_out();
    void leave() noexcept;
    bool advance();

    struct Choice {
        unsigned taken, of;
    };
    std::vector<Choice> path_;
    std::size_t at_ = 0;
    bool random_ = false;
    double boldness_ = 0.1;
    std::minstd_rand dice_;

    Bounds bounds_;
    Scenario* scenario_ = nullptr;
    ucontext_t home_{};
    unsigned current_ = 0;
    unsigned preemptions_ = 0, stale_ = 0, deaths_ = 0;
    std::uint64_t operations_ = 0, deaths_so_far_ = 0, timeouts_ = 0;
    std::string fault_;
};

Explorer& the() {
    static Explorer e;
    return e;
}

unsigned Explorer::choose(unsigned n, double otherwise) {
    if (n <= 1) return 0;
    if (at_ == path_.size()) {
        unsigned taken = 0;
        if (random_ && std::uniform_real_distribution<>()(dice_) < otherwise)
            taken = std::uniform_int_distribution<unsigned>(1, n - 1)(dice_);
        path_.push_back({taken, n});
    }
    return path_[at_++].taken;
}

bool Explorer::enabled(unsigned i) const noexcept {
    const auto& f = fibers_[i];
    return f.state == Fiber::ready || (f.state == Fiber::spinning && (f.saw_old || f.since != moves(f)));
}

// Before an operation: another thread may go on here, or this one dies.
void Explorer::point() {
    if (current_ == 0) return;
    if (++operations_ > most_operations) return fail("does not end");
    unsigned others[most_threads], n = 0;
    if (preemptions_ > 0)
        for (unsigned i = 1; i <= bounds_.threads; ++i)
            if (i != current_ && enabled(i)) others[n++] = i;
    const bool mortal = me().mortal && deaths_ > 0;
    const auto taken = choose(1 + n + mortal, boldness_);
    if (taken == 0) return;
    if (taken <= n) {
        --preemptions_;
        const auto from = current_;
        fibers_[from].state = Fiber::ready;
        current_ = others[taken - 1];
        fibers_[current_].state = Fiber::ready;
        if (tracing) trace("-- goes on", nullptr, 0);
        swapcontext(&fibers_[from].context, &fibers_[current_].context);
        return;
    }
    --deaths_, ++deaths_so_far_;
    if (tracing) trace("-- dies", nullptr, 0);
    wait_as(Fiber::dead);
}

void Explorer::wait_as(Fiber::State s) {
    me().state = s;
    if (swapcontext(&me().context, &home_) != 0) std::abort();
}

void Explorer::fail(const std::string& what) {
    if (fault_.empty()) fault_ = what;
    if (current_ == 0) return;
    swapcontext(&me().context, &home_);
}

void Explorer::trace(const char* what, const void* where, std::uint64_t value) {
    char line[128];
    const long offset = where ? static_cast<const std::byte*>(where) - memory.pages() : -1;
    std::snprintf(line, sizeof line, "  %u %-12s @%ld %#llx\n", current_, what, offset,
                  static_cast<unsigned long long>(value));
    trace_text += line;
}

std::uint64_t Explorer::load(const void* where, std::size_t size, std::memory_order o) {
    const auto visible = current_ == 0 ? 1 : memory.visible(current_, where, size);
    const auto age = choose(stale_ > 0 ? visible : 1, boldness_);
    if (age > 0) --stale_, me().saw_old = true;
    const auto v = memory.load(current_, where, size, age, o);
    if (tracing) trace(age > 0 ? "load old" : "load", where, v);
    return v;
}

void Explorer::store(void* where, std::size_t size, std::uint64_t v, std::memory_order o, bool rmw) {
    if (tracing) trace(rmw ? "change" : "store", where, v);
    memory.store(current_, where, size, v, o, rmw);
    ++me().own;
    if (memory.race()) fail(memory.race());
}

void Explorer::enter() {
    auto& e = the();
    e.scenario_->thread(e.current_);
    e.wait_as(Fiber::done);
}

// Nobody can go on: who sleeps and has a dead peer is woken by his clock, and looks.
bool Explorer::time_out() {
    if (deaths_so_far_ == 0 || timeouts_ > 8) return false;
    for (unsigned i = 1; i <= bounds_.threads; ++i)
        if (fibers_[i].state == Fiber::asleep) {
            ++timeouts_;
            fibers_[i].state = Fiber::ready, fibers_[i].slept = Slept::timed_out;
            return true;
        }
    return false;
}

unsigned Explorer::next() {
    unsigned ready[most_threads], n = 0;
    for (unsigned i = 1; i <= bounds_.threads; ++i)
        if (enabled(i)) ready[n++] = i;
    if (n == 0) return 0;
    return ready[choose(n, 0.5)];
}

void Explorer::run(Make make) {
    memory.clear();
    at_ = 0, current_ = 0, operations_ = deaths_so_far_ = timeouts_ = 0;
    preemptions_ = random_ ? 1000 : bounds_.preemptions, stale_ = random_ ? 8 : bounds_.stale;
    deaths_ = bounds_.deaths;
    const std::unique_ptr<Scenario> scenario(make());
    scenario_ = scenario.get();
    for (unsigned i = 1; i <= bounds_.threads; ++i) {
        auto& f = fibers_[i];
        f.state = Fiber::ready, f.saw_old = f.mortal = false, f.plain = 0, f.own = 0, f.since = memory.stores();
        getcontext(&f.context);
        f.context.uc_stack = {.ss_sp = f.stack.get(), .ss_flags = 0, .ss_size = stack_bytes};
        f.context.uc_link = nullptr;
        makecontext(&f.context, &Explorer::enter, 0);
        memory.see_all_of(i, 0);
    }
    for (;;) {
        const auto chosen = next();
        if (chosen == 0 && time_out()) continue;
        if (chosen == 0) break;
        current_ = chosen;
        fibers_[chosen].state = Fiber::ready;
        if (tracing) trace("-- goes on", nullptr, 0);
        swapcontext(&home_, &fibers_[chosen].context);
        current_ = 0;
        if (memory.race() && fault_.empty()) fault_ = memory.race();
        if (!fault_.empty()) return;
    }
    for (unsigned i = 1; i <= bounds_.threads; ++i) {
        if (fibers_[i].state == Fiber::spinning) fault_ = "stuck: a thread waits for what nobody will do";
        if (fibers_[i].state == Fiber::asleep) fault_ = "stuck: a thread sleeps on";
        memory.see_all_of(0, i);
    }
    if (fault_.empty()) scenario->finally();
    if (memory.race() && fault_.empty()) fault_ = memory.race();
}

// To the next path that was not tried; false when there is none.
bool Explorer::advance() {
    while (!path_.empty() && path_.back().taken + 1 == path_.back().of) path_.pop_back();
    if (path_.empty()) return false;
    ++path_.back().taken;
    return true;
}

Outcome Explorer::explore(Make make, const Bounds& b) {
    Outcome out;
    bounds_ = b;
    fault_.clear();
    const auto faulty = [&] {
        ++out.runs;
        return !fault_.empty();
    };
    // Random ones first: they find sooner what there is.
    random_ = true;
    constexpr double boldness[] = {0.02, 0.05, 0.12, 0.3};
    for (std::uint64_t n = 0; n < b.random && fault_.empty(); ++n) {
        dice_.seed(static_cast<unsigned>(n + 1));
        dice_.discard(3);
        boldness_ = boldness[n % 4];
        path_.clear();
        run(make);
        if (faulty()) break;
    }
    if (fault_.empty()) {
        random_ = false;
        path_.clear();
        for (std::uint64_t n = 0; n < b.all; ++n) {
            run(make);
            if (faulty()) break;
            if (!advance()) {
                out.whole = true;
                break;
            }
        }
    }
    if (fault_.empty()) return out;
    out.fault = fault_;  // once more, telling what happens
    fault_.clear(), trace_text.clear(), tracing = true;
    run(make);
    tracing = false;
    out.trace = std::move(trace_text);
    return out;
}

}  // namespace

// ---------------------------------------------------------------- the operations

std::byte* pages() { return the().memory.pages(); }

std::uint64_t load(const void* where, std::size_t size, std::memory_order o) {
    the().point();
    return the().load(where, size, o);
}

std::uint64_t change(Change how, void* where, std::size_t size, std::uint64_t value, std::memory_order o) {
    auto& e = the();
    e.point();
    std::uint64_t was = 0;
    if (how != Change::store) was = e.memory.load(e.self(), where, size, 0, o);
    const auto now = how == Change::add ? was + value : how == Change::bits_or ? was | value : value;
    e.store(where, size, now, o, how != Change::store);
    return was;
}

bool compare_exchange(void* where, std::size_t size, std::uint64_t& expected, std::uint64_t value,
                      std::memory_order success, std::memory_order failure) {
    auto& e = the();
    e.point();
    if (e.memory.newest(where, size) != expected) {
        // It may see one older than the newest, but not the expected one.
        expected = e.memory.load(e.self(), where, size, 0, failure);
        if (e.tracing) e.trace("no swap", where, expected);
        return false;
    }
    (void)e.memory.load(e.self(), where, size, 0, success);
    e.store(where, size, value, success, true);
    return true;
}

void fence(std::memory_order o) {
    auto& e = the();
    e.point();
    e.memory.fence(e.self(), o);
    if (e.tracing) e.trace(o == std::memory_order_seq_cst ? "full fence" : "fence", nullptr, 0);
}

void copy_words(std::byte* to, const std::byte* from, std::size_t n) {
    auto& e = the();
    for (std::size_t i = 0; i < n; i += 8) {
        std::uint64_t word = 0;
        if (!e.memory.has(from + i)) {
            std::memcpy(&word, from + i, 8);
        } else if (e.me().plain > 0) {
            e.point();
            e.memory.plain_read(e.self(), from + i, 8);
            word = e.memory.newest(from + i, 8);
            if (e.tracing) e.trace("read", from + i, word);
            if (e.memory.race()) e.fail(e.memory.race());
        } else {
            e.memory.begin_read(e.self());
            word = load(from + i, 8, std::memory_order_relaxed);
            e.memory.end_read(e.self());
        }
        if (e.memory.has(to + i))
            change(Change::store, to + i, 8, word, std::memory_order_relaxed);
        else
            std::memcpy(to + i, &word, 8);
    }
}

Plain::Plain() { ++the().me().plain; }
Plain::~Plain() { --the().me().plain; }
std::uint64_t mark() { return the().memory.reads(the().self()); }
void plain_since(std::uint64_t mark) {
    the().memory.plain_since(the().self(), mark);
    if (the().memory.race()) the().fail(the().memory.race());
}

void check(bool holds, const char* what) {
    if (!holds) the().fail(what);
}

void spin() {
    auto& e = the();
    if (e.self() == 0) return;
    e.wait_as(Fiber::spinning);
    e.me().saw_old = false;
    e.me().since = e.moves(e.me());
}

Slept futex_wait(void* word, std::uint32_t expected) {
    auto& e = the();
    e.point();
    if (e.memory.newest(word, 4) != expected) return Slept::changed;
    e.me().word = word;
    e.me().slept = Slept::woken;
    if (e.tracing) e.trace("sleeps", word, expected);
    e.wait_as(Fiber::asleep);
    return e.me().slept;
}

int futex_wake(void* word, int most) {
    auto& e = the();
    e.point();
    int n = 0;
    for (auto& f : e.fibers_)
        if (n < most && f.state == Fiber::asleep && f.word == word) f.state = Fiber::ready, ++n;
    if (e.tracing) e.trace("wakes", word, static_cast<std::uint64_t>(n));
    return n;
}

bool died(unsigned thread) {
    auto& e = the();
    if (!e.dead(thread)) return false;
    e.memory.see_all_of(e.self(), thread);
    return true;
}

void may_die(bool yes) { the().me().mortal = yes; }

void note(const std::string& what) {
    if (the().tracing) the().trace_text += "  " + std::to_string(the().self()) + " # " + what + "\n";
}

Outcome explore(Make make, const Bounds& b) { return the().explore(make, b); }

}  // namespace wye::model
