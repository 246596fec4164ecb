// Loans that a reader keeps past its cursor, and a writer that wants to use their chunks again.
#pragma once
#include "ring_model/world.hpp"

#include <algorithm>
#include <deque>
#include <vector>

namespace wye::model {

/// Two chunks of one word each: more messages than chunks.
template <bool Gating>
struct Loans : World {
    static constexpr std::uint64_t total = 5;
    ring::Gate gate{cursors, lane.granules};
    ring::LaneReader reader{lane, {0, 0}};
    ring::Atomic<std::uint64_t>* chunk = &p.flags[2];
    struct Sent {
        std::uint64_t next;
        std::uint32_t chunk;
    };
    std::deque<Sent> sent;
    std::vector<std::uint32_t> passed, free{0, 1};

    Loans() : World(8, 0) {
        p.cursors[0].policy.store(static_cast<std::uint32_t>(Gating ? ring::Policy::block : ring::Policy::drop),
                                  relaxed);
    }
    void thread(unsigned i) override { i == 1 ? send() : receive(); }

    // As Arena::collect() does.
    void collect(const ring::LaneWriter& w) {
        if (!sent.empty() && ring::distance(sent.front().next, gate(w.tail().position)) >= 0) {
            if (!Gating) p.lanes[0].reclaimed.store(sent.front().next, relaxed);
            passed.push_back(sent.front().chunk);
            sent.pop_front();
        }
        std::vector<std::uint64_t>& kept = ids;
        kept.clear();
        ring::kept_by_readers(cursors, [&](std::uint64_t id) { kept.push_back(id); });
        std::erase_if(passed, [&](std::uint32_t c) {
            if (std::ranges::find(kept, ring::loan_id(0, c)) != kept.end()) return false;
            free.push_back(c);
            return true;
        });
    }
    void send() {
        ring::LaneWriter w(lane);
        for (std::uint64_t k = 0; k < total; ++k) {
            for (; free.empty(); collect(w))
                if (asked_once)
                    spin();
                else
                    asked_once = true;
            asked_once = false;
            const ring::LoanAt at{0, free.back(), 8};
            free.pop_back();
            chunk[at.chunk].store(k + 1, relaxed);
            const auto bytes = [&](std::byte* to) {
                ring::copy_shared(to, reinterpret_cast<const std::byte*>(&at), sizeof at);
            };
            while (!w.put(ring::Kind::loan, 8, gate, bytes)) spin();
            sent.push_back({w.tail().position, at.chunk});
        }
        flag(0);
    }
    void receive() {
        for (;;) {
            const bool over = flagged(0);
            ring::Message m;
            if (reader.next(m) != ring::Look::message) {
                if (over) break;
                spin();
                continue;
            }
            ring::LoanAt at{};
            ring::copy_shared(reinterpret_cast<std::byte*>(&at), m.data, sizeof at);
            auto& slot = p.cursors[0].kept[0];
            const auto head = [&] { p.cursors[0].head.store(m.next, ring::order::give_back); };
            if (Gating && ring::bug(13)) head();
            const bool kept = ring::keep_loan(slot, ring::loan_id(at.bank, at.chunk), reader, m, Gating);
            const auto k = reader.at().number;
            reader.pass(m);
            if (Gating && !ring::bug(13)) head();
            check(kept || !Gating, "refused to one who is waited for");
            if (!kept) continue;
            {
                std::uint64_t word = 0;
                const Plain plain;
                copy_words(reinterpret_cast<std::byte*>(&word), reinterpret_cast<const std::byte*>(&chunk[at.chunk]),
                           8);
                check(word == k + 1, "a loan that is used again already");
            }
            slot.store(0, ring::order::give_back);
        }
    }
    std::vector<std::uint64_t> ids;
    bool asked_once = false;
};

}  // namespace wye::model
