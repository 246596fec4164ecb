#include "transport/shm_ring/state.hpp"

#include "os/processors.hpp"

#include <new>

namespace wye::shm {

using namespace std::chrono_literals;
using ring::Shape;

void Forget::operator()(State* s) const noexcept { delete s; }

// ---------------------------------------------------------------- the pages

namespace {

constexpr std::uint32_t word_bytes = sizeof(void*) << 8 | (std::endian::native == std::endian::little ? 1 : 2);
constexpr std::size_t longest_name = 196;  // its banks' have a dot and a number more
constexpr std::size_t apart = 128;
constexpr std::size_t up(std::size_t n) { return (n + apart - 1) / apart * apart; }

// Where each part begins, from the beginning of the content; the last is the size.
struct Plan {
    std::size_t header, table, cursors, lanes, cells, slots, end;

    explicit Plan(const ring::Geometry& g) {
        header = apart - SharedSegment::head;
        table = up(header + SharedSegment::head + sizeof(ring::Header)) - SharedSegment::head;
        cursors = up(table + SharedSegment::head + g.participants * sizeof(Participants::Slot)) - SharedSegment::head;
        lanes = cursors + cursors_of(g) * sizeof(ring::Cursor);
        cells = lanes + g.lanes * sizeof(ring::LaneHeader);
        slots = cells + g.cells * sizeof(ring::Cell);
        end = slots + std::size_t{g.lanes} * g.granules * ring::granule;
    }
    static std::size_t cursors_of(const ring::Geometry& g) {
        return g.shape == Shape::stream ? 1 : g.shape == Shape::broadcast ? g.participants : 0;
    }
};

std::size_t bytes_of_lane(const ShmShape& o) { return o.bytes != 0 ? o.bytes : o.shape == Shape::queue ? 8192 : 65536; }

ring::Geometry geometry_of(const ShmShape& o) {
    ring::Geometry g{};
    g.version = ring::layout_version, g.word_bytes = word_bytes, g.shape = o.shape, g.start = o.start;
    const bool queue = o.shape == Shape::queue;
    g.lanes = queue && !o.strict ? o.lanes : 1;
    g.granules = static_cast<std::uint32_t>(bytes_of_lane(o) / ring::granule);
    g.participants = o.participants != 0 ? o.participants : queue ? 48 : o.shape == Shape::stream ? 8 : 128;
    g.cells = queue ? ring::longest_run * g.participants : 0;
    g.strict = queue && o.strict;
    g.most_deliveries = o.most_deliveries;
    g.id = sys::unique_mark();
    return g;
}

bool sane(const ring::Geometry& g) {
    return g.shape >= Shape::stream && g.shape <= Shape::queue && g.lanes >= 1 && g.lanes <= ring::most_lanes &&
           std::has_single_bit(g.granules) && g.granules >= 32 && g.granules <= 1u << 24 && g.participants >= 2 &&
           g.participants <= 4096 && g.cells <= 4 * 4096 && g.features == 0 &&
           (g.shape == Shape::queue) == (g.cells > 0);
}

void begin(const Pages& p) {
    for (const auto& l : p.lanes) ring::begin_lane(l, p.g.start);
    if (p.g.shape != Shape::stream) return;
    auto& c = p.cursors.cursors[0];
    c.head.store(p.g.start, ring::order::relaxed);
    c.done.store(p.g.start, ring::order::relaxed);
    c.policy.store(static_cast<std::uint32_t>(ring::Policy::block), ring::order::relaxed);
}

void place(Pages& p, std::byte* content) {
    const Plan plan(p.g);
    p.header = reinterpret_cast<ring::Header*>(content + plan.header);
    p.table = reinterpret_cast<Participants::Slot*>(content + plan.table);
    p.cursors = {p.header, reinterpret_cast<ring::Cursor*>(content + plan.cursors),
                 static_cast<std::uint32_t>(Plan::cursors_of(p.g))};
    for (std::uint32_t i = 0; i < p.g.lanes; ++i)
        p.lanes.push_back({reinterpret_cast<ring::LaneHeader*>(content + plan.lanes) + i,
                           reinterpret_cast<ring::Slot*>(content + plan.slots) + std::size_t{i} * p.g.granules,
                           p.g.granules});
    p.cells = {reinterpret_cast<ring::Cell*>(content + plan.cells), p.g.cells};
}

}  // namespace

SharedSegment::Shape Pages::any() { return {.kind = "ring", .layout = ring::layout_version}; }

Result<> Pages::check(const ShmShape& o) {
    if (const auto n = bytes_of_lane(o); !std::has_single_bit(n) || n < 2048 || n > std::size_t{1} << 30)
        return refuse(Errc::unsupported, std::to_string(n) + ": a ring has a power of two of bytes, 2K to 1G");
    if (o.participants == 1 || o.participants > 4096)
        return refuse(Errc::unsupported, "a ring has room for 2 to 4096 participants");
    if (o.lanes < 1 || o.lanes > ring::most_lanes) return refuse(Errc::unsupported, "a queue has 1 to 64 lanes");
    if (o.most_deliveries > 255) return refuse(Errc::unsupported, "a job is delivered up to 255 times");
    return {};
}

Result<Pages> Pages::open(const std::string& name, const ShmShape& o, Create create) {
    WYE_CHECK(check(o));
    if (name.size() > longest_name)
        return refuse(Errc::bad_address,
                      "\"" + name + "\": a ring's name has up to " + std::to_string(longest_name) + " letters");
    const auto wanted = geometry_of(o);
    auto shape = any();
    shape.participants = wanted.participants, shape.capacity = wanted.granules;
    shape.size = SharedSegment::head + Plan(wanted).end;
    Pages p;
    p.name = name;
    WYE_TRY(p.segment, SharedSegment::open(name, shape, create, [&](std::byte* content) {
                Pages fresh;
                fresh.g = wanted;
                place(fresh, content);
                new (fresh.header) ring::Header{};
                fresh.header->geometry = wanted;
                begin(fresh);
            }));
    const auto& s = p.segment.geometry();
    const auto wrong = [&](const char* what) { return refuse(Errc::mismatch, "shm:" + name + ": " + what); };
    if (s.size < SharedSegment::head + Plan({}).end) return wrong("too small for a ring");
    std::memcpy(&p.g, p.segment.content() + Plan({}).header, sizeof p.g);
    if (p.g.version != ring::layout_version || p.g.word_bytes != word_bytes)
        return wrong("made by another version, or for another kind of processor");
    if (!sane(p.g) || s.size != SharedSegment::head + Plan(p.g).end) return wrong("its header contradicts its size");
    place(p, p.segment.content());
    return p;
}

Result<Pages> Pages::open_queue(const std::string& name, ShmShape o, Create create) {
    o.shape = Shape::queue;
    WYE_TRY(auto p, open(name, o, create));
    WYE_CHECK(p.must_be(true));
    return p;
}

Result<> Pages::must_be(bool queue) const {
    if ((g.shape == Shape::queue) == queue) return {};
    return refuse(Errc::mismatch, "shm:" + name + (queue ? ": is no queue; shape=queue makes one" : ": is a queue"));
}

// ---------------------------------------------------------------- waiting

std::chrono::nanoseconds Patience::most() noexcept {
    // With one processor whoever could end the wait cannot run while we look.
    return sys::processors() == 1 ? 0ns : 20us;
}

void Patience::learn(bool worth_it) noexcept {
    if (budget_ == 0ns) return;
    budget_ = worth_it ? std::min(budget_ * 2, std::chrono::nanoseconds(20us))
                       : std::max(budget_ / 2, std::chrono::nanoseconds(300ns));
}

void State::wake(ring::Bell& b, int most) noexcept {
    ring::wake_by(b, most, [&](auto& event, int n) {
        const auto woken = sys::futex_wake(event, n);
        ring::fence(ring::order::reuse);  // what was announced was armed before
        if (b.armed.load(ring::order::relaxed) != 0) ringing.ring(pages.name, all, bit_of(b));
        return woken;
    });
}

int State::handle() noexcept {
    if (!watch)
        if (auto w = Watch::open(pages.name, self.slot)) watch = std::move(*w);
    return watch ? watch->fd() : -1;
}

// ---------------------------------------------------------------- participants

State::~State() {
    if (watch && !ours()) watch->forget();
    if (!joined || !ours()) return;
    watch.reset();  // while its place is ours: the next one there has a bell of the same name
    all.leave(self);
    tell_everybody();  // afterwards: who counts whether anybody is left must not have looked too soon
}

Result<> State::check_ours(const char* op) const {
    if (ours()) return {};
    return refuse(Errc::unsupported,
                  std::string(op) + ": shm:" + pages.name + " was opened before fork(); the child opens its own");
}

Result<> State::join(Role role) {
    WYE_TRY(self, all.join([this](Participants::Mark dead) { repair(dead); }, static_cast<std::uint32_t>(role)));
    joined = true;
    tell_everybody();  // who sleeps by descriptors watches those whom it knows
    return {};
}

Result<> State::claim(ring::Atomic<std::uint32_t>& word, const char* what) {
    std::uint32_t seen = 0;
    if (word.compare_exchange_strong(seen, self.word(), ring::order::claim)) return {};
    (void)bury_dead();
    seen = 0;
    if (word.compare_exchange_strong(seen, self.word(), ring::order::claim)) return {};
    const auto pid = all.pid_of(Participants::Mark::of(seen));
    return refuse(Errc::busy, "shm:" + pages.name + ": another process " + what +
                                  (pid > 0 ? " (pid " + std::to_string(pid) + ")" : std::string()));
}

void State::tell_everybody() noexcept {
    ring::fence(ring::order::look_for_sleepers);
    ringer(pages.header->data, sys::every_sleeper)();
    ringer(pages.header->space, sys::every_sleeper)();
}

void State::unmake() noexcept {
    if (pages.segment.made()) (void)SharedSegment::remove(pages.name, Pages::any(), {}, {});
}

bool State::bury_dead() {
    return ours() && all.bury_all(self, [this](Participants::Mark dead) { repair(dead); });
}

// With the lock of the dead one's place held, and again from the start if we die too.
void State::repair(Participants::Mark dead) noexcept {
    const auto mark = dead.word();
    const auto& p = pages;
    for (const auto& l : p.lanes) {
        auto seen = mark;
        if (l.header->writer.load(ring::order::claim) != mark) continue;
        if (p.g.strict) {  // the hint that it had no time to give: with enough such deaths the lane would go round it
            ring::Place end{l.header->tail.load(ring::order::relaxed)};
            ring::walk(l, end, [](const ring::Message&, std::uint64_t) {});
            l.header->tail.store(end.position, ring::order::relaxed);
        }
        l.header->fate.store(static_cast<std::uint32_t>(ring::Fate::died), ring::order::relaxed);
        l.header->gone.fetch_add(1, ring::order::give_back);
        l.header->writer.compare_exchange_strong(seen, 0, ring::order::unclaim);
    }
    for (std::uint32_t i = 0; i < p.cursors.count; ++i) {
        auto& c = p.cursors.cursors[i];
        if (c.mark.load(ring::order::claim) != mark) continue;
        c.fate.store(static_cast<std::uint32_t>(ring::Fate::died), ring::order::give_back);
        if (p.g.shape == Shape::broadcast) {
            ring::vacate(p.cursors, c);
            continue;
        }
        for (auto& k : c.kept) k.store(0, ring::order::relaxed);
        c.mark.store(0, ring::order::unclaim);
    }
    if (!p.cells.empty()) {
        ring::repair_queue(p.queue(), mark);
        if (all.role_of(dead) == static_cast<std::uint32_t>(Role::reader))
            p.header->worker_fate.store(static_cast<std::uint32_t>(ring::Fate::died), ring::order::give_back);
    }
    (void)sys::unlink(SharedSegment::beside("bell", p.name, dead.slot).c_str());
    for (auto& b : p.header->bank) {
        auto seen = mark;
        b.owner.compare_exchange_strong(seen, 0, ring::order::unclaim);
    }
    tell_everybody();
}

}  // namespace wye::shm
