#include "wye/pattern/payload.hpp"

#ifdef WYE_JSON
#include "wye/pattern/json.hpp"
#endif

#include "support/support.hpp"

namespace order {

struct Order {
    std::string customer;
    std::vector<int> items;
    bool operator==(const Order&) const = default;
};
#ifdef WYE_JSON
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Order, customer, items)
#endif

// By hand: what a program without a library writes.
struct Pair {
    std::string a, b;
};

}  // namespace order

template <>
struct wye::Serial<order::Pair> {
    static void write(const order::Pair& p, std::vector<std::byte>& to) {
        const auto text = p.a + '\0' + p.b;
        const auto b = bytes_of(std::string_view(text));
        to.insert(to.end(), b.begin(), b.end());
    }
    static Result<order::Pair> read(Bytes from) {
        const auto text = text_of(from);
        const auto end = text.find('\0');
        if (end == text.npos) return refuse(Errc::mismatch, "no pair");
        return order::Pair{std::string(text.substr(0, end)), std::string(text.substr(end + 1))};
    }
};
#ifdef WYE_JSON
template <>
struct wye::Serial<order::Order> : wye::JsonSerial<order::Order> {};
#endif

namespace {

using namespace wye;

template <class T>
Result<T> there_and_back(const T& v) {
    std::vector<std::byte> room(3, std::byte{7});  // of the message before
    const auto bytes = pattern::to_bytes(v, room);
    return pattern::from_bytes<T>(bytes);
}

TEST(Payload, comes_back_as_it_went) {
    struct Point {
        int x, y;
    };
    const auto p = or_throw(there_and_back(Point{1, -2}));
    EXPECT_TRUE(p.x == 1 && p.y == -2);
    EXPECT_EQ(or_throw(there_and_back(std::string("text"))), "text");
    EXPECT_EQ(or_throw(there_and_back(std::string())), "");
    const auto pair = or_throw(there_and_back(order::Pair{"one", "two"}));
    EXPECT_TRUE(pair.a == "one" && pair.b == "two");
    EXPECT_EQ(or_throw(there_and_back(2.5)), 2.5);
}

TEST(Payload, what_is_no_such_thing_is_a_mismatch) {
    EXPECT_TRUE(pattern::from_bytes<int>(bytes_of(std::string_view("four!"))).error().is(Errc::mismatch));
    EXPECT_TRUE(pattern::from_bytes<order::Pair>(bytes_of(std::string_view("x"))).error().is(Errc::mismatch));
}

TEST(Payload, a_structure_is_used_where_it_lies_only_if_it_lies_right) {
    alignas(8) std::byte place[24]{};
    EXPECT_NE(pattern::in_place<std::uint64_t>(Bytes(place).first(8)), nullptr);
    EXPECT_EQ(pattern::in_place<std::uint64_t>(Bytes(place).subspan(1, 8)), nullptr);
    EXPECT_EQ(pattern::in_place<std::uint64_t>(Bytes(place).first(9)), nullptr);
}

#ifdef WYE_JSON
TEST(Payload, by_json_and_by_cbor) {
    const order::Order o{"Ada", {1, 2, 3}};
    EXPECT_EQ(or_throw(there_and_back(o)), o);
    std::vector<std::byte> room;
    EXPECT_EQ(text_of(pattern::to_bytes(o, room)), R"({"customer":"Ada","items":[1,2,3]})");
    for (const auto* bad : {"", "{", "[]", R"({"customer":1,"items":[]})", R"({"customer":"x"})"})
        EXPECT_TRUE(pattern::from_bytes<order::Order>(bytes_of(std::string_view(bad))).error().is(Errc::mismatch))
            << bad;
    std::vector<std::byte> cbor;
    CborSerial<order::Order>::write(o, cbor);
    EXPECT_LT(cbor.size(), room.size());
    EXPECT_EQ(or_throw(CborSerial<order::Order>::read(cbor)), o);
    cbor.pop_back();
    EXPECT_TRUE(CborSerial<order::Order>::read(cbor).error().is(Errc::mismatch));
}
#endif

}  // namespace
