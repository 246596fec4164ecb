#include "ring_model/memory.hpp"

#include <cstring>

namespace wye::model {
namespace {

bool acquires(std::memory_order o) {
    return o == std::memory_order_acquire || o == std::memory_order_acq_rel || o == std::memory_order_seq_cst;
}
bool releases(std::memory_order o) {
    return o == std::memory_order_release || o == std::memory_order_acq_rel || o == std::memory_order_seq_cst;
}
alignas(128) std::byte the_pages[pages_bytes];

}  // namespace

Memory::Memory() : pages_(the_pages), locations_(pages_bytes / 4) {}

bool Memory::has(const void* where) const noexcept {
    const auto* p = static_cast<const std::byte*>(where);
    return p >= pages_ && p < pages_ + pages_bytes;
}

void Memory::clear() {
    for (const auto i : touched_) {
        auto& l = locations_[i];
        l.stores.clear();
        for (auto& s : l.seen) s.clear();
        l.plain = {};
    }
    touched_.clear();
    for (auto& t : threads_) t.now = {}, t.acquired = {}, t.released = {}, t.reads.clear(), t.record = false;
    fences_ = {}, stores_ = 0, race_ = nullptr;
    std::memset(pages_, 0, pages_bytes);
}

std::size_t Memory::index(const void* where) const noexcept {
    return static_cast<std::size_t>(static_cast<const std::byte*>(where) - pages_) / 4;
}

Memory::Location& Memory::at(const void* where, std::size_t size) {
    auto& l = locations_[index(where)];
    if (l.stores.empty()) {
        touched_.push_back(index(where));
        l.stores.push_back({.value = newest(where, size), .message = {}, .before = {}});
    }
    return l;
}

std::uint64_t Memory::newest(const void* where, std::size_t size) const noexcept {
    std::uint64_t v = 0;
    std::memcpy(&v, where, size);
    return v;
}

std::uint32_t Memory::tick(unsigned thread) noexcept {
    auto& now = threads_[thread].now;
    return now.fenced.of[thread] = ++now.before.of[thread];
}

unsigned Memory::visible(unsigned thread, const void* where, std::size_t size) {
    auto& l = at(where, size);
    std::uint32_t oldest = 0;
    const auto& floor = threads_[thread].now.fenced;
    for (unsigned u = 0; u < most_threads; ++u)
        for (auto i = l.seen[u].rbegin(); i != l.seen[u].rend(); ++i)
            if (i->first <= floor.of[u]) {
                oldest = std::max(oldest, i->second);
                break;
            }
    return static_cast<unsigned>(l.stores.size() - oldest);
}

std::uint64_t Memory::load(unsigned thread, const void* where, std::size_t size, unsigned age, std::memory_order o) {
    auto& l = at(where, size);
    auto& t = threads_[thread];
    const auto which = static_cast<std::uint32_t>(l.stores.size() - 1 - age);
    const auto& s = l.stores[which];
    if (acquires(o)) t.now.join(s.message);
    t.acquired.join(s.message);
    const auto epoch = tick(thread);
    if (l.seen[thread].empty() || l.seen[thread].back().second != which) l.seen[thread].emplace_back(epoch, which);
    if (t.record) t.reads.push_back({index(where), epoch, which});
    return s.value;
}

void Memory::store(unsigned thread, void* where, std::size_t size, std::uint64_t value, std::memory_order o, bool rmw) {
    auto& l = at(where, size);
    auto& t = threads_[thread];
    const auto epoch = tick(thread);
    for (unsigned u = 0; u < most_threads; ++u)
        if (u != thread && l.plain[u] > t.now.before.of[u]) race_ = "written over while it was being read";
    Store s{value, thread, epoch, releases(o) ? t.now : t.released, t.now.before};
    if (rmw) s.message.join(l.stores.back().message);
    l.stores.push_back(s);
    l.seen[thread].emplace_back(epoch, static_cast<std::uint32_t>(l.stores.size() - 1));
    std::memcpy(where, &value, size);
    ++stores_;
}

void Memory::fence(unsigned thread, std::memory_order o) {
    auto& t = threads_[thread];
    if (acquires(o)) t.now.join(t.acquired);
    tick(thread);
    if (o == std::memory_order_seq_cst) {
        t.now.fenced.join(fences_);
        fences_.join(t.now.fenced);
    }
    if (releases(o)) t.released = t.now;
}

void Memory::plain_read(unsigned thread, const void* where, std::size_t size) {
    auto& l = at(where, size);
    const auto& last = l.stores.back();
    if (last.thread != thread && last.epoch > threads_[thread].now.before.of[last.thread])
        race_ = "read while it was being written";
    (void)load(thread, where, size, 0, std::memory_order_relaxed);
    l.plain[thread] = threads_[thread].now.before.of[thread];
}

void Memory::plain_since(unsigned thread, std::size_t mark) {
    auto& reads = threads_[thread].reads;
    for (auto i = mark; i < reads.size(); ++i) {
        auto& l = locations_[reads[i].location];
        for (auto s = reads[i].store + 1; s < l.stores.size(); ++s)
            if (l.stores[s].thread != thread && l.stores[s].before.of[thread] < reads[i].epoch)
                race_ = "written over while it was being read";
        l.plain[thread] = std::max(l.plain[thread], reads[i].epoch);
    }
}

}  // namespace wye::model
