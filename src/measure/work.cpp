#include "measure/work.hpp"

#include "measure/clock.hpp"
#include "measure/others.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <exception>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

namespace wye::measure {
namespace {

using namespace std::chrono_literals;

// How long, or how many; and a tenth of it before, that does not count.
class Until {
public:
    Until(const Work& w, int part = 1, int of = 1)
        : most_(w.messages), time_(ticks_of(w.time * part / of)), end_(ticks() + time_) {}
    Until warm() const {
        Until u = *this;
        u.most_ = std::max<std::uint64_t>(most_ / 10, most_ ? 1 : 0);
        u.end_ = ticks() + time_ / 10;
        return u;
    }
    /// At least one, however long it took to get here.
    bool more(std::uint64_t done) const { return most_ ? done < most_ : done == 0 || ticks() < end_; }

private:
    std::uint64_t most_, time_, end_;
};

// What a message says of itself, where it is long enough.
struct Stamp {
    std::uint64_t at, number;
};

void stamp(std::vector<std::byte>& to, Stamp s) {
    if (to.size() >= sizeof s)
        std::memcpy(to.data(), &s, sizeof s);
    else if (!to.empty())
        to[0] = static_cast<std::byte>(s.number);
}

std::uint64_t units(std::uint64_t t, double ways = 1) {
    return static_cast<std::uint64_t>(static_cast<double>(t) * ns_a_tick() * Taken::a_ns / ways);
}

void sleep_until(std::uint64_t when) {
    constexpr double shortest = 100'000;  // ns; what is less is waited for
    for (;;) {
        const auto now = ticks();
        if (now >= when) return;
        const double left = static_cast<double>(when - now) * ns_a_tick();
        if (left < shortest) {
            relax();
            continue;
        }
        const auto ns = static_cast<long>(left - shortest / 2);
        const timespec nap{.tv_sec = ns / 1'000'000'000, .tv_nsec = ns % 1'000'000'000};
        (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, nullptr);
    }
}

// What a means made for a piece of work goes, however that ends.
class Prepared {
public:
    Prepared(Means& m, Shape shape, unsigned parties) : m_(m) {
        try {
            m_.prepare(shape, parties);
        } catch (const std::exception&) {
            m_.clean();
            throw;
        }
    }
    ~Prepared() { m_.clean(); }
    Prepared(const Prepared&) = delete;

private:
    Means& m_;
};

// What another process threw is why this one waits in vain.
thread_local std::string other_trouble;

// The measuring process and those beside it, each with its end open.
class Stage {
public:
    using Body = std::function<void(End&, Board::Place&, unsigned which)>;
    Stage(const Work& w, Means& m, Shape shape) : w_(w), m_(m), prepared_(m, shape, w.parties) {
        for (const auto pid : m_.daemons) others_.counts(pid);
    }
    ~Stage() {
        if (std::uncaught_exceptions() > 0) other_trouble = others_.trouble();
        end_.reset();
    }
    Board& board() { return others_.board(); }
    Others& others() { return others_; }
    void beside(unsigned n, Role role, const Body& body) {
        for (unsigned i = 0; i < n; ++i)
            others_.start(
                i,
                [this, role, body](unsigned which) {
                    const auto end = m_.open(role, which);
                    board().places[which].ready = 1;
                    body(*end, board().places[which], which);
                },
                pinned());
    }
    End& here(Role role) {
        if (pinned()) pin(0);
        end_ = m_.open(role, 0);
        others_.wait_ready();
        begin_ = others_.cost();
        return *end_;
    }
    void begin() { begin_ = others_.cost(); }
    /// What all have cost since begin(), a message.
    void cost(Taken& t, double messages) {
        const auto now = others_.cost();
        t.cpu_ns = (now.cpu_ns - begin_.cpu_ns) / messages;
        t.switches = (now.switches - begin_.switches) / messages;
    }

private:
    bool pinned() const { return !m_.own_threads && w_.parties == 2; }
    const Work& w_;
    Means& m_;
    Prepared prepared_;  // outlives the others
    Others others_;
    std::unique_ptr<End> end_;
    Others::Cost begin_{};
};

std::vector<std::byte> room_for(const Work& w) {
    return std::vector<std::byte>(std::max<std::size_t>(w.size, 1), std::byte{1});
}
std::vector<std::byte> message_of(const Work& w) { return std::vector<std::byte>(w.size, std::byte{1}); }

// ---------------------------------------------------------------- two

void latency(const Work& w, Means& m, Taken& t) {
    Stage stage(w, m, duel);
    stage.beside(1, Role::second, [&](End& end, Board::Place&, unsigned) {
        auto room = room_for(w);
        for (;;) {
            const auto n = end.recv(room, w.poll);
            touched(room.data());
            end.send(Bytes(room).first(n));
        }
    });
    auto& end = stage.here(Role::first);
    auto out = message_of(w), in = room_for(w);
    const auto once = [&](std::uint64_t n) {
        const auto begin = ticks();
        stamp(out, {begin, n});
        end.send(out);
        end.recv(in, w.poll);
        touched(in.data());
        return ticks() - begin;
    };
    const Until until(w);
    const auto warm = until.warm();
    for (std::uint64_t n = 0; warm.more(n); ++n) once(n);
    stage.begin();
    const Until measured(w);
    for (std::uint64_t n = 0; measured.more(n); ++n) t.times.add(units(once(n), 2)), ++t.messages;
    stage.cost(t, 2.0 * static_cast<double>(t.messages));
}

void throughput(const Work& w, Means& m, Taken& t) {
    if (!m.carries) throw std::runtime_error("carries no message");
    Stage stage(w, m, duel);
    stage.beside(1, Role::second, [&](End& end, Board::Place&, unsigned) {
        auto out = message_of(w);
        for (std::uint64_t n = 0;; ++n) {
            stamp(out, {0, n});
            end.send(out);
        }
    });
    auto& end = stage.here(Role::first);
    auto in = room_for(w);
    const std::uint64_t part = w.size > 4096 ? 1 : 32;
    std::uint64_t next = 0;
    const auto some = [&] {
        for (std::uint64_t i = 0; i < part; ++i) {
            end.recv(in, w.poll);
            Stamp s{};
            if (w.size < sizeof s) continue;
            std::memcpy(&s, in.data(), sizeof s);
            if (s.number > next) t.lost += s.number - next;
            next = s.number + 1;
        }
    };
    some();
    const Until until(w);
    const auto warm = until.warm();
    for (std::uint64_t n = 0; warm.more(n); n += part) some();
    t.lost = 0;
    stage.begin();
    const Until measured(w);
    const auto begin = ticks();
    while (measured.more(t.messages)) some(), t.messages += part;
    t.ns = static_cast<double>(ticks() - begin) * ns_a_tick() / static_cast<double>(t.messages);
    stage.cost(t, static_cast<double>(t.messages));
    t.bytes = t.messages * w.size;
}

// One that sleeps is told, after nothing happened for a while.
void wakeup(const Work& w, Means& m, Taken& t) {
    Stage stage(w, m, duel);
    auto& b = stage.board();
    stage.beside(1, Role::second, [&](End& end, Board::Place& mine, unsigned) {
        auto room = room_for(w);
        for (std::uint64_t n = 0;; ++n) {
            end.recv(room, false);
            if (n > 0) b.times[0].add(units(ticks() - b.sent_at.load()));
            mine.count.store(n + 1);
        }
    });
    auto& end = stage.here(Role::first);
    auto out = message_of(w);
    const auto gap = ticks_of(w.gap);
    const Until until(w);
    std::uint64_t n = 0;
    for (; n < 3 || until.more(n - 1); ++n) {
        sleep_until(ticks() + gap);
        stamp(out, {0, n});
        b.sent_at = ticks();
        end.send(out);
        for (const auto begin = ticks(); b.places[0].count <= n;) {
            stage.others().check();
            if (ticks() - begin > ticks_of(2s)) throw std::runtime_error("no message came in 2 s");
            usleep(20);
        }
        if (n == 0) stage.begin();
    }
    t.messages = n - 1;
    t.times = b.times[0];
    stage.cost(t, static_cast<double>(t.messages));
}

// So many a second, and each is as late as it comes after it should have been sent: who is held up hides nothing.
void rate(const Work& w, Means& m, Taken& t) {
    Stage stage(w, m, duel);
    auto& b = stage.board();
    const double apart = 1e9 / (w.rate > 0 ? w.rate : 1000) / ns_a_tick();
    stage.beside(1, Role::second, [&](End& end, Board::Place& mine, unsigned) {
        auto room = room_for(w);
        for (std::uint64_t n = 0;; ++n) {
            end.recv(room, w.poll);
            const auto now = ticks();
            Stamp s{b.sent_at.load() + static_cast<std::uint64_t>(static_cast<double>(n) * apart), n};
            if (m.carries && w.size >= sizeof s) std::memcpy(&s, room.data(), sizeof s);
            b.times[0].add(units(now > s.at ? now - s.at : 0));
            mine.count.store(n + 1);
        }
    });
    auto& end = stage.here(Role::first);
    auto out = message_of(w);
    stage.begin();
    const auto begin = ticks() + ticks_of(1ms);
    b.sent_at = begin;
    const auto all = w.messages ? w.messages
                                : std::max<std::uint64_t>(
                                      10, static_cast<std::uint64_t>(static_cast<double>(ticks_of(w.time)) / apart));
    for (std::uint64_t n = 0; n < all; ++n) {
        const auto at = begin + static_cast<std::uint64_t>(static_cast<double>(n) * apart);
        sleep_until(at);
        stamp(out, {at, n});
        end.send(out);
    }
    for (const auto last = ticks(); b.places[0].count < all && ticks() - last < ticks_of(m.lossless ? 2s : 50ms);) {
        stage.others().check();
        usleep(100);
    }
    const auto took = static_cast<double>(ticks() - begin) * ns_a_tick();
    t.messages = b.places[0].count;
    t.lost = all - t.messages;
    t.times = b.times[0];
    t.ns = took / static_cast<double>(std::max<std::uint64_t>(t.messages, 1));
    stage.cost(t, static_cast<double>(std::max<std::uint64_t>(t.messages, 1)));
}

// ---------------------------------------------------------------- many

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

void fan_out(const Work& w, Means& m, Taken& t) { spread(w, m, t, fan, Role::publisher, Role::subscriber, true); }
void work_queue(const Work& w, Means& m, Taken& t) { spread(w, m, t, queue, Role::producer, Role::worker, false); }

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

// Beside the client that is measured, others ask as fast as they can.
void request_reply(const Work& w, Means& m, Taken& t) {
    Stage stage(w, m, request);
    auto& b = stage.board();
    const auto clients = std::min(std::max(w.parties, 2u) - 1, Board::most);
    stage.beside(1, Role::server, [&](End& end, Board::Place&, unsigned) {
        auto room = room_for(w);
        for (;;) end.serve(room);
    });
    while (b.places[0].ready == 0) {
        stage.others().check();
        usleep(100);
    }
    for (unsigned i = 1; i < clients; ++i)
        stage.others().start(
            i,
            [&](unsigned which) {
                const auto end = m.open(Role::client, which);
                b.places[which].ready = 1;
                auto out = message_of(w), in = room_for(w);
                for (;;) {
                    end->send(out);
                    end->recv(in, false);
                    b.places[which].count.fetch_add(1);
                }
            },
            false);
    auto& end = stage.here(Role::client);
    auto out = message_of(w), in = room_for(w);
    const auto once = [&] {
        const auto begin = ticks();
        end.send(out);
        end.recv(in, false);
        touched(in.data());
        return ticks() - begin;
    };
    const auto others = [&] {
        std::uint64_t all = 0;
        for (unsigned i = 1; i < clients; ++i) all += b.places[i].count;
        return all;
    };
    const Until until(w);
    const auto warm = until.warm();
    for (std::uint64_t n = 0; warm.more(n); ++n) once();
    stage.begin();
    const auto before = others(), begin = ticks();
    const Until measured(w);
    for (std::uint64_t n = 0; measured.more(n); ++n) t.times.add(units(once())), ++t.messages;
    t.messages += others() - before;
    t.ns = static_cast<double>(ticks() - begin) * ns_a_tick() / static_cast<double>(t.messages);
    stage.cost(t, static_cast<double>(t.messages));
}

// ---------------------------------------------------------------- the slow paths

// From nothing to the first message, in ticks.
std::uint64_t opened_and_heard(const Work& w, Means& m) {
    Stage stage(w, m, duel);
    auto& b = stage.board();
    stage.others().start(
        0,
        [&](unsigned) {
            while (b.go == 0) relax();
            const auto end = m.open(Role::second, 0);
            auto room = room_for(w);
            b.places[0].ready = 1;
            end->recv(room, false);
            b.places[0].count = ticks();
        },
        false);
    const auto begin = ticks();
    b.go = 1;
    const auto end = m.open(Role::first, 0);
    const auto await = [&](const std::atomic<std::uint64_t>& word) {
        while (word == 0) {
            stage.others().check();
            if (ticks() - begin > ticks_of(5s)) throw std::runtime_error("no message came in 5 s");
            usleep(20);  // threads of theirs may need the processor
        }
    };
    await(b.places[0].ready);
    end->send(message_of(w));
    await(b.places[0].count);
    return b.places[0].count - begin;
}

// Each time in a process that has done nothing yet: many a library forbids a fork after its first use.
void open_and_first(const Work& w, Means& m, Taken& t) {
    Others each;
    auto& place = each.board().places[0];
    const Until until(w);
    for (std::uint64_t n = 0; n < 3 || until.more(n); ++n) {
        place.done = 0;
        each.start(0, [&](unsigned) { place.count = opened_and_heard(w, m); }, false);
        while (place.done == 0) {
            each.check();
            usleep(100);
        }
        if (*place.trouble) throw std::runtime_error(place.trouble);
        t.times.add(units(place.count));
        ++t.messages;
        each.end();
    }
}

// What a loan costs, from asking for it until it is let go: both ends in this process.
void loan(const Work& w, Means& m, Taken& t) {
    const Prepared prepared(m, duel, w.parties);
    const auto second = m.open(Role::second, 0), first = m.open(Role::first, 0);
    if (!second->lends() || !first->lends()) throw std::runtime_error("lends no memory");
    const Until until(w);
    for (; until.more(t.messages); ++t.messages) {
        const auto begin = ticks();
        second->send_loan(w.size);
        first->recv_loan();
        t.times.add(units(ticks() - begin));
    }
}

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

// Both ends in this process, which sends itself a message and takes it: nobody waits, so that it is the same
// instructions every time (tools/regress.py counts them).
void alone(const Work& w, Means& m, Taken& t) {
    const Prepared prepared(m, duel, w.parties);
    // Who connects comes first, for nobody else is there to answer him.
    const auto second = m.open(Role::second, 0), first = m.open(Role::first, 0);
    auto out = message_of(w), in = room_for(w);
    const Until until(w);
    const auto begin = ticks();
    for (; until.more(t.messages); ++t.messages) {
        stamp(out, {begin, t.messages});
        second->send(out);
        first->recv(in, false);
    }
    t.ns = static_cast<double>(ticks() - begin) * ns_a_tick() / static_cast<double>(t.messages);
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

constexpr std::array all{
    Workload{"latency", "to and fro, one way: half of it", duel, latency},
    Workload{"rate", "at a fixed rate, from the moment when it should have been sent", duel, rate},
    Workload{"wakeup", "one that sleeps, after a pause", duel, wakeup},
    Workload{"throughput", "one way, as fast as it goes", duel, throughput, true},
    Workload{"fanout", "one tells many", fan, fan_out, true},
    Workload{"queue", "each message to one of many", queue, work_queue, true},
    Workload{"request", "a question and its answer", request, request_reply},
    Workload{"idle", "nobody says anything: cost a second", duel, idle},
    Workload{"open", "from nothing to the first message", duel, open_and_first},
    Workload{"loan", "memory lent, given away and let go again", duel, loan},
    Workload{"crash", "the other is killed: until who waits for it is told", duel, crash},
    Workload{"growth", "what one more subscriber costs", fan, growth, true},
    Workload{"alone", "both ends in one process, which sends to itself", duel, alone},
    Workload{"crowd", "a queue with four workers a processor", queue, work_queue, true},
    Workload{"video", "24 MB sixty times a second to three", fan, fan_out},
};

}  // namespace

std::span<const Workload> workloads() noexcept { return all; }

const Workload* find_workload(std::string_view name) noexcept {
    const auto at = std::ranges::find(all, name, &Workload::name);
    return at == all.end() ? nullptr : &*at;
}

Taken run(const Work& w, Means& m) {
    const auto* load = find_workload(w.workload);
    if (!load) throw std::runtime_error("unknown workload: " + w.workload);
    if (!(m.shapes & load->shape)) throw std::runtime_error(m.name + " does no " + w.workload);
    if (m.largest && w.size > m.largest)
        throw std::runtime_error("messages of up to " + std::to_string(m.largest) + " bytes");
    if (w.parties < 2 || w.parties > Board::most) throw std::runtime_error("2 to 64 processes");
    if (w.poll && !m.polls) throw std::runtime_error("cannot look again and again");
    m.size = load->shape & (fan | queue) ? std::max(w.size, sizeof(Stamp)) : w.size;
    Taken t;
    other_trouble.clear();
    (void)ns_a_tick();  // found out here, and by no process while it measures
    try {
        load->run(w, m, t);
    } catch (const std::exception&) {
        if (other_trouble.empty()) throw;
        throw std::runtime_error(other_trouble);
    }
    return t;
}

}  // namespace wye::measure
