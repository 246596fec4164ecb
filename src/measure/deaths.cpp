#include "measure/incident.hpp"
#include "measure/life.hpp"
#include "measure/loads.hpp"
#include "measure/names.hpp"

#include <random>
#include <stdexcept>
#include <string>

namespace wye::measure {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t reborn = 1ull << 40;  // the first number of a new sender
constexpr auto between_looks = std::chrono::microseconds(50);

// One of two that talk is killed at a moment that nobody chose.
class OneDeath {
public:
    OneDeath(const Work& w, Means& m, Incident& d, bool sender, Life life)
        : w_(w), m_(m), d_(d), sender_(sender), life_(life) {}
    void happen(std::chrono::microseconds after) {
        Stage stage(w_, m_, duel);
        const auto before = names_on_this_machine(m_.directory);
        stage.beside(
            1, Role::second, [&](End& end, Board::Place&, unsigned) { sender_ ? sends(end, 1) : hears(end, d_.seen); },
            [&](const auto& body) { live(life_, d_.victim, body); });
        auto& b = stage.board();
        meddles(stage, 1, [&] { comes_instead(); });
        meddles(stage, 2, [&] {
            while (d_.flows == 0) nap();
            nap(after);
            d_.at = ticks();
            kill_for_certain(static_cast<pid_t>(d_.victim.load()));
            d_.dead = 1;
        });
        const Watch watch(stage, m_, d_);
        sender_ ? survives_hearing(stage) : survives_sending(stage);
        d_.over = 1;
        ends_well(d_);
        // All but the dead one end well, so that what is still there is what he left.
        for (int i = 0; i < 500 && b.places[1].done == 0; ++i) nap(1ms);
        stage.leave();
        stage.others().end();
        for (const auto& name : names_on_this_machine(m_.directory))
            if (!before.contains(name)) ++d_.left, say(d_.example, name);
    }

private:
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
            seen = stamp_of(room).number;
            d_.flows = 1;
        }
    }
    // What was sent after the death comes through: then it is over.
    void hears_anew(End& end) {
        auto room = room_for(w_);
        Tally t{.last = d_.seen};
        for (bool hand = true; d_.over == 0;) {
            if (end.recv(room, false) < sizeof(Stamp)) continue;
            const auto s = stamp_of(room);
            // The one that the dead had in his hands is lost with him.
            if (hand && s.number > t.last + 1) ++t.last;
            hand = false;
            if (d_.again == 0) t.came(s.number);
            if (d_.again != 0 || s.at <= d_.at) continue;
            d_.lost = t.lost, d_.twice = t.twice;
            d_.again = ticks();
        }
    }
    void comes_instead() {
        if (life_ != Life::user && life_ != Life::pidns) return takes_the_place();
        const Pages<std::atomic<std::uint64_t>> pid;
        live(life_, *pid, [&] { takes_the_place(); });
    }
    void takes_the_place() {
        while (d_.dead == 0) nap();
        if (m_.knocks) m_.quiet = 100ms;  // and comes again
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
        if (d_.at == 0) throw;             // nobody died yet: it does not work
        if (d_.ended != 0) stand_still();  // all was taken away
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
            const auto n = stamp_of(room).number;
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

    const Work& w_;
    Means& m_;
    Incident& d_;
    bool sender_;
    Life life_;
};

// Of all deaths, what is said and kept.
struct Deaths {
    Histogram told{};
    std::uint64_t all = 0, twice = 0, left = unseen;
    std::string example{};
    void add(const Incident& d) {
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

// Why nobody can live so here, or with this means.
std::string refusal(Life life, const Means& m) {
    if (!m.named) return "has no name: nobody new can take the place of the dead";
    if (life == Life::user && m.of_one_user) return "is for the processes of one user alone";
    if (life == Life::user && ::geteuid() != 0) return "only root can start one as another user's";
    return {};
}

void killed(const Work& w, Means& m, Taken& t, bool sender, Life life = Life::plain) {
    if (t.note = refusal(life, m); !t.note.empty()) return;
    if (!m.carries || w.size < sizeof(Stamp)) throw std::runtime_error("messages of 16 bytes and more");
    const PassableDirectory passable(life == Life::user ? m.directory : "");
    if (life == Life::user) m.permissions = 0666;
    std::minstd_rand dice(static_cast<unsigned>(ticks()));
    Deaths deaths;
    const Until until(w);
    while (deaths.all < 3 || until.more(deaths.all)) {
        const Pages<Incident> d;
        const auto after = std::chrono::microseconds(dice() % 4000);
        try {
            befalls(*d, [&] { OneDeath(w, m, *d, sender, life).happen(after); });
        } catch (const std::exception& e) {
            if (life != Life::user && life != Life::pidns) throw;
            t = {};
            t.note =
                std::string(life == Life::user ? "not with another user's: " : "not with another pid namespace: ") +
                e.what();
            return;
        }
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

void sender_killed(const Work& w, Means& m, Taken& t) { killed(w, m, t, true); }
void sender_zombie(const Work& w, Means& m, Taken& t) { killed(w, m, t, true, Life::zombie); }
void sender_of_user(const Work& w, Means& m, Taken& t) { killed(w, m, t, true, Life::user); }
void sender_in_pidns(const Work& w, Means& m, Taken& t) { killed(w, m, t, true, Life::pidns); }
void receiver_killed(const Work& w, Means& m, Taken& t) { killed(w, m, t, false); }
void receiver_zombie(const Work& w, Means& m, Taken& t) { killed(w, m, t, false, Life::zombie); }
void receiver_of_user(const Work& w, Means& m, Taken& t) { killed(w, m, t, false, Life::user); }
void receiver_in_pidns(const Work& w, Means& m, Taken& t) { killed(w, m, t, false, Life::pidns); }

}  // namespace wye::measure
