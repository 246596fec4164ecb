#include "measure/loads.hpp"
#include "measure/names.hpp"
#include "measure/stage.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>

namespace wye::measure {
namespace {

using namespace std::chrono_literals;

// One of two that talk is killed at a moment that nobody chose. What came of it, in pages that all have.
struct Death {
    std::atomic<std::uint64_t> flows{0}, dead{0}, at{0}, told{0}, again{0};  // the last three: ticks
    std::atomic<std::uint64_t> sent{0}, seen{0};  // the last number that a send() or recv() was for
    std::atomic<std::uint64_t> lost{0}, twice{0}, left{0};
    std::atomic<std::uint64_t> over{0};   // the survivor has what it waited for
    std::atomic<std::uint64_t> ended{0};  // who wrote this first: 1 all is well, 2 it took too long
    char why[160] = {}, example[160] = {};
};
constexpr auto patience = 2s;                 // that a new one has for its first message
constexpr std::uint64_t unseen = ~0ull;       // what is left where the end took too long
constexpr std::uint64_t reborn = 1ull << 40;  // the first number of a new sender
constexpr auto between_looks = std::chrono::microseconds(50);

template <std::size_t N>
void say(char (&into)[N], const std::string& text) {
    std::snprintf(into, N, "%s", text.c_str());
}
void nap(std::chrono::microseconds t = between_looks) { ::usleep(static_cast<useconds_t>(t.count())); }

// Which numbers came: what is missing between them, and what came again.
struct Tally {
    std::uint64_t last = 0, lost = 0, twice = 0;
    void came(std::uint64_t n) {
        if (n <= last) return void(++twice);
        lost += n - last - 1;
        last = n;
    }
};

class OneDeath {
public:
    OneDeath(const Work& w, Means& m, Death& d, bool sender) : w_(w), m_(m), d_(d), sender_(sender) {}
    void happen(std::chrono::microseconds after) {
        Stage stage(w_, m_, duel);
        const auto before = names_on_this_machine(m_.directory);
        stage.beside(1, Role::second,
                     [&](End& end, Board::Place&, unsigned) { sender_ ? sends(end, 1) : hears(end, d_.seen); });
        auto& b = stage.board();
        const auto beside = [&](unsigned which, auto what) {
            stage.others().start(
                which,
                [&, what](unsigned) {
                    ::close_range(3, ~0u, 0);  // or the survivor's listening socket would be kept alive from here
                    b.places[which].ready = 1;
                    what();
                },
                false);
        };
        beside(1, [&] { takes_the_place(); });
        beside(2, [&] {
            while (d_.flows == 0) nap();
            nap(after);
            d_.at = ticks();
            stage.others().kill_first();
            d_.dead = 1;
        });
        const Watch watch(stage, m_, d_);
        sender_ ? survives_hearing(stage) : survives_sending(stage);
        d_.over = 1;
        if (d_.ended.exchange(1) != 0) stand_still();
        // All but the dead one end well, so that what is still there is what he left.
        for (int i = 0; i < 500 && b.places[1].done == 0; ++i) nap(1ms);
        stage.leave();
        stage.others().end();
        for (const auto& name : names_on_this_machine(m_.directory))
            if (!before.contains(name)) ++d_.left, say(d_.example, name);
    }

private:
    // A library may wait for ever for one who is dead: then this one ends here, and leaves nothing.
    class Watch {
    public:
        Watch(Stage& s, Means& m, Death& d)
            : waits_([&s, &m, &d](const std::stop_token& stop) {
                  for (std::uint64_t end = ticks() + ticks_of(2 * patience); !stop.stop_requested(); nap(2ms)) {
                      if (d.at != 0 && d.again == 0) end = std::min(end, d.at + ticks_of(patience));
                      if (d.again != 0) end = d.again + ticks_of(patience);  // also to end in
                      if (ticks() < end) continue;
                      if (d.ended.exchange(3) != 0) stand_still();
                      s.others().end();
                      m.clean();
                      d.left = unseen;
                      d.ended = 2;
                      stand_still();
                  }
              }) {}

