// One writer's ring of granules, as an algorithm over a span: no system call, nothing allocated.
#pragma once
#include "wye/base/bytes.hpp"
#include "wye/transport/shm_ring/layout.hpp"

#include <algorithm>
#include <optional>

namespace wye::ring {

/// Where a lane lies, with the geometry that was checked when it was mapped: nothing here is read from the pages again.
struct LaneView {
    LaneHeader* header = nullptr;
    Slot* slots = nullptr;
    std::uint64_t granules = 0;

    Slot& slot(std::uint64_t position) const noexcept { return slots[position & (granules - 1)]; }
    std::uint64_t to_the_end(std::uint64_t position) const noexcept { return granules - (position & (granules - 1)); }
};

/// A message where it lies. What it says was checked against the lane, but for a reader that does not hold the writer
/// up the bytes may change while it looks: LaneReader::intact() afterwards.
struct Message {
    std::uint64_t position = 0, next = 0;
    std::uint64_t length = 0;
    Kind kind = Kind::pad;
    std::byte* data = nullptr;

    MutBytes bytes() const noexcept { return {data, length}; }
};

enum class Look : std::uint8_t { nothing, message, corrupt };

/// The message at a position, if it was published; `m.next` is where the next one begins. A pad is a message.
inline Look look_at(const LaneView& lane, std::uint64_t position, Message& m) noexcept {
    Slot& s = lane.slot(position);
    if (s.turn.load(order::see) != position + 1) return Look::nothing;
    const auto meta = s.meta.load(order::relaxed);  // once: what a peer wrote may change
    const auto room = lane.to_the_end(position);
    m.position = position, m.kind = kind_of(meta), m.length = length_of(meta), m.data = s.data;
    if (m.kind == Kind::bytes && m.length <= inline_bytes) [[likely]]
        return m.next = position + 1, Look::message;
    if (m.kind == Kind::pad) return m.next = position + room, Look::message;
    if (m.kind == Kind::loan) return m.next = position + 1, Look::message;
    if (m.kind != Kind::bytes || m.length > longest_record(lane.granules)) return Look::corrupt;
    const auto n = granules_of(m.length);
    return m.next = position + n, n <= room ? Look::message : Look::corrupt;
}

// ---------------------------------------------------------------- checkpoints

struct Place {
    std::uint64_t position = 0, number = 0;
};

inline std::optional<Place> read_checkpoint(const Checkpoint& c) noexcept {
    const auto before = c.turn.load(order::checkpoint_read);
    const Place p{c.position.load(order::relaxed), c.number.load(order::relaxed)};
    fence(order::checkpoint_read);
    const bool whole = before != 0 && (before & 1) == 0 && c.turn.load(order::relaxed) == before;
    return whole ? std::optional(p) : std::nullopt;
}

/// What was published from here on; `p` ends where nothing is yet. Walks at most once round the lane.
/// `each(message, its number)` is told of every message that is not a pad.
template <class Each>
inline void walk(const LaneView& lane, Place& p, Each&& each) noexcept {
    Message m;
    for (const auto end = p.position + lane.granules; distance(p.position, end) > 0;) {
        if (look_at(lane, p.position, m) != Look::message) return;
        if (m.kind != Kind::pad) each(m, p.number), ++p.number;
        p.position = m.next;
    }
}

// A checker that sees races is at work (clang 19 says so by a feature only).
#if defined(__SANITIZE_THREAD__)
#define WYE_RING_RACES_SEEN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WYE_RING_RACES_SEEN 1
#endif
#endif

/// Bytes into or out of the pages, where the other side may be writing them: what was read is used only after intact()
/// (or a swap) has said that nobody did. So the race is without consequence; a checker that sees races is given words.
inline void copy_many(std::byte* to, const std::byte* from, std::size_t n) noexcept {
#if defined(WYE_RING_CHECKED)
    model::copy_words(to, from, n);
#elif defined(WYE_RING_RACES_SEEN)
    auto* out = reinterpret_cast<unsigned char*>(to);
    const auto* in = reinterpret_cast<const unsigned char*>(from);
    for (std::size_t i = 0; i < n; ++i)
        __atomic_store_n(out + i, __atomic_load_n(in + i, __ATOMIC_RELAXED), __ATOMIC_RELAXED);
#else
    copy_bytes(to, from, n);
#endif
}
inline void copy_shared(std::byte* to, const std::byte* from, std::size_t n) noexcept {
#if defined(WYE_RING_CHECKED) || defined(WYE_RING_RACES_SEEN)
    copy_many(to, from, n);
#else
    const auto move = [&](auto word, std::size_t at) {
        std::memcpy(&word, from + at, sizeof word);
        std::memcpy(to + at, &word, sizeof word);
    };
    if (n > inline_bytes) return copy_many(to, from, n);
    // By words and not wider: what the caller has written a moment ago, a number at a time, a wider load must wait for
    // until it has left the processor's store buffer, behind lines that are still on their way here.
    if (n >= 8) {
        move(std::uint64_t{}, 0);
        if (n > 8) [[unlikely]] {
            for (std::size_t at = 8; at + 8 < n; at += 8) move(std::uint64_t{}, at);
            move(std::uint64_t{}, n - 8);
        }
    } else {
        for (std::size_t i = 0; i < n; ++i) to[i] = from[i];
    }
#endif
}

#if defined(__x86_64__) && !defined(WYE_RING_CHECKED) && !defined(WYE_RING_RACES_SEEN)
#define WYE_RING_PAIRS 1
/// Two words in one store, read by themselves: see copy_shared().
[[gnu::always_inline]] inline void move_pair(std::byte* to, const std::byte* from) noexcept {
    using Pair [[gnu::vector_size(16)]] = long long;
    using Word = const std::byte[8];
    Pair both;
    asm("movq %1, %0\n\tmovhps %2, %0"
        : "=&x"(both)
        : "m"(*reinterpret_cast<Word*>(from)), "m"(*reinterpret_cast<Word*>(from + sizeof(Word))));
    std::memcpy(to, &both, sizeof both);
}
#endif

/// A copied message, into the slot at which it begins and those behind it: the line that its reader looks at all the
/// while is written last, in as few stores as can be, and of it that half last which has the turn: one store to another
/// 32 bytes than the last is what costs (docs/speed.md).
struct CopyOf {
    Bytes b;

