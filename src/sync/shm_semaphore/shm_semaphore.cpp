// A counting semaphore in shared pages; a unit is a word.
#include "wye/sync/shm_semaphore.hpp"

#include "io/participants.hpp"
#include "io/shared_segment.hpp"
#include "os/fork.hpp"

#include <algorithm>
#include <mutex>
#include <span>

namespace wye {

using namespace std::chrono_literals;

namespace {

constexpr std::uint32_t free_unit = 0, no_unit = 1;  // else the mark of who holds it
constexpr std::uint32_t participants = 256, least_capacity = 64, most_capacity = 65536;
constexpr auto look_every = 50ms;

using Word = std::atomic<std::uint32_t>;

struct Layout {
    alignas(64) Word event;      // grows with each wake: what sleepers sleep on
    alignas(64) Word announced;  // not 0: somebody may sleep
    Participants::Slot slots[participants];
    Word* units() noexcept { return reinterpret_cast<Word*>(this + 1); }  // as many as the capacity
};

SharedSegment::Shape shape_of(std::uint32_t capacity) {
    return {.kind = "sem",
            .participants = participants,
            .capacity = capacity,
            .size = SharedSegment::head + sizeof(Layout) + capacity * sizeof(Word)};
}

}  // namespace

struct ShmSemaphore::State {
    SharedSegment segment;
    Layout& shared;
    std::uint32_t capacity;
    Participants all;
    Participants::Mark self{};
    bool joined = false;  // without a place of our own `self` would be somebody else's
    std::uint64_t generation = sys::fork_generation();
    Word hint{0};  // where a unit was last seen free
    std::mutex looking;

    explicit State(SharedSegment s)
        : segment(std::move(s)),
          shared(*reinterpret_cast<Layout*>(segment.content())),
          capacity(segment.geometry().capacity),
          all(shared.slots, participants, segment.file()) {}
    ~State() {
        if (!joined || !ours()) return;
        repair(self);  // a permit that outlives us is a mistake; a unit that nobody can free would be a worse one
        all.leave(self);
    }

