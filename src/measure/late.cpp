#include "measure/loads.hpp"
#include "measure/stage.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

// Who comes when the channel is there already.
namespace wye::measure {
namespace {

// Which of the board's times is what: the one other process has them all.
enum When : unsigned { through, opened, first, left };

double ns_of(const Histogram& h) { return h.middle() / Taken::a_ns; }

// This process has its end, which `here` opens, while another `comes` and goes.
template <class Comes, class Here>
void one_comes(Means& m, Others& others, Comes&& comes, Here&& here) {
    auto& b = others.board();
    auto& place = b.places[0];
    others.start(0, [&](unsigned) { comes(b); }, !m.own_threads);
    if (!m.own_threads) pin(0);
    try {
        const auto end = here();
        b.go = 1;
        while (place.done == 0) {
            others.check();
            usleep(200);
        }
    } catch (const std::exception&) {
        trouble_of_another() = others.trouble();
        throw;
    }
    if (*place.trouble) throw std::runtime_error(place.trouble);
}

// One after the other up to the `last`, and as many as were asked for. When the first was there.
std::uint64_t heard(End& end, std::vector<std::byte>& room, std::uint64_t asked, std::uint64_t last) {
    std::uint64_t came = 0, at = 0, before = 0;
    for (Stamp s{}; s.number < last; ++came) {
        before = s.number;
        if (end.recv(room, false) < sizeof s) throw std::runtime_error("a message was cut off");
        if (came == 0) at = ticks();
        std::memcpy(&s, room.data(), sizeof s);
        if (came > 0 && s.number != before + 1)
            throw std::runtime_error("message " + std::to_string(s.number) + " came behind message " +
                                     std::to_string(before));
    }
    if (came != asked)
        throw std::runtime_error("asked for the last " + std::to_string(asked) + " messages, and " +
                                 std::to_string(came) + " came");
    return at;
}

}  // namespace

// Who subscribes late, and asks for the last so many.
void history(const Work& w, Means& m, Taken& t) {
    const auto asked = m.history;
    // More than are asked for, but where a reader has no choice.
    const auto last = m.can & all_of_it ? asked : asked + asked / 2;
    const Prepared prepared(m, fan, 1);  // a publisher waits for nobody
    Others others;
    const auto comes = [&](Board& b) {
        std::vector<std::byte> room(m.size);
        while (b.go == 0) usleep(100);
        const Until until(w);
        // The first does once what each process does once, and does not count.
        for (std::uint64_t n = 0; n == 0 || until.more(n - 1, 10); ++n) {
            const auto begin = ticks();
            auto end = m.open(Role::subscriber, 0);
            const auto is_open = ticks(), has_first = heard(*end, room, asked, last), has_all = ticks();
            end.reset();
            const auto is_gone = ticks();
            if (n == 0) continue;
            b.times[through].add(units(has_all - begin)), b.times[opened].add(units(is_open - begin));
            b.times[first].add(units(has_first - begin)), b.times[left].add(units(is_gone - has_all));
        }
    };
    one_comes(m, others, comes, [&] {
        auto end = m.open(Role::publisher, 0);
        std::vector<std::byte> out(m.size, std::byte{1});
        for (std::uint64_t n = 1; n <= last; ++n) {
            stamp(out, {ticks(), n});
            end->send(out);
        }
        return end;
    });
    const auto& times = others.board().times;
    t.times = times[through], t.messages = times[through].total();
    t.more = {{"open_ns", ns_of(times[opened])}, {"first_ns", ns_of(times[first])}, {"close_ns", ns_of(times[left])}};
}

// Who comes to a channel that another has open, and goes again.
void attach(const Work& w, Means& m, Taken& t) {
    const Prepared prepared(m, duel, 2);
    Others others;
    const auto comes = [&](Board& b) {
        // Some rooms open only when both are there; and what a process does once does not count.
        auto end = m.open(Role::second, 0);
        while (b.go == 0) usleep(100);
        end.reset();
        const Until until(w);
        for (std::uint64_t n = 0; until.more(n, 10); ++n) {
            const auto begin = ticks();
            end = m.open(Role::second, 0);
            const auto is_open = ticks();
            end.reset();
            b.times[left].add(units(ticks() - is_open)), b.times[opened].add(units(is_open - begin));
        }
    };
    one_comes(m, others, comes, [&] { return m.open(Role::first, 0); });
    const auto& times = others.board().times;
    t.times = times[opened], t.messages = times[opened].total();
    t.more = {{"close_ns", ns_of(times[left])}};
}

}  // namespace wye::measure
