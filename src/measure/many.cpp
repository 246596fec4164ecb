#include "measure/loads.hpp"
#include "measure/stage.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <string>

namespace wye::measure {
namespace {

using namespace std::chrono_literals;

// What goes from one to many: as fast as it goes, then one at a time, which tells how long each takes.
void spread(const Work& w, Means& m, Taken& t, Shape shape, Role from, Role to, bool each_gets_all) {
    const auto n = std::min(std::max(w.parties, 2u) - 1, Board::most);
    Stage stage(w, m, shape);
    auto& b = stage.board();
    stage.beside(n, to, [&](End& end, Board::Place& mine, unsigned which) {
        auto room = std::vector<std::byte>(m.size);
        for (std::uint64_t last = 0;;) {
            const auto size = end.recv(room, false);
            const auto now = ticks();
            Stamp s{};
            if (size >= sizeof s) std::memcpy(&s, room.data(), sizeof s);
            if (s.at) b.times[which].add(units(now > s.at ? now - s.at : 0));
            if (each_gets_all && last && s.number > last + 1) mine.lost += s.number - last - 1;
            last = s.number;
            mine.count.fetch_add(1);
        }
    });
    auto& end = stage.here(from);
    auto out = std::vector<std::byte>(m.size, std::byte{1});
    const auto arrived = [&] {
        std::uint64_t all = 0, lost = 0, least = ~0ull, most = 0;
        for (unsigned i = 0; i < n; ++i) {
            const auto c = b.places[i].count.load();
            all += c, lost += b.places[i].lost, least = std::min(least, c), most = std::max(most, c);
        }
        return std::array{all, lost, least, most};
    };
    std::uint64_t sent = 0;
    const auto settled = [&] {  // all has come, or no more will
        std::uint64_t before = ~0ull;
        for (const auto begin = ticks(); ticks() - begin < ticks_of(2s);) {
            const auto [all, lost, least, most] = arrived();
            if (all + lost >= sent * (each_gets_all ? n : 1)) return;
            stage.others().check();
            if (all == before && !m.lossless) return;
            before = all;
            usleep(each_gets_all && !m.lossless ? 20'000 : 200);
        }
    };
    const auto say = [&](std::uint64_t at) {
        stamp(out, {at, ++sent});
        end.send(out);
    };
    if (w.rate == 0) {
        stage.begin();
        const Until measured(w, 1, 2);
        const auto begin = ticks();
        while (measured.more(sent))
            for (int i = 0; i < (w.size > 4096 ? 1 : 32); ++i) say(0);
        settled();
        const auto [all, lost, least, most] = arrived();
        t.messages = sent, t.lost = lost;
        t.bytes = sent * w.size;
        // Until all of them have it, not until it is on its way.
        t.ns = static_cast<double>(ticks() - begin) * ns_a_tick() / static_cast<double>(sent);
        stage.cost(t, static_cast<double>(sent));
        if (!each_gets_all && n > 1)
            t.note = "most to least of a worker " + std::to_string(most) + ":" + std::to_string(least);
    }
    const auto apart =
        w.rate > 0 ? ticks_of(std::chrono::nanoseconds(static_cast<long>(1e9 / w.rate))) : ticks_of(500us);
    const Until paced(w, 1, w.rate > 0 ? 1 : 2);
    auto at = ticks();
    for (std::uint64_t i = 0; i < 5 || paced.more(i); ++i) {
        sleep_until(at += apart);
        say(w.rate > 0 ? at : ticks());
    }
    settled();
    for (unsigned i = 0; i < n; ++i) t.times.add(b.times[i]);
    if (w.rate > 0) t.messages = arrived()[0], t.lost = arrived()[1], stage.cost(t, static_cast<double>(sent));
}

// Each has a message by its number, or so many have it as ever will.
unsigned who_has(Stage& stage, const Means& m, unsigned n, std::uint64_t number) {
    const auto begin = ticks();
    for (;;) {
        unsigned all = 0;
        for (unsigned i = 0; i < n; ++i) all += stage.board().places[i].count >= number;
        if (all == n || (!m.lossless && ticks() - begin > ticks_of(50ms))) return all;
        if (ticks() - begin > ticks_of(2s))
            throw std::runtime_error(std::to_string(n - all) + " of " + std::to_string(n) + " were not woken in 2 s");
        stage.others().check();
        usleep(500);  // not at once: those who are woken have the processors
    }
}

}  // namespace

// All of them sleep, and are told one thing: until the first runs, until the last does, and how long the telling took.
void many_woken(const Work& w, Means& m, Taken& t) {
    const auto n = std::min(std::max(w.parties, 2u) - 1, Board::most);
    Stage stage(w, m, fan);
    auto& places = stage.board().places;
    stage.beside(n, Role::subscriber, [&](End& end, Board::Place& mine, unsigned) {
        std::vector<std::byte> room(m.size);
        for (Stamp s{};;) {
            if (end.recv(room, false) < sizeof s) continue;
            const auto now = ticks();
            std::memcpy(&s, room.data(), sizeof s);
            mine.said = now > s.at ? now - s.at : 0;
            mine.count = s.number;
        }
    });
    auto& end = stage.here(Role::publisher);
    std::vector<std::byte> out(m.size, std::byte{1});
    Histogram first, inside;
    const auto gap = ticks_of(w.gap);
    const Until until(w);
    for (std::uint64_t number = 1; number == 1 || until.more(number - 2, 10); ++number) {
        sleep_until(ticks() + gap);
        const auto at = ticks();
        stamp(out, {at, number});
        end.send(out);
        const auto sent = ticks() - at;
        const auto had = who_has(stage, m, n, number);
        if (number == 1) stage.begin();
        if (number == 1) continue;  // until then some may still have been on their way to sleep
        ++t.messages, t.lost += n - had;
        if (had < n) continue;
        const auto [least, most] = std::minmax_element(
            places, places + n, [](const auto& a, const auto& b) { return a.said.load() < b.said.load(); });
        t.times.add(units(most->said)), first.add(units(least->said)), inside.add(units(sent));
    }
    stage.cost(t, static_cast<double>(t.messages));
    if (t.times.total() > 0)
        t.more = {{"first_ns", first.middle() / Taken::a_ns}, {"send_ns", inside.middle() / Taken::a_ns}};
}

void fan_out(const Work& w, Means& m, Taken& t) { spread(w, m, t, fan, Role::publisher, Role::subscriber, true); }
void work_queue(const Work& w, Means& m, Taken& t) { spread(w, m, t, queue, Role::producer, Role::worker, false); }

}  // namespace wye::measure
