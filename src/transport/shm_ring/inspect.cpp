// What `wye inspect shm:NAME` shows: read from the pages by somebody who takes no place and changes nothing.
#include "transport/shm_ring/state.hpp"

#include <algorithm>

namespace wye::shm {
namespace {

using ring::Shape, ring::Policy;
using Facts = Inspection::Facts;

constexpr std::string_view names_of_shapes[] = {"", "stream", "broadcast", "queue"};
constexpr std::string_view names_of_policies[] = {"none", "block", "demote", "demoted", "drop", "latest"};
constexpr std::string_view names_of_roles[] = {"none", "writer", "reader"};

template <std::size_t N>
std::string named(const std::string_view (&names)[N], std::uint64_t i) {
    return std::string(i < N ? names[i] : "?");
}
const auto no_one = [](const ring::Message&, std::uint64_t) {};

// Where the next message will be, and how many there were.
ring::Place end_of(const ring::LaneView& lane) {
    auto p = ring::newest_checkpoint(lane).value_or(ring::Place{});
    ring::walk(lane, p, no_one);
    return p;
}

struct Looker {
    const Pages& p;
    const Participants& all;

    std::string pid_of(std::uint32_t mark) const {
        const auto pid = mark == 0 ? 0 : all.pid_of(Participants::Mark::of(mark));
        return pid == 0 ? "-" : std::to_string(pid);
    }

    // Of a reader: how far it is behind, and whether it is the one that the writer waits for.
    void reading(const ring::Cursor& c, const ring::Place& end, Facts& f) const {
        const auto policy = c.policy.load(ring::order::relaxed);
        const auto behind = end.number - c.number.load(ring::order::relaxed);
        const auto bytes = (end.position - c.head.load(ring::order::relaxed)) * ring::granule;
        const auto kept =
            std::ranges::count_if(c.kept, [](const auto& k) { return k.load(ring::order::relaxed) != 0; });
        f.emplace_back("policy", named(names_of_policies, policy));
        f.emplace_back("cursor", c.number.load(ring::order::relaxed));
        f.emplace_back("behind", behind);
        f.emplace_back("bytes_held", std::min<std::uint64_t>(bytes, p.g.granules * ring::granule));
        f.emplace_back("lost", c.lost.load(ring::order::relaxed));
        f.emplace_back("kept_loans", static_cast<std::uint64_t>(kept));
        f.emplace_back("slow", ring::is_gating(static_cast<Policy>(policy)) &&
                                   bytes > std::uint64_t{p.g.granules} * ring::granule * 3 / 4);
    }

    // Jobs in somebody's hands.
    std::uint64_t leases(std::uint32_t mark) const {
        return static_cast<std::uint64_t>(std::ranges::count_if(p.cells, [&](const ring::Cell& c) {
            const auto w = ring::CellWord::of(c.word.load(ring::order::claim));
            if (w.mark != mark) return false;
            const auto lane = c.lane.load(ring::order::relaxed);
            if (w.state != ring::Cell::claiming || lane >= p.lanes.size()) return w.state == ring::Cell::taken;
            return p.lanes[lane].header->head.load(ring::order::claim) ==
                   ring::head_word(c.position.load(ring::order::relaxed),
                                   ring::first_of_run(c.run.load(ring::order::relaxed)));
        }));
    }
    std::uint64_t cells(ring::Cell::State s) const {
        return static_cast<std::uint64_t>(std::ranges::count_if(
            p.cells, [&](const auto& c) { return ring::CellWord::of(c.word.load(ring::order::relaxed)).state == s; }));
    }

    Facts participant(const Participants::Who& who, const ring::Place& end) const {
        Facts f{{"slot", std::uint64_t{who.mark.slot}},
                {"role", named(names_of_roles, who.role)},
                {"pid", static_cast<std::uint64_t>(who.pid)},
                {"alive", all.alive(who.mark.slot)}};
        if (p.g.shape == Shape::queue) {
            f.emplace_back("leases", leases(who.mark.word()));
            return f;
        }
        const auto& c = p.cursors.cursors[p.g.shape == Shape::stream ? 0 : who.mark.slot];
        static const ring::Cursor nobody{};
        reading(c.mark.load(ring::order::relaxed) == who.mark.word() ? c : nobody,
                c.mark.load(ring::order::relaxed) == who.mark.word() ? end : ring::Place{}, f);
        return f;
    }

    Facts lane(std::uint32_t i, std::uint64_t& waiting) const {
        const auto& l = p.lanes[i];
        const auto end = end_of(l);
        auto from = end;
        if (p.g.shape == Shape::queue)
            from.position = ring::position_of_head(l.header->head.load(ring::order::relaxed), end.position);
        else if (p.g.shape == Shape::stream)
            from.position = p.cursors.cursors[0].done.load(ring::order::relaxed);
        const auto used = std::min<std::uint64_t>(end.position - from.position, p.g.granules);
        from.number = 0;
        ring::walk(l, from, no_one);
        waiting += from.number;
        return {{"lane", std::uint64_t{i}},
                {"writer", pid_of(l.header->writer.load(ring::order::relaxed))},
                {"messages", end.number},
                {"waiting", from.number},
                {"bytes_used", used * ring::granule}};
    }
};

}  // namespace

Result<Inspection> inspect(const Uri& uri) {
    WYE_TRY(const auto p, Pages::open(std::string(uri.address()), {}, Create::never));
    const Participants all(p.table, p.g.participants, p.segment.file());
    const Looker look{p, all};
    Inspection out;
    std::uint64_t waiting = 0, lent = 0;
    std::vector<Inspection::Part> lanes;
    for (std::uint32_t i = 0; i < p.lanes.size(); ++i) lanes.push_back({"lane", look.lane(i, waiting)});
    for (const auto& b : p.header->bank)
        lent += b.chunk_bytes.load(ring::order::relaxed) * b.chunks.load(ring::order::relaxed);
    out.facts = {{"shape", named(names_of_shapes, static_cast<std::uint64_t>(p.g.shape))},
                 {"made_by", std::to_string(p.segment.geometry().creator)},
                 {"bytes", p.segment.geometry().size},
                 {"loan_bytes", lent},
                 {"places", std::uint64_t{p.g.participants}},
                 {"waiting", waiting},
                 {"sleepers", ring::somebody_sleeps(p.header->data)},
                 {"writer_sleeps", ring::somebody_sleeps(p.header->space)}};
    if (p.g.shape == Shape::queue) {
        out.facts.emplace_back("order", std::string(p.g.strict != 0 ? "strict" : "lanes"));
        out.facts.emplace_back("returned", look.cells(ring::Cell::returned));
        out.facts.emplace_back("poisoned", look.cells(ring::Cell::poisoned));
    }
    const auto end = end_of(p.lanes[0]);
    for (std::uint32_t i = 0; i < all.slots(); ++i)
        if (const auto who = all.who(i)) out.parts.push_back({"participant", look.participant(*who, end)});
    for (auto& l : lanes) out.parts.push_back(std::move(l));
    return out;
}

}  // namespace wye::shm
