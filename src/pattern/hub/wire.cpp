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

Error what_is(Bad b) {
    if (b == Bad::too_big) return Error(Errc::too_big, "frame");
    return bad(b == Bad::kind ? "unknown kind" : "wrong length").error();
}

Result<std::optional<Parsed>> parse(Bytes from, std::size_t limit) {
    Parsed p{};
    Bad wrong;
    p.size = cut(from, limit, p.frame, wrong);
    if (wrong != Bad::none) return std::unexpected(what_is(wrong));
    if (p.size == 0) return std::nullopt;
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
