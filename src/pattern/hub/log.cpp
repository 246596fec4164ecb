#include "pattern/hub/log.hpp"

#include "wye/pattern/topic.hpp"

#include <algorithm>
#include <deque>

namespace wye::hub {

void Log::write(std::uint64_t at, const std::byte* from, std::size_t n) noexcept {
    const auto place = static_cast<std::size_t>(at % size_), first = std::min(n, size_ - place);
    copy_bytes(ring_.get() + place, from, first);
    if (n > first) copy_bytes(ring_.get(), from + first, n - first);
}

void Log::put(const Front& f, Bytes body) noexcept {
    const auto bytes = f.size + body.size() + f.padding;
    for (const auto least = begin_after(bytes); begin_.at < least;) begin_ = next(begin_);
    write(end_.at, f.bytes, f.size);
    if (!body.empty()) write(end_.at + f.size, body.data(), body.size());
    static constexpr std::byte zeros[8]{};
    if (f.padding) write(end_.at + f.size + body.size(), zeros, f.padding);
    end_ = {end_.at + bytes, end_.number + 1};
}

std::string_view Log::topic(std::uint64_t at, char (&room)[256]) const noexcept {
    // The head and the sequence lie in two words, and no word on both ends; the topic may.
    std::uint64_t head;
    std::memcpy(&head, ring_.get() + at % size_, 8);
    const auto n = static_cast<std::size_t>(big_endian(head) >> 16 & 255);
    const auto place = static_cast<std::size_t>((at + 16) % size_);
    const auto* there = reinterpret_cast<const char*>(ring_.get());
    if (place + n <= size_) return {there + place, n};
    std::memcpy(room, there + place, size_ - place);
    std::memcpy(room + size_ - place, there, n - (size_ - place));
    return {room, n};
}

std::size_t Log::pieces(std::uint64_t from, std::uint64_t to, iovec* into) const noexcept {
    const auto place = static_cast<std::size_t>(from % size_), n = static_cast<std::size_t>(to - from);
    const auto first = std::min(n, size_ - place);
    into[0] = {ring_.get() + place, first};
    if (n == first) return 1;
    into[1] = {ring_.get(), n - first};
    return 2;
}

void Log::copy(std::uint64_t from, std::uint64_t to, std::byte* into) const noexcept {
    iovec v[2];
    const auto n = pieces(from, to, v);
    for (std::size_t i = 0; i < n; ++i) {
        std::memcpy(into, v[i].iov_base, v[i].iov_len);
        into += v[i].iov_len;
    }
}

bool Reader::wants(const Log& log, std::uint64_t at) const noexcept {
    char room[256];
    return everything() || matches(filter, log.topic(at, room));
}

void Reader::catch_up(const Log& log) noexcept {
    if (place.at >= log.begin().at) return;
    missed += log.begin().number - place.number;
    place = log.begin();
}

void Reader::to_newest(const Log& log) noexcept {
    catch_up(log);
    auto newest = log.end();
    std::uint64_t seen = 0;
    for (auto p = place; p.at != log.end().at; p = log.next(p))
        if (wants(log, p.at)) newest = p, ++seen;
    place = newest;
    if (seen > 1) missed += seen - 1;
}

void Reader::go_back(const Log& log, std::uint64_t back) {
    place = log.end();
    if (back == 0) return;
    std::deque<Log::Place> last;
    for (auto p = log.begin(); p.at != log.end().at; p = log.next(p)) {
        if (!wants(log, p.at)) continue;
        last.push_back(p);
        if (last.size() > back) last.pop_front();
    }
    if (!last.empty()) place = last.front();
}

void Reader::pass_over(const Log& log) noexcept {
    catch_up(log);
    if (everything()) return;
    while (place.at != log.end().at && !wants(log, place.at)) place = log.next(place);
}

}  // namespace wye::hub
