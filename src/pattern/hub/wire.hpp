// What the ends of a hub say to each other: frames on a byte stream.
//
//     4  bytes that follow, big-endian, as FrameHeader has it; with these four a multiple of eight
//     1  kind
//     1  length of the text
//     1  length of the id
//     1  bits 0-2: bytes of padding behind the body; bits 3-7: flags
//     8  words of the kind, big-endian: see words_of()
//        text and id, padded together to eight bytes; then the body, and its padding
//
// So the body of what was read into an aligned place is aligned. Everything is checked before it is looked at, and a
// length is compared with the limit before anything is allocated.
#pragma once
#include "wye/base/bytes.hpp"
#include "wye/base/error.hpp"
#include "wye/pattern/options.hpp"

#include <array>
#include <bit>
#include <optional>

namespace wye::hub {

enum class Kind : std::uint8_t {
    // to begin and to end
    hello = 1,  // what(), slow | patience in ms << 8, history; text: filter, id: name; body: 8 bytes of mark
    welcome,    // what(), largest body
    refused,    // Errc; body: a sentence
    bye,        // in order: nothing more comes
    // pub-sub
    publish,  // sequence; text: topic, id
    sample,   // sequence; text: topic
    lost,     // how many, before the next sample
    ready,    // Slow::latest: I have what you sent
    ask,      // Slow::latest: what is the newest? a sample or `nothing`, at once
    nothing,
    // work queue
    put,        // number, most microseconds to wait, priority; id
    put_done,   // number
    put_late,   // number: it is not in the queue
    want,       // so many more jobs, or one more request; flag: now, who asks has nothing and waits
    unwant,     // none any more; answered by `none`
    none,       // how many of the wanted were taken back
    job,        // token, deliveries, priority; flag: dead
    done,       // token
    give_back,  // token, microseconds
    ask_dead,   // answered by a job or by `none`
    ask_depth,
    depth,  // waiting, in hand, dead
    // request; the numbers are the client's own between it and the hub, the hub's between it and a server
    request,  // number, microseconds left; flags: idempotent, again
    cancel,   // number
    reply,    // number; flag: last
    failed,   // number, Errc; body: a sentence
    end_,
};

inline constexpr std::uint8_t flag_idempotent = 1, flag_again = 2, flag_last = 1, flag_now = 1, flag_dead = 1;

/// 255: no such kind.
constexpr unsigned words_of(Kind k) noexcept {
    switch (k) {
        case Kind::bye:
        case Kind::ready:
        case Kind::ask:
        case Kind::nothing:
        case Kind::unwant:
        case Kind::ask_dead:
        case Kind::ask_depth:
            return 0;
        case Kind::refused:
        case Kind::publish:
        case Kind::sample:
        case Kind::lost:
        case Kind::put_done:
        case Kind::put_late:
        case Kind::want:
        case Kind::none:
        case Kind::done:
        case Kind::cancel:
        case Kind::reply:
            return 1;
        case Kind::welcome:
        case Kind::give_back:
        case Kind::request:
        case Kind::failed:
            return 2;
        case Kind::hello:
        case Kind::put:
        case Kind::job:
        case Kind::depth:
            return 3;
        case Kind::end_:
            break;
    }
    return 255;
}

struct Frame {
    Kind kind{};
    std::uint8_t flags = 0;
    std::array<std::uint64_t, 3> words{};
    std::string_view text{}, id{};
    Bytes body{};
};

constexpr std::size_t round_up(std::size_t n) noexcept { return (n + 7) & ~std::size_t{7}; }

inline std::uint64_t big_endian(std::uint64_t v) noexcept {
    return std::endian::native == std::endian::little ? __builtin_bswap64(v) : v;
}

/// All of a frame but its body and what pads it.
struct Front {
    alignas(8) std::byte bytes[8 + 24 + 512];
    std::size_t size;
    std::size_t padding;
};
constexpr std::size_t most_front = sizeof(Front::bytes);
void make_front(const Frame&, Front&) noexcept;

/// Of the frame that begins here: its first word as it lies there.
inline std::size_t frame_size(std::uint64_t head) noexcept {
    return static_cast<std::size_t>(big_endian(head) >> 32) + 4;
}
inline std::size_t frame_size(const std::byte* at) noexcept {
    std::uint64_t head;
    std::memcpy(&head, at, 8);
    return frame_size(head);
}

enum class Bad : std::uint8_t { none, kind, length, too_big };

/// The first frame of `from`: its size, or 0 when it is not whole yet, or `bad` says why it is none.
inline std::size_t cut(Bytes from, std::size_t limit, Frame& f, Bad& bad) noexcept {
    static constexpr auto counts = [] {
        std::array<std::uint8_t, 256> all{};
        for (unsigned k = 0; k < all.size(); ++k) all[k] = static_cast<std::uint8_t>(words_of(Kind(k)));
        return all;
    }();
    bad = Bad::none;
    if (from.size() < 8) return 0;
    const auto word = [&](std::size_t at) {
        std::uint64_t v;
        std::memcpy(&v, from.data() + at, 8);
        return big_endian(v);
    };
    const auto head = word(0);
    const auto size = static_cast<std::size_t>(head >> 32) + 4;
    const std::size_t text = head >> 16 & 255, id = head >> 8 & 255, padding = head & 7,
                      words = counts[head >> 24 & 255];
    const auto names = 8 + 8 * words, body = names + round_up(text + id);
    if (words == 255) return bad = Bad::kind, 0;
    if (size % 8 != 0 || size < body + padding) return bad = Bad::length, 0;
    if (size - body - padding > limit) return bad = Bad::too_big, 0;
    if (from.size() < size) return 0;
    f.kind = Kind(head >> 24 & 255), f.flags = static_cast<std::uint8_t>(head >> 3 & 31);
    for (std::size_t i = 0; i < words; ++i) f.words[i] = word(8 + 8 * i);
    const auto* chars = reinterpret_cast<const char*>(from.data());
    f.text = {chars + names, text};
    f.id = {chars + names + text, id};
    f.body = from.subspan(body, size - body - padding);
    return size;
}
Error what_is(Bad);

struct Parsed {
    Frame frame;
    std::size_t size;  // of the whole
};
/// The first frame of `from`; nullopt when it is not whole yet. Errc::corrupt, or Errc::too_big for a body above
/// `limit`: the connection is of no use then.
Result<std::optional<Parsed>> parse(Bytes from, std::size_t limit);

// ---------------------------------------------------------------- saying hello

enum class Role : std::uint8_t { publisher, subscriber, producer, worker, client, server };
enum class Pattern : std::uint8_t { pub_sub, work_queue, request };
constexpr Pattern pattern_of(Role r) noexcept { return Pattern(std::uint8_t(r) / 2); }
std::string_view name(Role) noexcept;
std::string_view name(Pattern) noexcept;

struct Hello {
    Role role{};
    std::string name{};
    std::uint64_t mark = 0;  // the same when it comes again
    std::string filter = ">";
    Slow slow = Slow::drop_oldest;
    std::chrono::milliseconds patience{};
    std::uint64_t history = 0;
};
constexpr std::size_t largest_hello = 16;  // body

Result<Hello> read_hello(const Frame&);
std::array<std::uint64_t, 3> words_of_hello(const Hello&) noexcept;
/// Of welcome and hello: that this is wye's, and the version.
constexpr std::uint64_t version = 1;
constexpr std::uint64_t what_is_this(std::uint64_t role) noexcept {
    return std::uint64_t{0x7779652d687562} << 8 | version << 4 | role;  // "wye-hub"
}

}  // namespace wye::hub
