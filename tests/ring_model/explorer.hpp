// Tries the ring's algorithms in many orders: every atomic operation is a place where another thread may go on, where a
// load may see an older store, and where a process may die.
//
// The threads are fibers of one thread, so that a run is a list of choices and can be had again. The memory is C++'s:
// a load may see each store that coherence and happens-before allow. Two things it does not do: a store is never
// ordered before one that was executed earlier, and a load never sees one that is executed later. What the second would
// show, plain reads do: a store that does not happen after them is a race.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

namespace wye::model {

// ---------------------------------------------------------------- what atomics.hpp calls

enum class Change : std::uint8_t { store, exchange, add, bits_or };
std::uint64_t load(const void* where, std::size_t size, std::memory_order);
std::uint64_t change(Change, void* where, std::size_t size, std::uint64_t value, std::memory_order);
bool compare_exchange(void* where, std::size_t size, std::uint64_t& expected, std::uint64_t value,
                      std::memory_order success, std::memory_order failure);
void fence(std::memory_order);
/// Words of 8 bytes; what lies in the pages goes as relaxed atomics, what lies elsewhere as it is.
void copy_words(std::byte* to, const std::byte* from, std::size_t n);

// ---------------------------------------------------------------- what scenarios call

/// The pages that the processes share: zeroed for every run.
std::byte* pages();
inline constexpr std::size_t pages_bytes = 16384;

/// While it lives the thread's copies out of the pages are plain reads: no store may race with them.
class Plain {
public:
    Plain();
    ~Plain();
    Plain(const Plain&) = delete;
    Plain& operator=(const Plain&) = delete;
};
/// The words of the thread's last copies out of the pages were plain reads after all.
void plain_since(std::uint64_t mark);
std::uint64_t mark();

void check(bool holds, const char* what);
/// Nothing to do before some other thread has stored something. Nobody ever does: the run is stuck, which is a fault.
void spin();
/// futex(2). It times out when nobody can go on and somebody died.
enum class Slept : std::uint8_t { woken, changed, timed_out };
Slept futex_wait(void* word, std::uint32_t expected);
int futex_wake(void* word, int most);

/// Whether a thread is dead, with the proof: all that it did is seen.
bool died(unsigned thread);
/// From here to its end the thread may die at every operation.
void may_die(bool);
void note(const std::string&);

struct Scenario {
    virtual ~Scenario() = default;
    virtual void thread(unsigned index) = 0;
    virtual void finally() {}  // after all have ended: what must hold then
};

struct Bounds {
    unsigned threads = 2;
    unsigned preemptions = 2, stale = 1;  // a run, where all are tried
    unsigned deaths = 0;
    std::uint64_t all = 60'000;     // runs at most of all orders within the bounds, and
    std::uint64_t random = 40'000;  // runs of random ones without
};

struct Outcome {
    std::uint64_t runs = 0;
    bool whole = false;  // all within the bounds were tried
    std::string fault;   // the first; empty: none
    std::string trace;
};

using Make = Scenario* (*)();
Outcome explore(Make, const Bounds&);

}  // namespace wye::model
