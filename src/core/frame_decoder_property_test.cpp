// Any messages, cut into any chunks, come out equal.
#ifdef WYE_RAPIDCHECK
#include "wye/core/frame_decoder.hpp"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <cstring>

using namespace wye;

namespace {

using Messages = std::vector<std::string>;

// Chunk sizes, used again and again.
using Cuts = std::vector<std::uint8_t>;

// Feeds `wire` in chunks; before some of them the call "gives up", and the next one comes with another place, or with
// none.
Messages decode(Framing framing, std::string_view wire, std::size_t size, const Cuts& cuts) {
    std::size_t turn = 0;
    FrameDecoder d(framing, 4096);
    Messages out;
    std::vector<std::byte> room(size);
    FrameDecoder::Into into(room);
    for (;;) {
        auto m = d.next(into);
        RC_ASSERT(m.has_value());
        if (*m) {
            out.emplace_back(text_of(**m));
            continue;
        }
        if (wire.empty()) {
            RC_ASSERT(d.idle());
            return out;
        }
        const std::size_t cut = cuts.empty() ? 0 : cuts[turn++ % cuts.size()];
        if (cut % 4 == 3) {
            d.park(into);
            room.assign(size, std::byte{0xee});
            into = cut % 8 == 3 ? FrameDecoder::Into(room) : std::nullopt;
            const auto again = d.next(into);
            RC_ASSERT(again.has_value() && !*again);
        }
        auto left = std::min(wire.size(), 1 + cut % 40);
        const auto want = d.want(into);
        RC_ASSERT(want.direct.size() + want.buffer.size() > 0u);
        std::size_t put = 0;
        for (const auto place : {want.direct, want.buffer}) {
            const auto n = std::min(place.size(), left);
            if (n) std::memcpy(place.data(), wire.data(), n);
            wire.remove_prefix(n);
            left -= n;
            put += n;
        }
        d.took(put);
    }
}

std::size_t longest(const Messages& all) {
    std::size_t n = 1;
    for (const auto& m : all) n = std::max(n, m.size());
    return n;
}

std::string header(std::size_t n, bool more = false, bool continued = false) {
    const auto h = FrameHeader{static_cast<std::uint32_t>(n), more, continued}.encode();
    return std::string(text_of(h));
}

// The pieces of one message, as a writer of its own would send them.
std::vector<std::string> pieces_of(const std::string& m, std::uint64_t tag, std::size_t size) {
    if (m.size() <= size) return {header(m.size()) + m};
    std::vector<std::string> all;
    for (std::size_t at = 0; at < m.size(); at += size) {
        const auto part = m.substr(at, size);
        all.push_back(header(part.size(), at + size < m.size(), at > 0) + std::string(text_of(bytes_of(tag))) + part);
    }
    return all;
}

}  // namespace

TEST(FrameDecoderProperty, frames_in_any_chunks_come_out_equal) {
    EXPECT_TRUE(rc::check([](const Messages& messages, const Cuts& cuts) {
        std::string wire;
        for (const auto& m : messages) wire += header(m.size()) + m;
        RC_ASSERT(decode(Framing::frame, wire, longest(messages), cuts) == messages);
    }));
}

TEST(FrameDecoderProperty, lines_and_nul_in_any_chunks_come_out_equal) {
    for (const auto framing : {Framing::lines, Framing::nul})
        EXPECT_TRUE(rc::check([framing](Messages messages, const Cuts& cuts) {
            const char mark = framing == Framing::lines ? '\n' : '\0';
            std::string wire;
            for (auto& m : messages) {
                std::erase(m, mark);
                wire += m + mark;
            }
            RC_ASSERT(decode(framing, wire, longest(messages), cuts) == messages);
        }));
}

TEST(FrameDecoderProperty, writers_that_take_turns_at_any_piece_do_not_mix) {
    EXPECT_TRUE(
        rc::check([](const std::vector<Messages>& writers, const Cuts& cuts, const std::vector<std::uint8_t>& turns) {
            std::vector<std::vector<std::string>> queues;
            std::uint64_t tag = 1;
            std::size_t room = 1, total = 0, turn = 0;
            RC_PRE(writers.size() <= 64u);  // more unfinished messages at once than a decoder keeps
            for (const auto& w : writers) {
                auto& q = queues.emplace_back();
                room = std::max(room, longest(w));
                for (const auto& m : w)
                    for (auto& p : pieces_of(m, tag++, 5)) q.push_back(std::move(p));
                total += w.size();
            }
            std::string wire;
            while (std::erase_if(queues, [](const auto& q) { return q.empty(); }), !queues.empty()) {
                auto& q = queues[turns.empty() ? 0 : turns[turn++ % turns.size()] % queues.size()];
                wire += q.front();
                q.erase(q.begin());
            }
            auto got = decode(Framing::frame, wire, room, cuts);
            Messages expected;
            for (const auto& w : writers) expected.insert(expected.end(), w.begin(), w.end());
            RC_ASSERT(got.size() == total);
            std::ranges::sort(got);
            std::ranges::sort(expected);
            RC_ASSERT(got == expected);
        }));
}

TEST(FrameDecoderProperty, any_bytes_are_taken_without_harm) {
    EXPECT_TRUE(rc::check([](const std::string& wire) {
        for (const auto framing : {Framing::frame, Framing::lines, Framing::nul}) {
            FrameDecoder d(framing, 16);
            std::byte into[16];
            for (std::size_t at = 0; at < wire.size();) {
                for (;;) {
                    const auto m = d.next(into);
                    if (m && !*m) break;
                }
                const auto want = d.want(into);
                const auto place = want.direct.empty() ? want.buffer : want.direct;
                const auto n = std::min(place.size(), wire.size() - at);
                std::memcpy(place.data(), wire.data() + at, n);
                d.took(n);
                at += n;
            }
        }
    }));
}
#endif