    private:
        std::jthread waits_;
    };

    [[noreturn]] static void stand_still() {
        for (;;) ::pause();  // until the measuring process ends this one
    }

    // ---- who dies, and who comes instead

    void sends(End& end, std::uint64_t from) {
        auto out = message_of(w_);
        for (auto n = from; from == 1 || d_.over == 0; ++n) {
            stamp(out, {ticks(), n});
            end.send(out);
            if (from == 1)
                d_.sent = n;
            else
                nap(4 * between_looks);  // it is the first that counts
        }
    }
    void hears(End& end, std::atomic<std::uint64_t>& seen) {
        auto room = room_for(w_);
        for (;;) {
            if (end.recv(room, false) < sizeof(Stamp)) continue;
            seen = of(room).number;
            d_.flows = 1;
        }
    }
    // What was sent after the death comes through: then it is over.
    void hears_anew(End& end) {
        auto room = room_for(w_);
        Tally t{.last = d_.seen};
        for (bool hand = true; d_.over == 0;) {
            if (end.recv(room, false) < sizeof(Stamp)) continue;
            const auto s = of(room);
            // The one that the dead had in his hands is lost with him.
            if (hand && s.number > t.last + 1) ++t.last;
            hand = false;
            if (d_.again == 0) t.came(s.number);
            if (d_.again != 0 || s.at <= d_.at) continue;
            d_.lost = t.lost, d_.twice = t.twice;
            d_.again = ticks();
        }
    }
    void takes_the_place() {
        while (d_.dead == 0) nap();
        while (d_.over == 0) {
            try {
                const auto end = m_.open(Role::second, 0);
                sender_ ? sends(*end, reborn) : hears_anew(*end);
            } catch (const std::exception& e) {
                say(d_.why, e.what());
                nap(10 * between_looks);
            }
        }
    }

    // ---- who survives

    End& begins_again(Stage& stage) {
        if (d_.at == 0) throw;  // nobody died yet: it does not work
        if (d_.told == 0) d_.told = ticks();
        for (;; nap(10 * between_looks)) {
            try {
                return stage.again(Role::first);
            } catch (const std::exception& e) {
                say(d_.why, e.what());
            }
        }
    }
    void survives_hearing(Stage& stage) {
        auto room = room_for(w_);
        Tally t;
        for (auto* end = &stage.here(Role::first);;) {
            try {
                if (end->recv(room, false) < sizeof(Stamp)) continue;
            } catch (const std::exception&) {
                end = &begins_again(stage);
                continue;
            }
            d_.flows = 1;
            const auto n = of(room).number;
            if (n >= reborn) break;
            t.came(n);
        }
        d_.again = ticks();
        d_.lost = t.lost + (d_.sent > t.last ? d_.sent - t.last : 0), d_.twice = t.twice;
    }
    void survives_sending(Stage& stage) {
        auto out = message_of(w_);
        auto* end = &stage.here(Role::first);
        // What was refused is sent again: it may have come all the same.
        for (std::uint64_t n = 1; d_.again == 0;) {
            try {
                stamp(out, {ticks(), n});
                end->send(out);
                ++n;
            } catch (const std::exception&) {
                end = &begins_again(stage);
            }
        }
        d_.over = 1;
        for (int i = 0; i < 20; ++i, nap(1ms))
            if (stage.board().places[1].done != 0) return;
        try {
            end->send(out);  // the new one has taken all there was, and waits
        } catch (const std::exception&) {
            // He is killed, then.
        }
    }

    static Stamp of(const std::vector<std::byte>& room) {
        Stamp s{};
        std::memcpy(&s, room.data(), sizeof s);
        return s;
    }

