// What the tests of the ring need again and again: a ring of a name that is gone afterwards, and one without any file.
#pragma once
#include "wye/transport/shm_ring.hpp"

#include "support/support.hpp"
#include "transport/shm_ring/state.hpp"

#include <unistd.h>

#include <vector>

namespace wye::test {

using namespace std::chrono_literals;
using ring::Policy, ring::Shape;

/// A name, and whatever lies there under it removed at the end.
struct NamedRing {
    std::string name = unique_name("ring");
    ShmOptions how;

    explicit NamedRing(ShmShape made = {}) : how{.made = made} {}
    NamedRing(const NamedRing&) = delete;
    NamedRing& operator=(const NamedRing&) = delete;
    ~NamedRing() {
        (void)remove();
        (void)::unlink(path().c_str());  // where a test spoiled it
        for (const auto kind : {"loan", "bell"}) SharedSegment::remove_beside(kind, name);
    }
    Uri uri(const std::string& parameters = "") const { return or_throw(Uri::parse("shm:" + name + parameters)); }
    Result<> remove() const { return shm_ring_mechanism.remove(uri(), {}); }
    static std::string directory() { return "/dev/shm/wye-" + std::to_string(::geteuid()); }
    std::string path() const { return directory() + "/ring." + name; }

    ShmWriter writer() const { return or_throw(ShmWriter::open(name, how)); }
    ShmReader reader() const { return or_throw(ShmReader::open(name, how)); }
    ShmReader reader(Policy p, std::uint64_t history = 0, unsigned patience_ms = 100) const {
        auto o = how;
        o.policy = p, o.history = history, o.patience_ms = patience_ms;
        return or_throw(ShmReader::open(name, o));
    }
    ShmProducer producer() const { return or_throw(ShmProducer::open(name, how)); }
    ShmWorker worker() const { return or_throw(ShmWorker::open(name, how)); }
    /// The bytes themselves, as another participant sees them.
    shm::Pages pages() const { return or_throw(shm::Pages::open(name, {}, Create::never)); }
};

/// A lane, its cursors and cells in this process's own memory.
struct LocalRing {
    std::vector<ring::LaneHeader> headers;
    std::vector<ring::Slot> slots;
    std::vector<ring::LaneView> lanes;
    std::vector<ring::Cursor> places;
    std::vector<ring::Cell> cells;
    ring::Header header{};

    explicit LocalRing(std::uint64_t granules, std::uint64_t start = 0, std::size_t readers = 1,
                       std::size_t lane_count = 1, std::size_t cell_count = 0)
        : headers(lane_count), slots(lane_count * granules), places(readers), cells(cell_count) {
        for (std::size_t i = 0; i < lane_count; ++i) {
            lanes.push_back({&headers[i], &slots[i * granules], granules});
            ring::begin_lane(lanes.back(), start);
        }
    }
    LocalRing(const LocalRing&) = delete;
    LocalRing& operator=(const LocalRing&) = delete;

    const ring::LaneView& lane() const { return lanes[0]; }
    ring::CursorsView cursors() { return {&header, places.data(), static_cast<std::uint32_t>(places.size())}; }
    ring::Gate gate() { return ring::Gate(cursors(), lane().granules); }
    ring::QueueView queue(std::uint32_t most_deliveries = 0) { return {&header, lanes, cells, most_deliveries}; }
};

/// Bytes that say which message they are, however long.
inline std::string payload(std::uint64_t number, std::size_t n) {
    std::string s(n, '\0');
    const auto mixed = (number + 1) * 0x9e3779b97f4a7c15;
    for (std::size_t i = 0; i < n; ++i) s[i] = static_cast<char>((mixed >> i % 8 * 8) + (i >> 3) + (i >> 11));
    return s;
}

template <class Lowest>
bool put(ring::LaneWriter& w, std::string_view s, Lowest&& lowest) {
    return w.put(ring::Kind::bytes, s.size(), lowest, ring::CopyOf{bytes_of(s)});
}

/// For any message of these tests. The first use in a thread takes milliseconds.
inline std::vector<std::byte>& room() {
    static thread_local std::vector<std::byte> into(std::size_t{8} << 20);
    return into;
}

template <class End>
std::string receive(End& r, Deadline d = Deadline::now()) {
    const auto got = r.recv(room(), d);
    return got ? std::string(text_of(*got)) : "error: " + std::string(name(got.error().kind()));
}

}  // namespace wye::test
