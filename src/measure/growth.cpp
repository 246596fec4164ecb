#include "measure/loads.hpp"
#include "measure/stage.hpp"
#include "measure/use.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <list>
#include <stdexcept>
#include <string>

namespace wye::measure {
namespace {

using namespace std::chrono_literals;

// Of the difference; what a neighbour let go of meanwhile is none.
std::uint64_t more_than(std::uint64_t after, std::uint64_t before) { return after > before ? after - before : 0; }

void let_descriptors_be_many() {
    rlimit most{};
    if (getrlimit(RLIMIT_NOFILE, &most) != 0) return;
    most.rlim_cur = most.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &most);
}

// `before` has its descriptors where its parent gave it both ends of each, and it lets go of one.
void connects_to(const AllMeans& all, const Work& w, const Use* before, Board& b) {
    std::vector<std::unique_ptr<End>> ends;
    auto room = room_for(w);
    Use then;
    for (const auto& one : all) {
        const auto begin = ticks();
        ends.push_back(one->open(Role::second, 0));
        if (ends.size() > 1) b.times[0].add(units(ticks() - begin));
        b.go = ends.size();
        ends.back()->recv(room, false);
        if (ends.size() == 1) then = use_of_this_process();
    }
    const auto now = use_of_this_process();
    const auto n = all.size() - 1;
    const auto fds = before ? more_than(now.descriptors, before->descriptors) * n / all.size()
                            : more_than(now.descriptors, then.descriptors);
    auto& mine = b.places[0];
    mine.count = fds, mine.lost = more_than(now.mappings, then.mappings), mine.said = more_than(now.kib, then.kib);
    mine.ready = 1;
    pause();
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

// Channels side by side between the same two, each of which has had a message: what one of them is to who connects. One
// more goes before, by which the process has what it needs for any.
void channels(const Work& w, Means& m, Taken& t) {
    let_descriptors_be_many();
    const auto n = std::max<std::uint64_t>(w.at_once, 1);
    const auto at_first = use_of_this_process();
    AllMeans all;
    std::list<Prepared> prepared;  // goes before the means, and after the other process
    Others others;
    auto& b = others.board();
    for (std::uint64_t i = 0; i <= n; ++i) {
        all.push_back(m.another());
        if (!all.back()) throw std::runtime_error("one channel at a time");
        prepared.emplace_back(*all.back(), duel, 2);
    }
    others.start(0, [&](unsigned) { connects_to(all, w, m.named ? nullptr : &at_first, b); }, false);
    std::vector<std::unique_ptr<End>> ends;
    try {
        for (const auto& one : all) {
            ends.push_back(one->open(Role::first, 0));
            while (b.go < ends.size()) others.check(), usleep(20);
            ends.back()->send(message_of(w));
        }
        others.wait_ready();
    } catch (const std::exception&) {
        trouble_of_another() = others.trouble();
        throw;
    }
    const auto each = [&](const std::atomic<std::uint64_t>& of_all) {
        return static_cast<double>(of_all) / static_cast<double>(n);
    };
    t.messages = n, t.times = b.times[0];
    t.more = {{"descriptors", each(b.places[0].count)},
              {"mappings", each(b.places[0].lost)},
              {"memory_kib", each(b.places[0].said)}};
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
