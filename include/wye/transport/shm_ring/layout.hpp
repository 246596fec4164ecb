// The bytes that the processes of a ring agree on. docs/shm-layout.md draws them.
#pragma once
#include "wye/transport/shm_ring/order.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>

namespace wye::ring {

/// Another number with each change of what lies below: who has another refuses to attach.
inline constexpr std::uint32_t layout_version = 2;

inline constexpr std::size_t granule = 64;       ///< a cache line; a position counts granules
inline constexpr std::size_t inline_bytes = 48;  ///< of a message that is one line
#ifndef WYE_RING_CHECKED
inline constexpr std::uint32_t checkpoints = 8;  ///< also: a lump is this part of the lane
inline constexpr std::uint32_t kept_loans = 8;   ///< that a reader may keep past its cursor
inline constexpr std::uint32_t longest_run = 4;  ///< of jobs that are taken at once
#else                                            // small enough to be tried in every order
inline constexpr std::uint32_t checkpoints = 4, kept_loans = 2, longest_run = 2;
#endif
inline constexpr std::uint32_t most_lanes = 64;   ///< of a queue: producers at once
inline constexpr std::uint32_t banks = 128;       ///< of loans, in files of their own
inline constexpr std::uint32_t cell_bytes = 224;  ///< of a job that needs no loan

// What different processes write lies 128 bytes apart: processors fetch lines in pairs.
#define WYE_APART alignas(128)

enum class Shape : std::uint32_t { stream = 1, broadcast, queue };

enum class Kind : std::uint8_t {
    bytes = 1,  ///< in the slot, and on through the granules behind it
    loan,       ///< a LoanAt; the bytes lie in a bank
    pad,        ///< nothing: the lane's end is too near, the next message is at its beginning
};

/// A granule at which a message begins. `turn` is its position + 1 once it is all there; until then it is its position
/// (written before the message in front of it was published, so that no old bytes look like a turn).
struct Slot {
    Atomic<std::uint64_t> turn;
    Atomic<std::uint64_t> meta;  // kind << 56 | length
    std::byte data[inline_bytes];
};
static_assert(sizeof(Slot) == granule && Atomic<std::uint64_t>::is_always_lock_free);

constexpr std::uint64_t meta_of(Kind k, std::uint64_t length) noexcept {
    return static_cast<std::uint64_t>(k) << 56 | length;
}
constexpr Kind kind_of(std::uint64_t meta) noexcept { return static_cast<Kind>(meta >> 56); }
constexpr std::uint64_t length_of(std::uint64_t meta) noexcept { return meta & ((std::uint64_t{1} << 56) - 1); }

/// Of a message of so many bytes.
constexpr std::uint64_t granules_of(std::uint64_t length) noexcept {
    return length <= inline_bytes ? 1 : 1 + (length - inline_bytes + granule - 1) / granule;
}

struct LoanAt {
    std::uint32_t bank, chunk;
    std::uint64_t length;
};
constexpr std::uint64_t loan_id(std::uint32_t bank, std::uint32_t chunk) noexcept {
    return (std::uint64_t{bank} << 32 | chunk) + 1;
}

/// A message's beginning and its number, for who joins, who was overrun, and the next writer. turn: odd while written.
struct Checkpoint {
    Atomic<std::uint64_t> turn, position, number, unused;
};

enum class Fate : std::uint32_t { never_came, here, left, died };

/// One writer's ring of granules, and what lies in front of it.
struct LaneHeader {
    WYE_APART Atomic<std::uint64_t> limit;  // nothing is written at or behind it
    Atomic<std::uint64_t> reclaimed;        // loans before it may be used again
    WYE_APART Checkpoint at[checkpoints];
    WYE_APART Atomic<std::uint32_t> writer;  // the mark of who may write
    Atomic<std::uint32_t> came, gone;        // writers, so far
    Atomic<std::uint32_t> fate;              // of the last: a Fate
    Atomic<std::uint64_t> tail;              // where lanes change hands by the message (strict order), a hint
    WYE_APART Atomic<std::uint64_t> head;    // of a queue: a head_word()
};

enum class Policy : std::uint32_t {
    none,    ///< nobody's place
    block,   ///< the writer waits for it
    demote,  ///< the writer waits for it, so long; it then loses messages until it has caught up
    demoted,
    drop,    ///< the writer never waits; what it lost is counted
    latest,  ///< likewise, and only the newest is of interest
};
constexpr bool is_gating(Policy p) noexcept { return p == Policy::block || p == Policy::demote; }

/// One reader's. A stream has one that outlives its readers; of a broadcast, each participant has one.
struct Cursor {
    WYE_APART Atomic<std::uint64_t> head;  // the writer may use again what lies before it; moved in lumps
    Atomic<std::uint32_t> policy;
    Atomic<std::uint32_t> mark;
    Atomic<std::uint32_t> patience;        // milliseconds, of Policy::demote
    Atomic<std::uint32_t> fate;            // of the last reader: a Fate
    Atomic<std::uint32_t> told;            // writers gone of whom an earlier reader was told
    WYE_APART Atomic<std::uint64_t> done;  // what lies before it was read; moved with each message
    Atomic<std::uint64_t> number;          // messages before `done`
    Atomic<std::uint64_t> lost;
    Atomic<std::uint64_t> kept[kept_loans];  // loans that are still looked at: a loan_id(); 0: none
};

/// The head of a queue's lane: the low 48 bits of the next job's position, and the first cell of the run before it.
inline constexpr std::uint64_t no_cell = 0xffff;
constexpr std::uint64_t head_word(std::uint64_t position, std::uint64_t cell) noexcept { return position << 16 | cell; }
constexpr std::uint64_t cell_of_head(std::uint64_t head) noexcept { return head & 0xffff; }
/// The whole position, by another one that is less than 2^47 away.
constexpr std::uint64_t position_of_head(std::uint64_t head, std::uint64_t near) noexcept {
    return near + static_cast<std::uint64_t>(static_cast<std::int64_t>((head & ~no_cell) - (near << 16)) >> 16);
}

/// A job that somebody works on, or that came back. The word says which: mark 32 | use 16 | deliveries 8 | state 8.
struct Cell {
    enum State : std::uint8_t { free, empty, claiming, taken, returned, poisoned };
    Atomic<std::uint64_t> word;
    Atomic<std::uint64_t> meta;
    Atomic<std::uint64_t> position;  // of the job behind its run in `lane`
    Atomic<std::uint32_t> lane;
    Atomic<std::uint32_t> run;  // taken at once: the first one's cell << 16 | the next one's, or no_cell
    std::byte data[cell_bytes];
};
static_assert(sizeof(Cell) == 256);

/// What sleepers sleep on. `announced` is odd while somebody may, and another number with each who does.
struct Bell {
    WYE_APART Atomic<std::uint32_t> announced;
    Atomic<std::uint32_t> event;  // the futex word
    Atomic<std::uint32_t> armed;  // somebody may wait by a descriptor
};

/// A file of chunks of one size. `owner` is 0 while nobody lends from it.
struct Bank {
    Atomic<std::uint64_t> chunk_bytes;
    Atomic<std::uint32_t> chunks, owner;
};

/// The first bytes of the content. All numbers are checked against the file's size once, and copied.
struct Geometry {
    std::uint32_t version, word_bytes;
    Shape shape;
    std::uint32_t lanes, granules;  // a lane's; a power of two
    std::uint32_t participants, cells;
    std::uint32_t strict, most_deliveries;
    std::uint32_t features;  // a bit that who attaches does not know is a reason to refuse
    std::uint64_t start;     // the first position
    std::uint64_t id;        // of this ring and no other: its banks bear it
};

struct Header {
    Geometry geometry;
    WYE_APART Bell data;                      // something came
    WYE_APART Bell space;                     // something went
    WYE_APART Atomic<std::uint32_t> changes;  // cursors that came, went or changed their policy
    Atomic<std::uint32_t> returns;            // jobs that came back: odd while some may lie in the cells
    Atomic<std::uint32_t> worker_fate;        // of a queue's last worker: a Fate
    WYE_APART Bank bank[banks];
};

constexpr std::uint64_t lump_of(std::uint64_t granules) noexcept { return granules / checkpoints; }
/// A longer message goes by loan.
constexpr std::uint64_t longest_record(std::uint64_t granules) noexcept {
    return granules / 4 * granule - (granule - inline_bytes);
}

/// A position is before another if it is less than half the numbers away: they may wrap.
constexpr std::int64_t distance(std::uint64_t from, std::uint64_t to) noexcept {
    return static_cast<std::int64_t>(to - from);
}
constexpr std::uint64_t earlier(std::uint64_t a, std::uint64_t b) noexcept { return distance(a, b) < 0 ? b : a; }
constexpr std::uint64_t later(std::uint64_t a, std::uint64_t b) noexcept { return distance(a, b) < 0 ? a : b; }

}  // namespace wye::ring
