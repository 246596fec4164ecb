// docs/shm-layout.md against the structures.
#include "transport/shm_ring/shm_ring_test.hpp"

#include <cstddef>
#include <fstream>
#include <map>
#include <regex>

namespace {

using namespace wye;
using namespace wye::ring;

struct Extent {
    std::size_t offset, bytes;
    bool operator==(const Extent&) const = default;
};

#define WYE_WORD(type, word)                                          \
    {                                                                 \
        #type "." #word, { offsetof(type, word), sizeof(type::word) } \
    }

// Of a Bell what is used of it: it is as long as its distance to the next.
const std::map<std::string, Extent> words{WYE_WORD(Geometry, version),
                                          WYE_WORD(Geometry, word_bytes),
                                          WYE_WORD(Geometry, shape),
                                          WYE_WORD(Geometry, lanes),
                                          WYE_WORD(Geometry, granules),
                                          WYE_WORD(Geometry, participants),
                                          WYE_WORD(Geometry, cells),
                                          WYE_WORD(Geometry, strict),
                                          WYE_WORD(Geometry, most_deliveries),
                                          WYE_WORD(Geometry, features),
                                          WYE_WORD(Geometry, start),
                                          WYE_WORD(Geometry, id),
                                          WYE_WORD(Header, geometry),
                                          {"Header.data", {offsetof(Header, data), 12}},
                                          {"Header.space", {offsetof(Header, space), 12}},
                                          WYE_WORD(Header, changes),
                                          WYE_WORD(Header, returns),
                                          WYE_WORD(Header, worker_fate),
                                          WYE_WORD(Header, bank),
                                          WYE_WORD(Bell, announced),
                                          WYE_WORD(Bell, event),
                                          WYE_WORD(Bell, armed),
                                          WYE_WORD(Bank, chunk_bytes),
                                          WYE_WORD(Bank, chunks),
                                          WYE_WORD(Bank, owner),
                                          WYE_WORD(Cursor, head),
                                          WYE_WORD(Cursor, policy),
                                          WYE_WORD(Cursor, mark),
                                          WYE_WORD(Cursor, patience),
                                          WYE_WORD(Cursor, fate),
                                          WYE_WORD(Cursor, told),
                                          WYE_WORD(Cursor, done),
                                          WYE_WORD(Cursor, number),
                                          WYE_WORD(Cursor, lost),
                                          WYE_WORD(Cursor, kept),
                                          WYE_WORD(LaneHeader, limit),
                                          WYE_WORD(LaneHeader, reclaimed),
                                          WYE_WORD(LaneHeader, at),
                                          WYE_WORD(LaneHeader, writer),
                                          WYE_WORD(LaneHeader, came),
                                          WYE_WORD(LaneHeader, gone),
                                          WYE_WORD(LaneHeader, fate),
                                          WYE_WORD(LaneHeader, tail),
                                          WYE_WORD(LaneHeader, head),
                                          WYE_WORD(Checkpoint, turn),
                                          WYE_WORD(Checkpoint, position),
                                          WYE_WORD(Checkpoint, number),
                                          WYE_WORD(Cell, word),
                                          WYE_WORD(Cell, meta),
                                          WYE_WORD(Cell, position),
                                          WYE_WORD(Cell, lane),
                                          WYE_WORD(Cell, run),
                                          WYE_WORD(Cell, data),
                                          WYE_WORD(Slot, turn),
                                          WYE_WORD(Slot, meta),
                                          WYE_WORD(Slot, data),
                                          WYE_WORD(LoanAt, bank),
                                          WYE_WORD(LoanAt, chunk),
                                          WYE_WORD(LoanAt, length)};

TEST(ShmLayout, the_page_says_what_the_structures_are) {
    std::ifstream page(WYE_LAYOUT_PAGE);
    ASSERT_TRUE(page) << WYE_LAYOUT_PAGE;
    const std::regex row(R"(\| `(\w+)` \| (\d+) \| (\d+) \| `(\w+)` \|.*)");
    std::map<std::string, Extent> said;
    for (std::string line; std::getline(page, line);)
        if (std::smatch m; std::regex_match(line, m, row))
            said[m[1].str() + "." + m[4].str()] = {std::stoul(m[2]), std::stoul(m[3])};
    for (const auto& [word, is] : words) {
        ASSERT_TRUE(said.contains(word)) << word << " is not on the page";
        EXPECT_EQ(said[word].offset, is.offset) << word;
        EXPECT_EQ(said[word].bytes, is.bytes) << word;
    }
    EXPECT_EQ(said.size(), words.size()) << "the page has words that the structures have not";
    EXPECT_EQ(sizeof(Cursor), 256u);
    EXPECT_EQ(sizeof(LaneHeader), 640u);
    EXPECT_EQ(sizeof(Cell), 256u);
    EXPECT_EQ(sizeof(Participants::Slot), 64u);
    EXPECT_EQ(layout_version, 2u) << "a new number: say on the page what is new";
}

TEST(ShmLayout, each_part_begins_where_the_page_draws_it) {
    for (const auto shape : {ring::Shape::stream, ring::Shape::broadcast, ring::Shape::queue}) {
        const test::NamedRing n({.shape = shape});
        const auto p = or_throw(shm::Pages::open(n.name, n.how.made, Create::if_missing));
        const auto* begin = p.segment.content() - SharedSegment::head;
        const auto at = [&](const void* part) { return static_cast<const std::byte*>(part) - begin; };
        EXPECT_EQ(at(p.header), 128);
        EXPECT_EQ(at(p.table), 128 + static_cast<long>(sizeof(Header)));
        auto next = at(p.table) + static_cast<long>(p.g.participants) * 64;
        for (const long part : {at(p.cursors.cursors), at(p.lanes[0].header)}) EXPECT_EQ(part % 128, 0);
        EXPECT_EQ(at(p.cursors.cursors), (next + 127) / 128 * 128);
        next = at(p.cursors.cursors) + static_cast<long>(p.cursors.count) * 256;
        EXPECT_EQ(at(p.lanes[0].header), next);
        next += static_cast<long>(p.g.lanes) * 640;
        EXPECT_EQ(at(p.cells.data()), next);
        next += static_cast<long>(p.g.cells) * 256;
        EXPECT_EQ(at(p.lanes[0].slots), next);
        next += static_cast<long>(p.g.lanes) * static_cast<long>(p.g.granules) * 64;
        EXPECT_EQ(static_cast<std::uint64_t>(next), p.segment.geometry().size);
    }
}

}  // namespace
