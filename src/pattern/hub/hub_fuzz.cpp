// Any bytes: as frames one behind the other, and the hellos among them. The first byte chooses the limit.
//
// Holds: a frame is never longer than what is there, nor its body than the limit; what was read is written as it was;
// what is refused is refused with less than a frame's front at hand.
#include "wye/pattern/topic.hpp"

#include "pattern/hub/pile.hpp"

#include <cstdlib>
#include <vector>

using namespace wye;
using namespace wye::hub;

namespace {

void must(bool ok) {
    if (!ok) std::abort();
}

void check(const Parsed& p, Bytes from, std::size_t limit) {
    must(p.size <= from.size() && p.size % 8 == 0 && p.size >= 8);
    must(p.frame.body.size() <= limit && p.frame.text.size() <= 255 && p.frame.id.size() <= 255);
    for (const Bytes part : {bytes_of(p.frame.text), bytes_of(p.frame.id), p.frame.body})
        must(part.empty() || (part.data() >= from.data() && part.data() + part.size() <= from.data() + p.size));
    Pile again;
    again.add(p.frame);
    const auto back = parse(again.bytes(), limit);
    must(back && *back);
    const auto& f = (*back)->frame;
    must(f.kind == p.frame.kind && f.flags == p.frame.flags && f.text == p.frame.text && f.id == p.frame.id);
    must(text_of(f.body) == text_of(p.frame.body));
    for (unsigned w = 0; w < words_of(f.kind); ++w) must(f.words[w] == p.frame.words[w]);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const std::size_t limit = data[0];
    // Where a hub reads to: aligned.
    std::vector<std::uint64_t> place(size / 8 + 1);
    std::memcpy(place.data(), data + 1, size - 1);
    Bytes left = std::as_bytes(std::span(place)).first(size - 1);
    for (;;) {
        const auto p = parse(left, limit);
        if (!p || !*p) {
            // What is not whole yet, or no frame, is known by its front.
            if (left.size() > most_front) must(!p == !parse(left.first(8), limit));
            break;
        }
        check(**p, left, limit);
        if (auto hello = read_hello((*p)->frame)) {
            must(std::uint8_t(hello->role) <= 5);
            must(hello->role != Role::subscriber || check_filter(hello->filter).has_value());
            must(words_of_hello(*hello)[0] == (*p)->frame.words[0]);
        }
        left = left.subspan((*p)->size);
    }
    return 0;
}
