#include "wye/core/frame_decoder.hpp"

#include "support/support.hpp"

#include <cstring>

using namespace wye;

namespace {

std::string frame(std::string_view m) {
    const auto h = FrameHeader{.length = static_cast<std::uint32_t>(m.size())}.encode();
    return std::string(text_of(h)) + std::string(m);
}
std::string piece(std::uint64_t tag, std::string_view m, bool more, bool continued) {
    const auto h =
        FrameHeader{.length = static_cast<std::uint32_t>(m.size()), .more = more, .continued = continued}.encode();
    return std::string(text_of(h)) + std::string(text_of(bytes_of(tag))) + std::string(m);
}

enum class Way { copied, where_it_lies };
constexpr Way ways[] = {Way::copied, Way::where_it_lies};

// A decoder, its place, and what came out so far ("!" for a refusal).
struct Reader {
    FrameDecoder d;
    std::vector<std::byte> room = std::vector<std::byte>(64);
    Way way;
    std::vector<std::string> out{};

    explicit Reader(Framing f, std::size_t max = 64, Way w = Way::copied) : d(f, max), way(w) {}
    FrameDecoder::Into into() { return way == Way::copied ? FrameDecoder::Into(room) : std::nullopt; }
    void drain() {
        for (;;) {
            auto m = d.next(into());
            if (!m) {
                out.push_back("!" + std::string(name(m.error().kind())));
                if (d.buffered() == 0) return;
                continue;
            }
            if (!*m) return;
            out.emplace_back(text_of(**m));
        }
    }
    void feed(std::string_view bytes) {
        drain();
        while (!bytes.empty()) {
            const auto want = d.want(into());
            std::size_t put = 0;
            for (const auto place : {want.direct, want.buffer}) {
                const auto n = std::min(place.size(), bytes.size());
                if (n) std::memcpy(place.data(), bytes.data(), n);
                bytes.remove_prefix(n);
                put += n;
            }
            ASSERT_GT(put, 0u) << "no progress";
            d.took(put);
            drain();
        }
    }
    std::string end() {
        auto m = d.end(into());
        return m ? std::string(text_of(*m)) : "!" + std::string(name(m.error().kind()));
    }
};
using Out = std::vector<std::string>;

}  // namespace

TEST(FrameDecoder, messages_come_out_whole_however_they_are_cut) {
    for (const auto way : ways) {
        const auto wire = frame("one") + frame("") + frame("three") + frame(std::string(60, 'x'));
        for (std::size_t step = 1; step <= wire.size(); ++step) {
            Reader r(Framing::frame, 64, way);
            for (std::size_t at = 0; at < wire.size(); at += step) r.feed(wire.substr(at, step));
            EXPECT_EQ(r.out, (Out{"one", "", "three", std::string(60, 'x')})) << step;
            EXPECT_TRUE(r.d.idle());
            EXPECT_EQ(r.d.position(), wire.size());
            EXPECT_EQ(r.end(), "!closed");
        }
    }
}

TEST(FrameDecoder, pieces_of_several_writers_are_put_together_each_for_itself) {
    for (const auto way : ways) {
        const auto wire = piece(1, "aa", true, false) + piece(2, "xx", true, false) + frame("whole") +
                          piece(1, "bb", true, true) + piece(2, "yy", false, true) + piece(1, "cc", false, true);
        for (std::size_t step = 1; step <= wire.size(); ++step) {
            Reader r(Framing::frame, 64, way);
            for (std::size_t at = 0; at < wire.size(); at += step) r.feed(wire.substr(at, step));
            EXPECT_EQ(r.out, (Out{"whole", "xxyy", "aabbcc"})) << step;
            EXPECT_TRUE(r.d.idle());
        }
    }
}