    void operator()(std::byte* to) const noexcept {
        if (b.size() > inline_bytes) copy_many(to + inline_bytes, b.data() + inline_bytes, b.size() - inline_bytes);
        copy_shared(to, b.data(), std::min(b.size(), inline_bytes));
    }
    [[gnu::always_inline]] void with(Slot& s, std::uint64_t meta) const noexcept {
#if defined(WYE_RING_PAIRS)
        const auto n = b.size();
        if (n >= 8 && n <= inline_bytes) [[likely]] {
            const auto move = [&](std::size_t at) {
                std::uint64_t w;
                std::memcpy(&w, b.data() + at, sizeof w);
                std::memcpy(s.data + at, &w, sizeof w);
            };
            if (n >= 16) [[unlikely]] {
                std::size_t at = 16;
                for (; at + 16 <= n; at += 16) move_pair(s.data + at, b.data() + at);
                if (at + 8 < n) move(at);
                if (at < n) move(n - 8);
                move_pair(s.data, b.data());
            } else {
                move(0);
                if (n > 8) move(n - 8);
            }
            s.meta.store(meta, order::relaxed);
            return;
        }
#endif
        (*this)(s.data);
        s.meta.store(meta, order::relaxed);
    }
};

inline void pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

/// Who finds nothing. Where the writer writes one after the other, whoever reads as fast takes each line from it while
/// it is being filled: after runs of messages he has the lines for himself for a while, as long as it takes to make the
/// runs long.
class Breath {
public:
    explicit Breath(unsigned longest = 32) noexcept : longest_(longest) {}
    /// Before looking again; `number` of messages so far.
    void draw(std::uint64_t number) noexcept {
        constexpr unsigned long_run = 16;
        const auto run = number - drawn_at_;
        drawn_at_ = number;
        if (run <= 1)
            pauses_ /= 2;
        else if (run < long_run)
            pauses_ = std::min(pauses_ + longest_ / 32, longest_);
        for (unsigned i = 0; i < pauses_; ++i) pause();
    }

private:
    std::uint64_t drawn_at_ = 0;
    unsigned longest_, pauses_ = 0;
};

/// A line that will be written soon is asked for now, from whoever read it last.
inline void fetch_to_write(void* p) noexcept {
#if defined(__x86_64__)
    asm volatile("prefetchw %0" : : "m"(*static_cast<char*>(p)));
#else
    __builtin_prefetch(p, 1);
#endif
}

/// The checkpoint whose position is the last (or, with `margin` granules left before the writer overwrites it, the
/// first): a beginning of a message, and its number.
inline std::optional<Place> newest_checkpoint(const LaneView& lane) noexcept {
    std::optional<Place> best;
    for (const auto& c : lane.header->at)
        if (const auto p = read_checkpoint(c); p && (!best || distance(best->position, p->position) > 0)) best = p;
    return best;
}
inline std::optional<Place> oldest_checkpoint(const LaneView& lane, std::uint64_t margin) noexcept {
    const auto first = lane.header->limit.load(order::relaxed) - lane.granules + margin;
    std::optional<Place> best;
    for (const auto& c : lane.header->at)
        if (const auto p = read_checkpoint(c);
            p && distance(first, p->position) >= 0 && (!best || distance(p->position, best->position) > 0))
            best = p;
    return best;
}

/// A lane that was never written: the first message will be number 0, at `start`.
inline void begin_lane(const LaneView& lane, std::uint64_t start) noexcept {
    auto& h = *lane.header;
    lane.slot(start).turn.store(start, order::relaxed);
    h.limit.store(start, order::relaxed);
    h.reclaimed.store(start, order::relaxed);
    h.head.store(head_word(start, no_cell), order::relaxed);
    h.tail.store(start, order::relaxed);
    h.at[0].position.store(start, order::relaxed);
    h.at[0].turn.store(2, order::relaxed);
}

// ---------------------------------------------------------------- writing

/// The writing end. One at a time: whoever has the lane's `writer` word.
///
/// Killed anywhere, it leaves what was published and nothing else: the next writer walks to the first slot whose turn
/// has not come. `lowest(tail)` of put() answers the earliest position that somebody still needs (a position from
/// tail - granules to tail), or tail when nobody does.
class LaneWriter {
public:
    LaneWriter() = default;
    /// It says up to `reach` ahead what it will write, a lump unless told: who may be overrun has the rest of the lane
    /// as its window. Further where nobody may: fewer looks at what the readers write.
    explicit LaneWriter(LaneView lane, std::uint64_t reach = 0) noexcept
        : lane_(lane), reach_(reach != 0 ? reach : lump_of(lane.granules)) {
        Place p = newest_checkpoint(lane).value_or(Place{});
        checked_ = p.position;
        if (!bug(20)) walk(lane, p, [](const Message&, std::uint64_t) {});
        place_at(p);
        // Behind the newest whole one: the one that a dead writer left torn is the next to be written.
        std::uint64_t newest = 0;
        for (std::uint32_t i = 0; i < checkpoints; ++i)
            if (const auto turn = lane.header->at[i].turn.load(order::relaxed);
                ((turn & 1) == 0 || bug(18)) && turn > newest)
                newest = turn, next_checkpoint_ = i;
    }

