#include "measure/loads.hpp"
#include "measure/stage.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace wye::measure {
namespace {

using namespace std::chrono_literals;

struct Use {
    std::uint64_t descriptors = 0, mappings = 0, kib = 0;
};

Use use_of_this_process() {
    Use u;
    std::error_code e;
    for (std::filesystem::directory_iterator it("/proc/self/fd", e), end; !e && it != end; it.increment(e))
        ++u.descriptors;
    std::ifstream maps("/proc/self/maps"), sum("/proc/self/smaps_rollup");
    for (std::string line; std::getline(maps, line);) ++u.mappings;
    for (std::string line; std::getline(sum, line);)
        if (line.starts_with("Pss:")) u.kib = std::strtoull(&line[4], nullptr, 10);
    return u;
}

}  // namespace

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

// Both there, one waits, and nothing is said.
void idle(const Work& w, Means& m, Taken& t) {
    Stage stage(w, m, duel);
    stage.beside(1, Role::second, [&](End& end, Board::Place&, unsigned) {
        auto room = room_for(w);
        for (;;) end.recv(room, false);
    });
    stage.here(Role::first);
    usleep(10'000);
    stage.begin();
    const auto begin = ticks();
    sleep_until(begin + ticks_of(std::max<std::chrono::nanoseconds>(w.time, 500ms)));
    const double seconds = static_cast<double>(ticks() - begin) * ns_a_tick() / 1e9;
    stage.cost(t, seconds);
    t.messages = 0;
}

}  // namespace wye::measure
