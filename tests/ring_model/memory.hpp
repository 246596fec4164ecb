// What a load may see: per location its stores in order, per thread what happened before.
#pragma once
#include "ring_model/explorer.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace wye::model {

inline constexpr unsigned most_threads = 5;  // the first is the one that begins and ends a run

/// How many operations of each thread are known of.
struct Clock {
    std::array<std::uint32_t, most_threads> of{};
    void join(const Clock& o) noexcept {
        for (unsigned i = 0; i < most_threads; ++i) of[i] = std::max(of[i], o.of[i]);
    }
};

/// `before` happened before; `fenced` did, or came before in the order of the sequentially consistent fences: no load
/// may see anything older.
struct View {
    Clock before, fenced;
    void join(const View& o) noexcept { before.join(o.before), fenced.join(o.fenced); }
};

class Memory {
public:
    Memory();
    std::byte* pages() noexcept { return pages_; }
    bool has(const void* where) const noexcept;
    void clear();

    /// How many stores a load by this thread may see, the newest first.
    unsigned visible(unsigned thread, const void* where, std::size_t size);
    std::uint64_t load(unsigned thread, const void* where, std::size_t size, unsigned age, std::memory_order);
    /// `rmw`: it goes on with the release of what it replaces.
    void store(unsigned thread, void* where, std::size_t size, std::uint64_t value, std::memory_order, bool rmw);
    std::uint64_t newest(const void* where, std::size_t size) const noexcept;
    void fence(unsigned thread, std::memory_order);

    void plain_read(unsigned thread, const void* where, std::size_t size);
    void plain_since(unsigned thread, std::size_t mark);
    std::size_t reads(unsigned thread) const noexcept { return threads_[thread].reads.size(); }
    void begin_read(unsigned thread) noexcept { threads_[thread].record = true; }
    void end_read(unsigned thread) noexcept { threads_[thread].record = false; }

    /// All that `other` did happened before what `thread` does now.
    void see_all_of(unsigned thread, unsigned other) noexcept { threads_[thread].now.join(threads_[other].now); }
    const char* race() const noexcept { return race_; }
    std::uint64_t stores() const noexcept { return stores_; }

private:
    struct Store {
        std::uint64_t value = 0;
        unsigned thread = 0;
        std::uint32_t epoch = 0;
        View message;  // what who acquires it sees
        Clock before;
    };
    struct Location {
        std::vector<Store> stores;
        std::array<std::vector<std::pair<std::uint32_t, std::uint32_t>>, most_threads> seen;  // epoch, store
        std::array<std::uint32_t, most_threads> plain{};                                      // epoch
    };
    struct Thread {
        View now, acquired, released;
        struct Read {
            std::size_t location;
            std::uint32_t epoch, store;
        };
        std::vector<Read> reads;
        bool record = false;
    };
    std::size_t index(const void* where) const noexcept;
    Location& at(const void* where, std::size_t size);
    std::uint32_t tick(unsigned thread) noexcept;

    std::byte* pages_;
    std::vector<Location> locations_;
    std::vector<std::size_t> touched_;
    std::array<Thread, most_threads> threads_;
    Clock fences_;
    std::uint64_t stores_ = 0;
    const char* race_ = nullptr;
};

}  // namespace wye::model