    std::uint64_t longest() const noexcept { return longest_record(lane_.granules); }
    Place tail() const noexcept { return {tail_, tail_ - ahead_}; }
    const LaneView& lane() const noexcept { return lane_; }

    /// Where another writer of the same lane has left it (strict queues).
    void continue_at(std::uint64_t hint) noexcept {
        Place p{hint, tail().number};
        walk(lane_, p, [](const Message&, std::uint64_t) {});
        place_at(p);
    }

    /// False while there is no room. `write(data)` puts the bytes there; `length` is at most longest().
    template <class Lowest, class Write>
    [[gnu::always_inline]] bool put(Kind kind, std::uint64_t length, Lowest&& lowest, Write&& write) noexcept {
        // What nearly every message is, apart from all else: stores leave the processor in their order and wait for the
        // line of the first of them, so that each one more, of a register that is put aside too, is one message fewer
        // on its way (docs/speed.md).
        const bool one = kind != Kind::bytes || length <= inline_bytes;
        if (!one || !room_for(1) || distance(tail_ + 1, unsure_) > 0) [[unlikely]] {
            auto copy = write;  // or its captures would lie in memory here, too
            return put_apart(kind, length, lowest, copy);
        }
        publish(1, meta_of(kind, length), write);
        return put_on(1, lowest);
    }