    const Work& w_;
    Means& m_;
    Death& d_;
    bool sender_;
};

// Of all deaths, what is said and kept.
struct Deaths {
    Histogram told{};
    std::uint64_t all = 0, twice = 0, left = unseen;
    std::string example{};
    void add(const Death& d) {
        ++all, twice += d.twice;
        if (d.told != 0) told.add(units(d.told > d.at ? d.told - d.at : 0));
        // Others on this machine make names, too: the fewest are the means' own.
        if (d.left < left) left = d.left, example = d.example;
    }
    void into(Taken& t, bool lossless) const {
        t.messages = all;
        if (left != unseen) t.more["left"] = static_cast<double>(left);
        t.more["told"] = static_cast<double>(told.total()) / static_cast<double>(all);
        if (told.total() > 0) t.more["told_ns"] = told.middle() / Taken::a_ns;
        if (lossless) t.more["duplicated"] = static_cast<double>(twice);
        t.note = told.total() == 0     ? "is not told, and goes on"
                 : told.total() == all ? "is told, and opens again"
                                       : "is told, and opens again, or sees nothing but the new one";
        if (left != unseen && left > 0) t.note += "; leaves " + std::to_string(left) + " beside: " + example;
    }
};

void killed(const Work& w, Means& m, Taken& t, bool sender) {
    if (!m.named) return void(t.note = "has no name: nobody new can take the place of the dead");
    if (!m.carries || w.size < sizeof(Stamp)) throw std::runtime_error("messages of 16 bytes and more");
    std::minstd_rand dice(static_cast<unsigned>(ticks()));
    Deaths deaths;
    const Until until(w);
    while (deaths.all < 3 || until.more(deaths.all)) {
        const Pages<Death> d;
        const auto after = std::chrono::microseconds(dice() % 4000);
        // In a process that has done nothing yet: many a library forbids a fork after its first use.
        Others one;
        auto& place = one.board().places[0];
        one.start(0, [&](unsigned) { OneDeath(w, m, *d, sender).happen(after); }, false);
        while (place.done == 0 && d->ended != 2) {
            one.check();
            nap(1ms);
        }
        if (*place.trouble) throw std::runtime_error(place.trouble);
        if (d->ended == 2 && d->at == 0) throw std::runtime_error("the two did not find each other");
        if (d->ended == 2 && d->again == 0) {
            t = {};
            t.note = std::string(d->told ? "is told" : "is not told") + ", and nothing new came through in 2 s" +
                     (*d->why ? std::string(": ") + d->why : "");
            return;
        }
        deaths.add(*d);
        if (m.lossless) t.lost += d->lost;
        t.times.add(units(d->again > d->at ? d->again - d->at : 0));
    }
    deaths.into(t, m.lossless);
}

}  // namespace

// One waits for a message when the other is killed: how long until it is told so.
void crash(const Work& w, Means& m, Taken& t) {
    const Until until(w);
    for (std::uint64_t n = 0; n < 3 || until.more(n); ++n) {
        Stage stage(w, m, duel);
        auto& b = stage.board();
        stage.beside(1, Role::second, [&](End& end, Board::Place&, unsigned) {
            auto room = room_for(w);
            for (;;) end.send(Bytes(room).first(end.recv(room, false)));
        });
        auto& end = stage.here(Role::first);
        auto out = message_of(w), in = room_for(w);
        for (int i = 0; i < 10; ++i) end.send(out), end.recv(in, false);
        stage.others().start(
            1,
            [&](unsigned) {
                usleep(2000);
                b.sent_at = ticks();
                stage.others().kill_first();
            },
            false);
        bool told = false;
        try {
            end.recv(in, false);
        } catch (const std::exception&) {
            told = true;
        }
        const auto took = ticks() - b.sent_at;
        if (!told || took > ticks_of(2s)) {
            t.note = "is not told that the other died";
            return;
        }
        t.times.add(units(took));
        ++t.messages;
    }
}

void sender_killed(const Work& w, Means& m, Taken& t) { killed(w, m, t, true); }
void receiver_killed(const Work& w, Means& m, Taken& t) { killed(w, m, t, false); }

}  // namespace wye::measure
