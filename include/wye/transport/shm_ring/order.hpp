// Every memory order of the ring, each with its partner: nowhere else does a ring's code name one.
#pragma once
#include <atomic>

// A checking build (tests/ring_model) puts its own atomics here: they choose what a load may see, and when a process
// dies.
#ifdef WYE_RING_CHECKED
#include WYE_RING_CHECKED
#endif

namespace wye::ring {

#ifndef WYE_RING_CHECKED
template <class T>
using Atomic = std::atomic<T>;
inline void fence(std::memory_order o) noexcept { std::atomic_thread_fence(o); }
#endif

// A build with -DWYE_RING_WEAKEN=n makes the n-th order of this list one step weaker: some test must then fail.
#ifndef WYE_RING_WEAKEN
#define WYE_RING_WEAKEN 0
#endif

// A build with -DWYE_RING_BUG=n has the n-th fault of tests/ring_model/mutants.txt: some test must then fail.
#ifndef WYE_RING_BUG
#define WYE_RING_BUG 0
#endif
consteval bool bug(int n) { return n == WYE_RING_BUG; }

namespace order {

constexpr std::memory_order relaxed = std::memory_order_relaxed;

consteval std::memory_order at(int n, std::memory_order o) {
    if (n != WYE_RING_WEAKEN) return o;
    return o == std::memory_order_seq_cst ? std::memory_order_acq_rel : std::memory_order_relaxed;
}

// A message. Its bytes, and the "not yet" of the slot behind it, are written before its turn, and read after it.
inline constexpr auto publish = at(1, std::memory_order_release);
inline constexpr auto see = at(2, std::memory_order_acquire);

// A place given back. The reader has read before it moves its head; the writer overwrites after it saw that.
inline constexpr auto give_back = at(3, std::memory_order_release);
inline constexpr auto reuse = at(4, std::memory_order_acquire);

// Overwriting what somebody may still be reading (drop-oldest). The writer says how far it will write, then writes; the
// reader copies, then looks how far that is.
inline constexpr auto say_limit = at(5, std::memory_order_seq_cst);    // a fence; also against join
inline constexpr auto check_limit = at(6, std::memory_order_acquire);  // a fence

// Joining while the writer runs: head and policy are stored, then the limit is read; the writer stores the limit, then
// reads heads and policies. One of the two sees the other: both fences are seq_cst.
inline constexpr auto join = at(7, std::memory_order_seq_cst);  // a fence; partner of say_limit

// A checkpoint is written between two stores of its turn.
inline constexpr auto checkpoint_write = at(8, std::memory_order_release);  // a fence, and the last store
inline constexpr auto checkpoint_read = at(9, std::memory_order_acquire);   // the first load, and a fence

// Sleeping. The sleeper announces itself, then looks again; who made something look different looks for sleepers
// afterwards. The sleeper's fence is heavy (membarrier(2)), so that the other's may be none but the compiler's.
inline constexpr auto announce = at(10, std::memory_order_seq_cst);           // a fence
inline constexpr auto look_for_sleepers = at(11, std::memory_order_seq_cst);  // a fence where membarrier is missing

// Jobs that came back. The cell is written before the flag, and looked at after it.
inline constexpr auto tell = at(12, std::memory_order_release);
inline constexpr auto hear = at(13, std::memory_order_acquire);

// A claim word: who swaps its mark in sees all that the last owner did before it swapped it out.
inline constexpr auto claim = at(14, std::memory_order_acquire);
inline constexpr auto unclaim = at(15, std::memory_order_release);

// A loan kept past the cursor: announced, then the cursor's place is looked at again; the writer says what it will use
// again, then looks for who keeps it.
inline constexpr auto keep = at(16, std::memory_order_seq_cst);     // a fence
inline constexpr auto reclaim = at(17, std::memory_order_seq_cst);  // a fence

// A queue's head: who swaps it has filled a cell, and has marked the cell of whoever swapped it before.
inline constexpr auto swap_head = at(18, std::memory_order_acq_rel);

}  // namespace order
}  // namespace wye::ring
