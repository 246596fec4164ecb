#include "measure/loads.hpp"
#include "measure/stage.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace wye::measure {

namespace {

using namespace std::chrono_literals;

// Which numbers came, where messages are long enough to have one.
class Missing {
public:
    void came(Bytes b) {
        Stamp s{};
        if (b.size() < sizeof s) return;
        std::memcpy(&s, b.data(), sizeof s);
        if (s.number > next_) lost += s.number - next_;
        next_ = s.number + 1;
    }
    std::uint64_t lost = 0;

private:
    std::uint64_t next_ = 0;
};

}  // namespace

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
    Missing missing;
    const auto some = [&] {
        for (std::uint64_t i = 0; i < part; ++i) {
            end.recv(in, w.poll);
            if (w.size > 0) missing.came(in);
        }
    };
    some();
    const Until until(w);
    const auto warm = until.warm();
    for (std::uint64_t n = 0; warm.more(n); n += part) some();
    missing.lost = 0;
    stage.begin();
    const Until measured(w);
    const auto begin = ticks();
    while (measured.more(t.messages)) some(), t.messages += part;
    t.ns = static_cast<double>(ticks() - begin) * ns_a_tick() / static_cast<double>(t.messages);
    t.lost = missing.lost;
    stage.cost(t, static_cast<double>(t.messages));
    t.bytes = t.messages * w.size;
}

// Each message is made and copied out as where they go one at a time.
void batched(const Work& w, Means& m, Taken& t) {
    const auto most = std::max<std::uint64_t>(w.at_once, 1);
    Stage stage(w, m, duel);
    stage.beside(1, Role::second, [&](End& end, Board::Place&, unsigned) {
        std::vector<std::vector<std::byte>> all(most, message_of(w));
        const std::vector<Bytes> seen(all.begin(), all.end());
        for (std::uint64_t n = 0;;) {
            for (auto& one : all) stamp(one, {0, n++});
            for (std::size_t done = 0; done < most;) done += end.send_many(std::span(seen).subspan(done));
        }
    });
    auto& end = stage.here(Role::first);
    auto in = room_for(w);
    Missing missing;
    const auto some = [&] {
        return end.recv_many(most, [&](Bytes b) {
            std::memcpy(in.data(), b.data(), std::min(in.size(), b.size()));
            missing.came(b);
        });
    };
    const Until until(w);
    const auto warm = until.warm();
    for (std::uint64_t n = some(); warm.more(n); n += some()) {}
    missing.lost = 0;
    stage.begin();
    const Until measured(w);
    const auto begin = ticks();
    while (measured.more(t.messages)) t.messages += some();
    t.ns = static_cast<double>(ticks() - begin) * ns_a_tick() / static_cast<double>(t.messages);
    t.lost = missing.lost;
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

}  // namespace wye::measure
