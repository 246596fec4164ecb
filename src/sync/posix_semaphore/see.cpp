// Named POSIX semaphores as `wye ls` shows them: by their file, for in its creator the mapping has another name.
#include "io/see.hpp"

#include "wye/sync/posix_semaphore.hpp"

#include <cstring>

namespace wye {
namespace {

constexpr std::size_t glibc_size = 32;  // sem_t of a 64-bit glibc: value, then waiters

void add_value(const sys::Found& f, Item& item) {
    std::uint32_t words[2] = {};
    if (f.file.size != glibc_size || f.head.size() < sizeof words) return;
    std::memcpy(words, f.head.data(), sizeof words);
    item.facts.emplace_back("value", std::uint64_t{words[0]});
    item.facts.emplace_back("waiting", std::uint64_t{words[1]});
    item.use = "value " + std::to_string(words[0]) + ", " + std::to_string(words[1]) + " waiting";
}

// A thread that sleeps at an address inside a mapping of this file.
void add_waiters(const sys::Snapshot& s, sys::FileKey key, Item& item) {
    for (const auto use : s.mapped_at(key)) {
        const auto& p = s.processes[use.process];
        const auto& m = s.map(use);
        for (const auto& b : p.blocked)
            if (b.in == sys::SleepsIn::futex && b.args[0] >= m.start && b.args[0] < m.end)
                item.waiters.push_back(waiter(p, b, "sem_wait"));
    }
}

}  // namespace

void see_posix_semaphores(const sys::Snapshot& s, Inventory& into) {
    constexpr std::string_view mark = "sem.";
    for (const auto& place : s.shm)
        for (const auto& f : place.files) {
            if (!f.path.starts_with(mark) || f.path.find('/') != f.path.npos) continue;
            Item item{.kind = "posix-sem", .name = "/" + f.path.substr(mark.size()), .identity = identity(f.file.key)};
            add_file(f.file, item);
            add_place(place, s, item);
            if (item.own_ns) item.uri = "posix-sem:" + percent_encode(item.name);
            add_value(f, item);
            add_open(s, f.file.key, item);
            add_mapped(s, f.file.key, item);
            add_waiters(s, f.file.key, item);
            into.items.push_back(std::move(item));
        }
}

}  // namespace wye