TEST(FrameDecoder, an_oversize_message_is_refused_once_and_the_next_arrives) {
    for (const auto way : ways) {
        Reader r(Framing::frame, 8, way);
        r.feed(frame("12345678") + frame(std::string(200'000, 'x')) + frame("next"));
        EXPECT_EQ(r.out, (Out{"12345678", "!too_big", "next"}));
        Reader lines(Framing::lines, 8, way);
        lines.feed("12345678\n123456789\n" + std::string(200'000, 'x') + "\nnext\n");
        EXPECT_EQ(lines.out, (Out{"12345678", "!too_big", "!too_big", "next"}));
        Reader pieces(Framing::frame, 8, way);
        pieces.feed(piece(1, "12345", true, false) + piece(2, "ok", true, false) + piece(1, "6789", true, true) +
                    piece(1, "more", false, true) + piece(2, "ay", false, true) + frame("next"));
        EXPECT_EQ(pieces.out, (Out{"!too_big", "okay", "next"}));
    }
}

TEST(FrameDecoder, what_the_caller_has_no_room_for_stays) {
    for (const auto& wire : {frame("12345"), piece(1, "12", true, false) + piece(1, "345", false, true)}) {
        Reader r(Framing::frame);
        r.room.resize(4);
        std::memcpy(r.d.want(r.room).buffer.data(), wire.data(), wire.size());
        r.d.took(wire.size());
        for (int i = 0; i < 3; ++i) WYE_EXPECT_ERRC(Errc::too_big, r.d.next(r.room));
        r.room.resize(5);
        EXPECT_EQ(text_of(**r.d.next(r.room)), "12345");
    }
    FrameDecoder lines(Framing::lines, 64);
    std::memcpy(lines.want({}).buffer.data(), "12345\n", 6);
    lines.took(6);
    std::byte room[5];
    WYE_EXPECT_ERRC(Errc::too_big, lines.next(MutBytes(room, 4)));
    EXPECT_EQ(text_of(**lines.next(room)), "12345");
}

TEST(FrameDecoder, a_call_that_gives_up_half_way_is_taken_up_by_the_next_elsewhere) {
    FrameDecoder d(Framing::frame, 64);
    const auto wire = frame("hello world");
    std::byte first[64], second[64];
    ASSERT_FALSE(*d.next(first));
    std::memcpy(d.want(first).buffer.data(), wire.data(), 8);
    d.took(8);
    ASSERT_FALSE(*d.next(first));
    d.park(first);
    std::memset(first, 0, sizeof first);
    d.park(first);  // a second time changes nothing
    WYE_EXPECT_ERRC(Errc::too_big, d.next(MutBytes(second, 5)));
    ASSERT_FALSE(*d.next(second));
    const auto want = d.want(second);
    ASSERT_EQ(want.direct.size(), 7u);
    std::memcpy(want.direct.data(), wire.data() + 8, 7);
    d.took(7);
    EXPECT_EQ(text_of(**d.next(second)), "hello world");
    EXPECT_TRUE(d.idle());
}

TEST(FrameDecoder, the_end_inside_a_message_is_a_death) {
    for (const auto way : ways) {
        for (const auto& wire : {frame("hello").substr(0, 2), frame("hello").substr(0, 6), piece(1, "x", true, false),
                                 piece(1, "x", true, false).substr(0, 7)}) {
            Reader r(Framing::frame, 64, way);
            r.feed(wire);
            EXPECT_EQ(r.end(), "!peer_died");
            EXPECT_EQ(r.end(), "!closed") << "told once";
            r.feed(frame("a new writer"));
            EXPECT_EQ(r.out, Out{"a new writer"});
        }
    }
}

TEST(FrameDecoder, a_last_line_needs_no_newline) {
    for (const auto way : ways) {
        Reader r(Framing::lines, 64, way);
        r.feed("one\ntwo");
        EXPECT_EQ(r.out, Out{"one"});
        EXPECT_EQ(r.end(), "two");
        EXPECT_EQ(r.end(), "!closed");
        Reader big(Framing::lines, 4, way);
        big.feed("123456");
        EXPECT_EQ(big.out, Out{"!too_big"});
        EXPECT_EQ(big.end(), "!closed") << "the rest of a refused line is no message";
    }
}

TEST(FrameDecoder, after_the_end_of_a_refused_line_the_next_stream_begins_clean) {
    Reader r(Framing::lines, 4);
    r.feed("123456");
    EXPECT_EQ(r.end(), "!closed");
    r.feed("ok\n");
    EXPECT_EQ(r.out, (Out{"!too_big", "ok"}));
}

TEST(FrameDecoder, a_writer_that_gave_a_message_up_begins_anew) {
    Reader r(Framing::frame);
    r.feed(piece(1, "lost", true, false) + piece(1, "ne", true, false) + piece(1, "w", false, true));
    EXPECT_EQ(r.out, Out{"new"});
}

TEST(FrameDecoder, a_piece_without_its_beginning_is_passed_over) {
    Reader r(Framing::frame);
    r.feed(piece(9, "tail", true, true) + piece(9, "end", false, true) + frame("next"));
    EXPECT_EQ(r.out, Out{"next"});
    EXPECT_TRUE(r.d.idle());
}

TEST(FrameDecoder, of_too_many_unfinished_messages_the_oldest_is_dropped_and_the_loss_is_told) {
    for (const auto way : ways) {
        Reader r(Framing::frame, 64, way);
        std::string wire;
        for (std::uint64_t tag = 1; tag <= 257; ++tag) wire += piece(tag, "a", true, false);
        for (std::uint64_t tag = 1; tag <= 257; ++tag) wire += piece(tag, std::to_string(tag), false, true);
        r.feed(wire);
        ASSERT_EQ(r.out.size(), 257u);
        EXPECT_EQ(r.out.front(), "!exhausted");
        EXPECT_EQ(r.out[1], "a2") << "the first was dropped for the 257th";
        EXPECT_EQ(r.out.back(), "a257");
    }
}

TEST(FrameDecoder, a_message_given_up_in_good_order_is_no_torn_end) {
    Reader r(Framing::frame);
    r.feed(piece(1, "half", true, false) + piece(1, "", true, false) + frame("next"));
    EXPECT_EQ(r.out, Out{"next"});
    EXPECT_EQ(r.end(), "!closed");
}

TEST(FrameDecoder, memory_is_not_given_for_a_promise) {
    for (const auto way : ways) {
        Reader r(Framing::frame, FrameHeader::max_length, way);
        const auto h = FrameHeader{.length = FrameHeader::max_length, .more = true}.encode();
        r.feed(std::string(text_of(h)) + "tag tag " + "x");
        EXPECT_EQ(r.d.buffered(), 0u);
        EXPECT_LE(r.d.want(r.into()).buffer.size(), 64u * 1024);
    }
}

TEST(FrameDecoder, raw_bytes_come_as_they_are) {
    for (const auto way : ways) {
        Reader r(Framing::raw, 64, way);
        r.feed(std::string_view("any\0thing\n", 10));
        EXPECT_EQ(r.out, Out{std::string("any\0thing\n", 10)});
        EXPECT_EQ(r.d.position(), 10u);
        EXPECT_EQ(r.end(), "!closed");
    }
}

TEST(FrameDecoder, where_it_lies_a_message_of_any_size_is_whole) {
    const std::string big(300'000, 'b'), bytes(200'000, 'p');
    Reader r(Framing::frame, 1 << 20, Way::where_it_lies);
    r.feed(frame("one") + frame(big) + piece(1, bytes, true, false) + piece(2, "x", true, false) +
           piece(2, "y", false, true) + frame("two") + piece(1, bytes, false, true) + piece(3, "a", true, false) +
           piece(3, "bc", true, true) + piece(3, "def", false, true) + frame("last"));
    EXPECT_TRUE(r.out == (Out{"one", big, "xy", "two", bytes + bytes, "abcdef", "last"})) << r.out.size();
    EXPECT_TRUE(r.d.idle());
    Reader lines(Framing::lines, 1 << 20, Way::where_it_lies);
    lines.feed("one\n" + big + "\nlast");
    EXPECT_TRUE(lines.out == (Out{"one", big})) << lines.out.size();
    EXPECT_EQ(lines.end(), "last");
}

TEST(FrameDecoder, where_it_lies_nothing_is_copied) {
    FrameDecoder d(Framing::frame, 64);
    const auto wire = frame("one") + frame("two");
    auto* const place = d.want(std::nullopt).buffer.data();
    std::memcpy(place, wire.data(), wire.size());
    d.took(wire.size());
    const auto one = **d.next(std::nullopt), two = *d.at_hand(std::nullopt);
    EXPECT_EQ(one.data(), place + FrameHeader::size);
    EXPECT_EQ(text_of(one), "one") << "it stays when the next is asked for, as long as nothing is read";
    EXPECT_EQ(text_of(two), "two");
}

TEST(FrameDecoder, a_message_that_one_way_began_is_ended_by_the_other) {
    const auto wire = frame("hello world");
    std::byte room[64];
    for (const std::size_t cut : {2u, 4u, 9u})
        for (const auto first : ways) {
            const auto way = [&](Way w) { return w == Way::copied ? FrameDecoder::Into(room) : std::nullopt; };
            const auto then = first == Way::copied ? Way::where_it_lies : Way::copied;
            FrameDecoder d(Framing::frame, 64);
            // A byte at a time: what follows the header goes straight into the place, where there is one.
            const auto feed = [&](Way w, std::size_t from, std::size_t to) {
                for (std::size_t at = from; at < to; ++at) {
                    ASSERT_FALSE(*d.next(way(w)));
                    const auto want = d.want(way(w));
                    (want.direct.empty() ? want.buffer : want.direct)[0] = std::byte(wire[at]);
                    d.took(1);
                }
            };
            feed(first, 0, cut);
            ASSERT_FALSE(*d.next(way(first)));
            d.park(way(first));
            std::memset(room, 0, sizeof room);
            feed(then, cut, wire.size());
            EXPECT_EQ(text_of(**d.next(way(then))), "hello world") << cut;
            EXPECT_EQ(d.position(), wire.size());
            EXPECT_TRUE(d.idle());
        }
}

TEST(FrameDecoder, a_piece_of_raw_bytes_is_no_larger_than_a_message_where_it_lies) {
    FrameDecoder d(Framing::raw, 16);
    EXPECT_EQ(d.want(std::nullopt).direct.size(), 16u);
    FrameDecoder none(Framing::raw, 0);
    EXPECT_EQ(none.want(std::nullopt).direct.size(), 1u) << "a read of no bytes looks like the end";
}