    /// Of these the first ones, while they are no longer than `most` bytes, which is one granule, and have room; how
    /// many.
    std::size_t put_short(std::span<const Bytes> all, std::size_t most) noexcept {
        // In registers meanwhile.
        const auto lane = lane_;
        const auto end = limit_ - 2, unsure = unsure_;
        auto at = tail_;
        std::size_t n = 0;
        for (; n < all.size() && all[n].size() <= most && distance(at, end) >= 0 && distance(at + 1, unsure) <= 0;
             ++n) {
            const auto b = all[n];
            publish_at(lane, at++, 1, meta_of(Kind::bytes, b.size()), CopyOf{b});
        }
        // Of those before it the next one came at once.
        if (n > 0) not_yet(lane, at);
        tail_ = at;
        return n;
    }

private:
    static constexpr std::uint64_t fetched_ahead = 8;  // granules

    // The slot behind it is written too.
    bool room_for(std::uint64_t n) const noexcept { return distance(tail_ + n + 1, limit_) >= 0; }

    template <class Lowest, class Write>
    [[gnu::noinline]] bool put_apart(Kind kind, std::uint64_t length, Lowest& lowest, Write& write) noexcept {
        const auto n = kind == Kind::bytes ? granules_of(length) : 1;
        if (!room_for(n) || (n > 1 && n > lane_.to_the_end(tail_)))
            if (!make_way(n, lowest)) return false;
        publish(n, meta_of(kind, length), write);
        return put_on(n, lowest);
    }
    // And room for the next one of this size, while the reader is busy with this one.
    template <class Lowest>
    [[gnu::always_inline]] bool put_on(std::uint64_t n, Lowest& lowest) noexcept {
        if (n > 1) ahead_ += n - 1;
        if (!room_for(n)) [[unlikely]]
            (void)extend(n + 1, lowest);
        return true;
    }

    template <class Write>
    [[gnu::always_inline]] void publish(std::uint64_t n, std::uint64_t meta, Write&& write) noexcept {
        const auto next = tail_ + n;
        // Before it is published: whoever comes behind finds "not yet". An older turn says so, too, but not what was a
        // record's bytes.
        if (!bug(2) && distance(next, unsure_) > 0) [[unlikely]]
            not_yet(lane_, next);
        publish_at(lane_, tail_, n, meta, write);
        // The line of the next message becomes ours before it is needed. Whoever looks at it now has it from us, and it
        // comes back sooner than one that two have and nobody owns: 50 ns instead of 70 (docs/speed.md).
        not_yet(lane_, next);
        tail_ = next;
        if (n > 1 && !bug(23)) unsure_ = next + lane_.granules;
    }
    static void not_yet(const LaneView& lane, std::uint64_t at) noexcept {
        lane.slot(at).turn.store(at, order::relaxed);
    }
    template <class Write>
    [[gnu::always_inline]] static void publish_at(const LaneView& lane, std::uint64_t at, std::uint64_t n,
                                                  std::uint64_t meta, Write&& write) noexcept {
        Slot& s = lane.slot(at);
        if (bug(1)) s.turn.store(at + 1, order::publish);
        if constexpr (requires { write.with(s, meta); }) {
            write.with(s, meta);
        } else {
            write(s.data);
            s.meta.store(meta, order::relaxed);
        }
        s.turn.store(at + 1, order::publish);
        fetch_to_write(&lane.slot(at + n + fetched_ahead));
    }

    // Room for it, behind a pad where it does not fit before the end.
    template <class Lowest>
    [[gnu::noinline]] bool make_way(std::uint64_t n, Lowest& lowest) noexcept {
        const auto room = lane_.to_the_end(tail_);
        const auto need = (n <= room ? n : room + n) + 1;
        if (distance(tail_ + need, limit_) < 0 && !extend(need, lowest)) return false;
        if (n > room) publish(room, meta_of(Kind::pad, 0), [](std::byte*) {}), ahead_ += room;
        return true;
    }

    void place_at(const Place& p) noexcept {
        tail_ = p.position, ahead_ = p.position - p.number;
        unsure_ = p.position + (bug(24) ? 0 : lane_.granules);  // what another has written there is not known
        limit_ = p.position;                                    // nothing may be written before extend() has looked
        written_ = lane_.header->limit.load(order::relaxed);
    }