    bool ours() const noexcept { return generation == sys::fork_generation(); }
    std::optional<std::uint32_t> swap_any(std::uint32_t from, std::uint32_t to) noexcept;
    Result<std::uint32_t> take(std::uint32_t as, Deadline);
    Result<std::uint32_t> take_slowly(std::uint32_t as, Deadline);
    void put(std::uint32_t unit, std::uint32_t was) noexcept;
    void wake(int most) noexcept;
    void repair(Participants::Mark dead) noexcept;
    bool bury_dead();
};

// ---------------------------------------------------------------- life

ShmSemaphore::ShmSemaphore(std::unique_ptr<State> s) noexcept : state_(std::move(s)) {}
ShmSemaphore::ShmSemaphore(ShmSemaphore&&) noexcept = default;
ShmSemaphore& ShmSemaphore::operator=(ShmSemaphore&&) noexcept = default;
ShmSemaphore::~ShmSemaphore() = default;

Result<ShmSemaphore> ShmSemaphore::open(const std::string& name, ShmSemaphoreOptions o) {
    const auto capacity = std::max({o.capacity, o.initial, least_capacity});
    if (capacity > most_capacity)
        return refuse(Errc::unsupported, "a shared-memory semaphore holds up to " + std::to_string(most_capacity) +
                                             " units; sysv-sem: has no such walk to make");
    const auto fill = [&](std::byte* content) {
        auto* units = reinterpret_cast<Layout*>(content)->units();
        std::fill(units + o.initial, units + capacity, no_unit);
    };
    WYE_TRY(auto segment, SharedSegment::open(name, shape_of(capacity), o.create, fill));
    const auto& g = segment.geometry();
    if (g.participants != participants || g.capacity > most_capacity || g.size != shape_of(g.capacity).size)
        return refuse(Errc::mismatch, name + ": its header contradicts its size");
    auto state = std::make_unique<State>(std::move(segment));
    auto joined = state->all.join([&](Participants::Mark dead) { state->repair(dead); });
    if (!joined) {
        if (state->segment.made()) (void)SharedSegment::remove(name, shape_of(0), {}, {});
        return std::unexpected(std::move(joined).error());
    }
    state->self = *joined;
    state->joined = true;
    return ShmSemaphore(std::move(state));
}

// ---------------------------------------------------------------- work

// From the place where it last went well, once around.
std::optional<std::uint32_t> ShmSemaphore::State::swap_any(std::uint32_t from, std::uint32_t to) noexcept {
    const auto begin = hint.load(std::memory_order_relaxed) % capacity;
    for (std::uint32_t n = 0, i = begin; n < capacity; ++n, i = i + 1 == capacity ? 0 : i + 1) {
        auto seen = shared.units()[i].load(std::memory_order_relaxed);
        // seq_cst: against the load of `announced` in wake(); take_slowly() says how.
        if (seen != from || !shared.units()[i].compare_exchange_strong(seen, to)) continue;
        hint.store(i, std::memory_order_relaxed);
        return i;
    }
    return {};
}

Result<std::uint32_t> ShmSemaphore::State::take(std::uint32_t as, Deadline d) {
    // Without locks of its own it could not look for the dead either, and would wait for ever.
    if (!ours()) [[unlikely]]
        return refuse(Errc::unsupported,
                      "this semaphore was opened before fork(): to take a unit the child opens its own");
    if (const auto unit = swap_any(free_unit, as)) [[likely]]
        return *unit;
    return take_slowly(as, d);
}

Result<std::uint32_t> ShmSemaphore::State::take_slowly(std::uint32_t as, Deadline d) {
    for (;;) {
        if (segment.retired()) return fail(Errc::closed, "acquire");
        // Announced first, looked for second: put() frees first and looks for sleepers second. One of the two sees the
        // other (both seq_cst).
        shared.announced.fetch_add(1);
        const auto seen = shared.event.load();
        bool buried = false;
        do
            if (const auto unit = swap_any(free_unit, as)) return *unit;
        while (!std::exchange(buried, true) && bury_dead());
        if (d.passed()) return fail(Errc::timed_out);
        if (segment.retired()) continue;
        (void)sys::futex_wait(shared.event, seen, d.sooner(look_every));  // for whatever reason it returns, we look
    }
}

void ShmSemaphore::State::wake(int most) noexcept {
    auto seen = shared.announced.load();
    if (seen == 0) return;
    shared.event.fetch_add(1);
    // Nobody slept: until the next announcement, which this swap does not lose, nobody need be woken.
    if (sys::futex_wake(shared.event, most) == 0) shared.announced.compare_exchange_strong(seen, 0);
}

void ShmSemaphore::State::put(std::uint32_t unit, std::uint32_t was) noexcept {
    if (!shared.units()[unit].compare_exchange_strong(was, free_unit)) return;  // no longer as we left it
    hint.store(unit, std::memory_order_relaxed);
    wake(1);
}

void ShmSemaphore::State::repair(Participants::Mark dead) noexcept {
    for (std::uint32_t i = 0; i < capacity; ++i)
        if (shared.units()[i].load(std::memory_order_relaxed) == dead.word()) put(i, dead.word());
}

// Whether somebody's units came back.
bool ShmSemaphore::State::bury_dead() {
    const std::lock_guard guard(looking);
    bool any = false;
    Participants::Mark last = self;
    for (std::uint32_t i = 0; i < capacity; ++i) {
        const auto word = shared.units()[i].load(std::memory_order_relaxed);
        const auto mark = Participants::Mark::of(word);
        if (!Participants::Mark::is_mark(word) || word == last.word()) continue;
        last = mark;
        any |= all.bury(mark, self, [this](Participants::Mark dead) { repair(dead); });
    }
    return any;
}

Result<Permit> ShmSemaphore::acquire(Deadline d) {
    auto& s = *state_;
    WYE_TRY(const auto unit, s.take(s.self.word(), d));
    const auto give = [](void* from, std::uint64_t n) -> Result<> {
        auto& state = *static_cast<State*>(from);
        if (state.ours()) state.put(static_cast<std::uint32_t>(n), state.self.word());
        return {};
    };
    return Permit(give, &s, unit);
}

Result<> ShmSemaphore::wait(Deadline d) {
    const auto unit = state_->take(no_unit, d);
    return unit ? Result<>() : std::unexpected(unit.error());
}

Result<> ShmSemaphore::post() {
    if (state_->segment.retired()) return fail(Errc::closed, "post");
    if (!state_->swap_any(no_unit, free_unit))
        return refuse(Errc::exhausted, "the semaphore holds all of its " + std::to_string(capacity()) + " units");
    state_->wake(1);
    return {};
}

Result<unsigned> ShmSemaphore::value() {
    const auto* units = state_->shared.units();
    return static_cast<unsigned>(
        std::count_if(units, units + capacity(), [](const Word& u) { return u == free_unit; }));
}

unsigned ShmSemaphore::capacity() const noexcept { return state_->capacity; }

// ---------------------------------------------------------------- the room

namespace {

constexpr std::string_view example = "shm-sem:jobs";
constexpr Param params[] = {
    {"max", "N", "the most units it will hold, when it is made (default 64, or the first value)"}};

Result<ShmSemaphore> open_uri(const Uri& uri, const SemaphoreOptions& o) {
    WYE_TRY(const auto max, uri.size("max", 0));
    if (max > most_capacity || (max == 0 && uri.has("max")))
        return uri.refuse("max is from 1 to " + std::to_string(most_capacity), "max=64");
    return ShmSemaphore::open(std::string(uri.address()), {o, static_cast<unsigned>(max)});
}

Result<Semaphore> open_semaphore(const Uri& uri, const SemaphoreOptions& o, Deadline) {
    WYE_TRY(auto s, open_uri(uri, o));
    return Semaphore(std::move(s));
}

Result<> make(const Uri& uri, const OpenOptions& o) {
    WYE_TRY(auto s, open_uri(uri, {.create = o.create}));
    return {};
}

Result<> remove(const Uri& uri, const RemoveOptions& o) {
    const auto ours = shape_of(0);
    auto any = ours;
    any.layout = SharedSegment::any_layout;
    return SharedSegment::remove(std::string(uri.address()), any, o, [&](SharedSegment& s) -> Result<> {
        if (s.geometry().layout != ours.layout || s.geometry().size < ours.size) return {};
        auto& event = reinterpret_cast<Layout*>(s.content())->event;
        event.fetch_add(1);
        (void)sys::futex_wake(event, sys::every_sleeper);
        return {};
    });
}

// Takes no place, and leaves the dead where they are.
Result<Inspection> inspect(const Uri& uri) {
    WYE_TRY(auto segment, SharedSegment::open(std::string(uri.address()), shape_of(0), Create::never, {}));
    const auto& g = segment.geometry();
    if (g.participants != participants || g.capacity > most_capacity || g.size != shape_of(g.capacity).size)
        return refuse(Errc::mismatch, std::string(uri.text()) + ": its header contradicts its size");
    auto& shared = *reinterpret_cast<Layout*>(segment.content());
    const std::span units(shared.units(), g.capacity);
    const auto count = [&](auto&& which) { return static_cast<std::uint64_t>(std::ranges::count_if(units, which)); };
    Inspection out{.facts = {{"units", count([](const Word& u) { return u != no_unit; })},
                             {"free", count([](const Word& u) { return u == free_unit; })},
                             {"capacity", std::uint64_t{g.capacity}},
                             {"bytes", g.size},
                             {"made_by", std::to_string(g.creator)}},
                   .parts = {}};
    const Participants all(shared.slots, participants, segment.file());
    for (std::uint32_t i = 0; i < participants; ++i)
        if (const auto who = all.who(i))
            out.parts.push_back({"participant",
                                 {{"pid", static_cast<std::uint64_t>(who->pid)},
                                  {"alive", all.alive(i)},
                                  {"held", count([&](const Word& u) { return u == who->mark.word(); })}}});
    return out;
}

Result<> list(Visit<Object> visit) { return SharedSegment::list("sem", "shm-sem", visit); }

std::vector<std::string> scratch(const std::string&) { return {"shm-sem:wye-" + std::to_string(sys::unique_mark())}; }

}  // namespace

void see_shm_semaphores(const sys::Snapshot&, Inventory&);  // see.cpp

const Mechanism shm_semaphore_mechanism{
    .traits = ShmSemaphore::traits,
    .summary = "counting; a dead holder's unit comes back",
    .example = example,
    .params = params,
    .open_semaphore = open_semaphore,
    .make = make,
    .remove = remove,
    .list = list,
    .inspect = inspect,
    .see = see_shm_semaphores,
    .scratch = scratch,
};

}  // namespace wye
