#include "history/history.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <set>
#include <sstream>

namespace wye::test {

Recorder::Recorder(const std::string& path)
    : fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {}
Recorder::~Recorder() { ::close(fd_); }

void Recorder::sent(std::uint64_t value, Outcome o) { line('s', value, static_cast<char>(o), 0); }
void Recorder::seen(std::uint64_t value, bool again, std::uint64_t place) {
    line('r', value, again ? 'a' : 'n', place);
}
void Recorder::done(std::uint64_t value, Outcome o, std::uint64_t place) {
    line('d', value, static_cast<char>(o), place);
}
void Recorder::line(char kind, std::uint64_t value, char mark, std::uint64_t place) {
    const auto time = std::chrono::steady_clock::now().time_since_epoch().count();
    std::ostringstream s;
    s << kind << ' ' << value << ' ' << mark << ' ' << place << ' ' << time << '\n';
    const auto text = s.str();
    (void)!::write(fd_, text.data(), text.size());
}

std::vector<Event> read_history(const std::string& path) {
    std::vector<Event> all;
    std::ifstream in(path);
    char kind = 0, mark = 0;
    std::uint64_t value = 0, place = 0, time = 0;
    while (in >> kind >> value >> mark >> place >> time) {
        Event e{static_cast<Event::Kind>(kind), value, Outcome::ok, false, place, time};
        if (e.kind == Event::Kind::seen)
            e.again = mark == 'a';
        else
            e.outcome = static_cast<Outcome>(mark);
        all.push_back(e);
    }
    return all;
}

namespace {

// Readers stand in any order: what came first is said by the clock, and among equals by where it stands.
std::vector<Twice> came_twice(const std::vector<std::vector<Event>>& readers) {
    std::multimap<std::uint64_t, Event> all;
    for (const auto& r : readers)
        for (const auto& e : r) all.emplace(e.time, e);
    std::map<std::uint64_t, Event> firsts;
    std::set<std::uint64_t> done;
    std::vector<Twice> twice;
    for (const auto& [time, e] : all) {
        if (e.kind == Event::Kind::done && e.outcome == Outcome::ok) done.insert(e.value);
        if (e.kind != Event::Kind::seen || e.again) continue;
        const auto [first, is_first] = firsts.emplace(e.value, e);
        if (is_first) continue;
        const auto& f = first->second;
        twice.push_back(
            {e.value, f.place, e.place, done.contains(e.value), static_cast<double>(e.time - f.time) / 1e9});
    }
    return twice;
}

}  // namespace

Judgement judge(const std::vector<Event>& senders, const std::vector<std::vector<Event>>& readers) {
    Judgement j;
    std::set<std::uint64_t> seen;
    j.twice = came_twice(readers);
    j.duplicated = j.twice.size();
    for (const auto& reader : readers) {
        std::map<std::uint64_t, std::uint64_t> newest;  // of each sender
        for (const auto& e : reader) {
            if (e.kind != Event::Kind::seen) continue;
            j.redelivered += e.again;
            seen.insert(e.value);
            auto& last = newest[e.value >> 32];
            if (e.value < last && !e.again) ++j.reordered;
            last = std::max(last, e.value);
        }
    }
    std::set<std::uint64_t> sent;
    for (const auto& e : senders) {
        ++j.sent;
        sent.insert(e.value);
        const bool there = seen.contains(e.value);
        if (e.outcome == Outcome::ok) {
            ++j.ok;
            if (!there) j.lost.push_back(e.value);
        } else if (e.outcome == Outcome::unknown) {
            ++j.unknown;
            j.stored += there;
        } else {
            ++j.failed;
            if (there) j.impossible.push_back(e.value);
        }
    }
    for (const auto value : seen)
        if (!sent.contains(value)) j.never.push_back(value);
    return j;
}

std::vector<std::uint64_t> diverged(const std::vector<Replica>& replicas) {
    std::set<std::uint64_t> places;
    for (const auto& r : replicas)
        for (const auto& [place, value] : r)
            for (const auto& other : replicas)
                if (const auto at = other.find(place); at == other.end() || at->second != value) places.insert(place);
    return {places.begin(), places.end()};
}

std::vector<std::uint64_t> undecided(const std::vector<Replica>& replicas) {
    auto places = diverged(replicas);
    std::erase_if(places, [&](std::uint64_t place) {
        std::map<std::uint64_t, std::size_t> have;  // what, or nothing, and how many have it
        for (const auto& r : replicas) ++have[r.contains(place) ? r.at(place) : 0];
        return std::ranges::any_of(have, [&](const auto& h) { return 2 * h.second > replicas.size(); });
    });
    return places;
}

std::vector<Event> as_read(const Replica& r) {
    std::vector<Event> all;
    for (const auto& [place, value] : r) all.push_back({Event::Kind::seen, value, Outcome::ok, false, place});
    return all;
}

std::string Judgement::text() const {
    std::ostringstream s;
    s << sent << " sent: " << ok << " ok, " << failed << " failed, " << unknown << " unknown (" << stored
      << " stored); " << lost.size() << " lost, " << duplicated << " duplicated, " << redelivered << " redelivered, "
      << reordered << " reordered, " << never.size() << " made up, " << impossible.size() << " failed and seen";
    const auto name = [&](std::uint64_t v) { s << (v >> 32) << "-" << (v & 0xffffffff); };
    for (std::size_t i = 0; i < lost.size() && i < 5; ++i) name((s << (i ? ", " : "; lost: "), lost[i]));
    if (twice.empty()) return s.str();
    const auto kept = std::ranges::count_if(twice, &Twice::kept_twice),
               noted = std::ranges::count_if(twice, &Twice::was_done);
    s << "; of the duplicated " << duplicated - static_cast<std::uint64_t>(kept)
      << " were handed out twice from one place and " << kept << " kept at two; " << noted << " had been noted as done";
    for (std::size_t i = 0; i < twice.size() && i < 5; ++i) {
        const auto& t = twice[i];
        name((s << (i ? ", " : ": "), t.value));
        s << " at " << t.first_place;
        if (t.kept_twice()) s << " and " << t.place;
        s << ", " << t.seconds_later << " s later" << (t.was_done ? ", when it had been noted as done" : "");
    }
    return s.str();
}

}  // namespace wye::test