    // Not more than its reach further than the tail: who joins finds a limit that is near.
    template <class Lowest>
    [[gnu::noinline]] bool extend(std::uint64_t need, Lowest& lowest) noexcept {
        // Not a lap from the newest checkpoint: the next writer walks from there, over what must still lie there. One
        // that came out behind the head would find its lane full for ever.
        if (tail_ - checked_ >= lump_of(lane_.granules) || distance(tail_ + need, checked_ + lane_.granules) < 0)
            checkpoint();
        auto& shared = lane_.header->limit;
        const auto wish = earlier(tail_ + std::max(need, reach_), checked_ + lane_.granules);
        // What was written over already (the slot at the tail, or more by a writer that died) stays said.
        const auto said = [&, least = bug(17) ? limit_ : later(written_, tail_ + 1)] {
            return bug(17) ? limit_ : later(limit_, least);
        };
        limit_ = earlier(lowest(tail_) + lane_.granules, wish);
        if (!bug(4)) shared.store(said(), order::relaxed);
        fence(order::say_limit);
        // Who joined meanwhile and did not see this limit is seen here; with it, lower.
        if (const auto again = lowest(tail_) + lane_.granules; !bug(5) && distance(limit_, again) < 0) {
            limit_ = again;
            shared.store(said(), order::relaxed);
        }
        return distance(tail_ + need, limit_) >= 0;
    }

    void checkpoint() noexcept {
        const auto turn = (lane_.header->at[next_checkpoint_].turn.load(order::relaxed) | 1) + 1;
        next_checkpoint_ = (next_checkpoint_ + 1) % checkpoints;
        auto& c = lane_.header->at[next_checkpoint_];
        if (!bug(6)) c.turn.store(turn + 1, order::relaxed);
        fence(order::checkpoint_write);
        c.position.store(tail_, order::relaxed);
        c.number.store(tail_ - ahead_, order::relaxed);
        c.turn.store(turn + 2, order::checkpoint_write);
        checked_ = tail_;
    }

    LaneView lane_;
    std::uint64_t tail_ = 0, ahead_ = 0;  // how far positions are ahead of the messages' numbers
    std::uint64_t unsure_ = 0;            // before it a slot may hold anything
    std::uint64_t reach_ = 0, limit_ = 0, written_ = 0, checked_ = 0;
    std::uint32_t next_checkpoint_ = 0;
};

// ---------------------------------------------------------------- reading

/// The reading end: a position of its own. Whether the writer waits for it is its cursor's business, not the lane's.
class LaneReader {
public:
    LaneReader() = default;
    LaneReader(LaneView lane, Place at) noexcept : lane_(lane), at_(at) {}

    const Place& at() const noexcept { return at_; }
    const LaneView& lane() const noexcept { return lane_; }

    /// The next message, past any pad; it stays the next until pass().
    Look next(Message& m) noexcept {
        auto seen = look_at(lane_, at_.position, m);
        if (seen == Look::message && m.kind == Kind::pad) [[unlikely]] {
            at_.position = m.next;
            seen = look_at(lane_, at_.position, m);
            if (seen == Look::message && m.kind == Kind::pad) return Look::corrupt;  // a lane begins with no pad
        }
        return seen;
    }
    bool here() const noexcept { return lane_.slot(at_.position).turn.load(order::see) == at_.position + 1; }
    void pass(const Message& m) noexcept {
        at_.position = m.next;
        ++at_.number;
    }

    /// Whether nothing from `position` on was being overwritten until now: after the bytes were read.
    bool intact(std::uint64_t position) const noexcept {
        if (bug(15)) return true;
        fence(order::check_limit);
        return distance(lane_.header->limit.load(order::relaxed), position + lane_.granules) >= 0;
    }

    /// For one that was overrun: the earliest message that will stay for a while. How many it lost.
    std::uint64_t resume() noexcept {
        auto p = oldest_checkpoint(lane_, 2 * lump_of(lane_.granules));
        if (!p) p = newest_checkpoint(lane_);
        // A writer in the middle of it, or further on by now: come again.
        if (!p || distance(at_.position, p->position) < 0 || !intact(p->position)) return 0;
        const auto lost = p->number - at_.number;
        at_ = *p;
        return lost;
    }

private:
    LaneView lane_;
    Place at_;
};

}  // namespace wye::ring
