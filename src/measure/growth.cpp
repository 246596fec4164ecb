#include "measure/loads.hpp"
#include "measure/stage.hpp"
#include "measure/use.hpp"

#include <unistd.h>

#include <algorithm>
#include <string>

namespace wye::measure {

// Subscribers that do nothing but be there, and what telling them costs.
void growth(const Work& w, Means& m, Taken& t) {
    const auto n = std::min(std::max(w.parties, 2u) - 1, Board::most);
    const Prepared prepared(m, fan, w.parties);
    Others others;
    auto& b = others.board();
    for (unsigned i = 0; i < n; ++i)
        others.start(
            i,
            [&](unsigned which) {
                const auto before = use_of_this_process();
                const auto end = m.open(Role::subscriber, which);
                b.places[which].ready = 1;
                std::vector<std::byte> room(m.size);
                end->recv(room, false);
                const auto after = use_of_this_process();
                auto& mine = b.places[which];
                mine.count = after.descriptors - before.descriptors;
                mine.lost = after.mappings - std::min(after.mappings, before.mappings);
                mine.said = after.kib - std::min(after.kib, before.kib);
                for (;;) end->recv(room, false);
            },
            false);
    auto end = m.open(Role::publisher, 0);
    others.wait_ready();
    const auto out = std::vector<std::byte>(m.size, std::byte{1});
    const Until until(w);
    const auto begin = ticks();
    for (; until.more(t.messages); ++t.messages) end->send(out);
    t.ns = static_cast<double>(ticks() - begin) * ns_a_tick() / static_cast<double>(t.messages);
    usleep(20'000);
    std::uint64_t fds = 0, maps = 0, kib = 0;
    for (unsigned i = 0; i < n; ++i) fds += b.places[i].count, maps += b.places[i].lost, kib += b.places[i].said;
    t.note = "a subscriber has " + std::to_string(fds / n) + " descriptors, " + std::to_string(maps / n) +
             " mappings, " + std::to_string(kib / n) + " KiB";
}

}  // namespace wye::measure
