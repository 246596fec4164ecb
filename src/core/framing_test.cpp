#include "wye/core/framing.hpp"

#include <gtest/gtest.h>

using namespace wye;

TEST(Framing, names_go_both_ways) {
    for (const auto f : {Framing::frame, Framing::lines, Framing::nul, Framing::raw})
        EXPECT_EQ(parse_framing(name(f)), f);
    EXPECT_FALSE(parse_framing("line"));
    EXPECT_FALSE(parse_framing(""));
}

TEST(Framing, a_whole_message_is_a_plain_big_endian_length) {
    const auto h = FrameHeader{.length = 0x010203}.encode();
    EXPECT_EQ(h, (std::array{std::byte{0}, std::byte{1}, std::byte{2}, std::byte{3}}));
    EXPECT_EQ(FrameHeader{.length = 5}.wire_size(), 4u);
    EXPECT_EQ((FrameHeader{.length = 5, .more = true}.wire_size()), 12u);
}

TEST(Framing, a_header_comes_back_with_its_marks) {
    for (const std::uint32_t n : {0u, 1u, 4084u, FrameHeader::max_length})
        for (const bool more : {false, true})
            for (const bool continued : {false, true}) {
                const auto h = FrameHeader::decode(FrameHeader{n, more, continued}.encode());
                EXPECT_EQ(h.length, n);
                EXPECT_EQ(h.more, more);
                EXPECT_EQ(h.continued, continued);
            }
}
