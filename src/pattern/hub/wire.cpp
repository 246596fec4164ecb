#include "pattern/hub/wire.hpp"

#include "wye/pattern/topic.hpp"

#include <algorithm>

namespace wye::hub {
namespace {

std::unexpected<Error> bad(std::string_view what) {
    return refuse(Errc::corrupt, "the peer sent no frame of a hub: " + std::string(what));
}

}  // namespace

void make_front(const Frame& f, Front& out) noexcept {
    const auto text = std::min<std::size_t>(f.text.size(), 255), id = std::min<std::size_t>(f.id.size(), 255);
    const auto words = words_of(f.kind);
    out.size = 8 + 8 * words + round_up(text + id);
    out.padding = round_up(f.body.size()) - f.body.size();
    const auto follow = out.size - 4 + f.body.size() + out.padding;
    const std::uint64_t head = std::uint64_t{follow} << 32 | std::uint64_t(f.kind) << 24 | std::uint64_t{text} << 16 |
                               std::uint64_t{id} << 8 | std::uint64_t(f.flags) << 3 | out.padding;
    const auto put = [&](std::size_t at, std::uint64_t v) {
        v = big_endian(v);
        std::memcpy(out.bytes + at, &v, 8);
    };
    put(0, head);
    for (unsigned i = 0; i < words; ++i) put(8 + 8 * i, f.words[i]);
    if (text + id == 0) return;
    auto* names = out.bytes + 8 + 8 * words;
    put(out.size - 8, 0);
    if (text) std::memcpy(names, f.text.data(), text);
    if (id) std::memcpy(names + text, f.id.data(), id);
}

Result<std::optional<Parsed>> parse(Bytes from, std::size_t limit) {
    if (from.size() < 8) return std::nullopt;
    const auto word = [&](std::size_t at) {
        std::uint64_t v;
        std::memcpy(&v, from.data() + at, 8);
        return big_endian(v);
    };
    const auto head = word(0);
    const auto size = static_cast<std::size_t>(head >> 32) + 4;
    const std::size_t text = head >> 16 & 255, id = head >> 8 & 255, padding = head & 7;
    Parsed p{.frame = {.kind = Kind(head >> 24 & 255), .flags = static_cast<std::uint8_t>(head >> 3 & 31)},
             .size = size};
    const auto words = words_of(p.frame.kind);
    if (words == 255) return bad("unknown kind");
    const auto names = 8 + 8 * std::size_t{words}, body = names + round_up(text + id);
    if (size % 8 != 0 || size < body + padding) return bad("wrong length");
    if (size - body - padding > limit) return fail(Errc::too_big, "frame");
    if (from.size() < size) return std::nullopt;
    for (unsigned i = 0; i < words; ++i) p.frame.words[i] = word(8 + 8 * i);
    const auto* chars = reinterpret_cast<const char*>(from.data());
    p.frame.text = {chars + names, text};
    p.frame.id = {chars + names + text, id};
    p.frame.body = from.subspan(body, size - body - padding);
    return p;
}

std::string_view name(Role r) noexcept {
    static constexpr std::string_view all[] = {"publisher", "subscriber", "producer", "worker", "client", "server"};
    return all[std::size_t(r)];
}

std::string_view name(Pattern p) noexcept {
    static constexpr std::string_view all[] = {"pub-sub", "work queue", "request"};
    return all[std::size_t(p)];
}

std::array<std::uint64_t, 3> words_of_hello(const Hello& h) noexcept {
    const auto patience = static_cast<std::uint64_t>(std::clamp<std::int64_t>(h.patience.count(), 0, 1u << 31));
    return {what_is_this(std::uint64_t(h.role)), std::uint64_t(h.slow) | patience << 8, h.history};
}

Result<Hello> read_hello(const Frame& f) {
    if (f.kind != Kind::hello || f.words[0] >> 8 != what_is_this(0) >> 8) return bad("no hello");
    if ((f.words[0] >> 4 & 15) != version)
        return refuse(Errc::mismatch, "speaks version " + std::to_string(f.words[0] >> 4 & 15) +
                                          " of the hub's protocol, and this is version " + std::to_string(version));
    const auto role = f.words[0] & 15, slow = f.words[1] & 255;
    if (role > std::uint64_t(Role::server) || slow > std::uint64_t(Slow::demote) || f.body.size() != 8)
        return bad("a hello of no role");
    Hello h{.role = Role(role),
            .name = std::string(f.id),
            .filter = std::string(f.text),
            .slow = Slow(slow),
            .patience = std::chrono::milliseconds(f.words[1] >> 8 & 0xffffffff),
            .history = f.words[2]};
    std::memcpy(&h.mark, f.body.data(), 8);
    if (h.role == Role::subscriber) WYE_CHECK(check_filter(h.filter));
    return h;
}

}  // namespace wye::hub
