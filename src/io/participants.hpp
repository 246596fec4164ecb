// Who takes part in a shared segment, and the proof that one of them is dead.
#pragma once
#include "wye/base/error.hpp"

#include "os/errno.hpp"
#include "os/memory.hpp"
#include "os/unforked.hpp"

#include <atomic>
#include <cstdint>
#include <optional>

namespace wye {

/// A table in shared pages, a slot a participant, and beside each slot a byte of the segment's file that its
/// participant holds locked (an open-file-description lock on a description of its own).
///
/// The kernel drops that lock when the process ends, however it ends, and for no other reason: not when it is slow or
/// stopped, and not when a child lives on (Unforked, and never the description that is mapped). So a lock that can be
/// had on a taken slot *is* the proof of death, without any clock, across pid namespaces, and whoever has it may
/// repair: alone, since it is a lock. Who is killed while repairing loses it too, and the next begins again: a repair
/// must be idempotent.
///
/// What a peer wrote into the table is looked at as evidence for people only (pid, start); nothing is decided by it
/// but whether a slot is taken.
class Participants {
public:
    /// What goes into a claim word: a slot of up to 65535, counted from 1 so that no mark is 0, and the epoch of its
    /// use.
    struct Mark {
        std::uint32_t slot = 0;
        std::uint16_t epoch = 0;
        std::uint32_t word() const noexcept { return (slot + 1) << 16 | epoch; }
        static bool is_mark(std::uint32_t word) noexcept { return word >> 16 != 0; }
        static Mark of(std::uint32_t word) noexcept {
            return {.slot = (word >> 16) - 1, .epoch = static_cast<std::uint16_t>(word)};
        }
    };

    struct alignas(64) Slot {
        std::atomic<std::uint32_t> state;  // epoch << 1 | taken
        std::int32_t pid;
        std::uint64_t started, pid_namespace;
        std::atomic<std::uint32_t> role;   // what for: the kind's own number
        std::atomic<std::uint32_t> armed;  // bells that this one waits for by a descriptor: the kind's own
    };
    static_assert(sizeof(Slot) == 64 && std::atomic<std::uint32_t>::is_always_lock_free);

    /// Zeroed pages are an empty table. `file` is this participant's own description.
    Participants(Slot* table, std::uint32_t slots, const sys::Unforked& file) noexcept
        : table_(table), slots_(slots), file_(&file) {}

    /// Takes a slot. One whose owner died is repaired first: `repair(mark)` with its lock held.
    /// Errc::exhausted when every slot is taken by somebody alive.
    template <class Repair>
    Result<Mark> join(Repair&& repair, std::uint32_t role = 0) {
        for (std::uint32_t i = 0; i < slots_; ++i) {
            const long r = sys::lock_byte(file_->get(), byte_of(i), F_WRLCK);
            if (r == -EAGAIN || r == -EACCES) continue;
            if (r < 0) return sys::fail(r, "F_OFD_SETLK");
            const auto seen = table_[i].state.load(std::memory_order_acquire);
            if (seen & 1) repair(Mark{i, epoch_of(seen)});
            return enter(i, seen, role);
        }
        return full();
    }

    /// In an orderly way, with nothing left that bears the mark.
    void leave(Mark) noexcept;

    /// Whether the mark's participant is dead; if so `repair(mark)` is called, its slot is free afterwards. One thread
    /// at a time: the locks of a description do not keep its own threads apart.
    template <class Repair>
    bool bury(Mark dead, Mark self, Repair&& repair) {
        if (dead.slot >= slots_ || dead.slot == self.slot) return false;
        auto& state = table_[dead.slot].state;
        const auto taken = [&](std::uint32_t s) { return (s & 1) != 0 && epoch_of(s) == dead.epoch; };
        if (sys::lock_byte(file_->get(), byte_of(dead.slot), F_WRLCK) != 0) return false;
        // Under the lock: it may have left, or been buried, and somebody else may have come and gone since.
        const auto seen = state.load(std::memory_order_acquire);
        if (taken(seen)) {
            repair(dead);
            state.store(seen & ~1u, std::memory_order_release);
        }
        (void)sys::lock_byte(file_->get(), byte_of(dead.slot), F_UNLCK);
        return taken(seen);
    }

    /// Everybody who died and was not found before. A system call for each of the others.
    template <class Repair>
    bool bury_all(Mark self, Repair&& repair) {
        bool any = false;
        for (std::uint32_t i = 0; i < slots_; ++i)
            if (const auto seen = table_[i].state.load(std::memory_order_acquire); (seen & 1) != 0)
                any |= bury(Mark{i, epoch_of(seen)}, self, repair);
        return any;
    }

    /// Of those who have a place, dead or alive.
    std::uint32_t count(std::uint32_t role) const noexcept {
        std::uint32_t n = 0;
        for (std::uint32_t i = 0; i < slots_; ++i)
            n += (table_[i].state.load(std::memory_order_acquire) & 1) != 0 &&
                 table_[i].role.load(std::memory_order_relaxed) == role;
        return n;
    }

    std::uint32_t role_of(Mark m) const noexcept { return table_[m.slot].role.load(std::memory_order_relaxed); }

    /// What the table says of somebody: evidence for people, and a hint whom to watch; nothing is decided by it.
    struct Who {
        Mark mark;
        std::uint32_t role;
        std::int32_t pid;
        std::uint64_t started, pid_namespace;
    };
    std::optional<Who> who(std::uint32_t slot) const noexcept {
        if (slot >= slots_) return {};
        const auto& s = table_[slot];
        const auto seen = s.state.load(std::memory_order_acquire);
        if ((seen & 1) == 0) return {};
        return Who{{slot, epoch_of(seen)}, s.role.load(std::memory_order_relaxed), s.pid, s.started, s.pid_namespace};
    }
    /// 0 when the place is somebody else's by now.
    std::int32_t pid_of(Mark m) const noexcept {
        const auto w = who(m.slot);
        return w && w->mark.word() == m.word() ? w->pid : 0;
    }
    /// Whether somebody holds the lock of a place; asked, and nothing taken.
    bool alive(std::uint32_t slot) const noexcept { return sys::byte_is_locked(file_->get(), byte_of(slot)); }
    std::uint32_t slots() const noexcept { return slots_; }
    std::atomic<std::uint32_t>& armed(std::uint32_t slot) const noexcept { return table_[slot].armed; }

private:
    static std::uint16_t epoch_of(std::uint32_t state) noexcept { return static_cast<std::uint16_t>(state >> 1); }
    // Far behind any data: the file's own bytes are not locked.
    static off_t byte_of(std::uint32_t slot) noexcept { return (off_t{1} << 40) + slot; }
    Mark enter(std::uint32_t slot, std::uint32_t seen, std::uint32_t role);
    std::unexpected<Error> full() const;

    Slot* table_;
    std::uint32_t slots_;
    const sys::Unforked* file_;
};

}  // namespace wye
