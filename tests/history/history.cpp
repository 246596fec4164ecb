#include "history/history.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

namespace wye::test {

Recorder::Recorder(const std::string& path)
    : fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {}
Recorder::~Recorder() { ::close(fd_); }

void Recorder::sent(std::uint64_t value, Outcome o) {
    const auto line = "s " + std::to_string(value) + " " + static_cast<char>(o) + "\n";
    (void)!::write(fd_, line.data(), line.size());
}
void Recorder::seen(std::uint64_t value, bool again) {
    const auto line = "r " + std::to_string(value) + (again ? " a\n" : " n\n");
    (void)!::write(fd_, line.data(), line.size());
}

std::vector<Event> read_history(const std::string& path) {
    std::vector<Event> all;
    std::ifstream in(path);
    char kind = 0, mark = 0;
    for (std::uint64_t value = 0; in >> kind >> value >> mark;)
        all.push_back(kind == 's' ? Event{Event::Kind::sent, value, static_cast<Outcome>(mark), false}
                                  : Event{Event::Kind::seen, value, Outcome::ok, mark == 'a'});
    return all;
}

Judgement judge(const std::vector<Event>& senders, const std::vector<std::vector<Event>>& readers) {
    Judgement j;
    std::set<std::uint64_t> seen;
    std::map<std::uint64_t, unsigned> firsts;  // times that it came as new
    for (const auto& reader : readers) {
        std::map<std::uint64_t, std::uint64_t> newest;  // of each sender
        for (const auto& e : reader) {
            // Readers come in any order: who was told that it came again may stand before who had it first.
            if (e.again)
                ++j.redelivered;
            else if (firsts[e.value]++ > 0)
                ++j.duplicated;
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

std::vector<Event> as_read(const Replica& r) {
    std::vector<Event> all;
    for (const auto& [place, value] : r) all.push_back({Event::Kind::seen, value});
    return all;
}

std::string Judgement::text() const {
    std::ostringstream s;
    s << sent << " sent: " << ok << " ok, " << failed << " failed, " << unknown << " unknown (" << stored
      << " stored); " << lost.size() << " lost, " << duplicated << " duplicated, " << redelivered << " redelivered, "
      << reordered << " reordered, " << never.size() << " made up, " << impossible.size() << " failed and seen";
    for (std::size_t i = 0; i < lost.size() && i < 5; ++i)
        s << (i ? ", " : "; lost: ") << (lost[i] >> 32) << "-" << (lost[i] & 0xffffffff);
    return s.str();
}

}  // namespace wye::test
