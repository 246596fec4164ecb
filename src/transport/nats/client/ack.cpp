#include "transport/nats/client/ack.hpp"

#include <array>
#include <charconv>

namespace wye::nats {
namespace {

bool number(std::string_view s, std::uint64_t& to) noexcept {
    const auto [end, error] = std::from_chars(s.data(), s.data() + s.size(), to);
    return error == std::errc() && end == s.data() + s.size() && !s.empty();
}

}  // namespace

std::optional<AckSubject> parse_ack(std::string_view s) noexcept {
    std::array<std::string_view, 13> words;
    std::size_t n = 0;
    for (; n < words.size(); ++n) {
        const auto dot = s.find('.');
        words[n] = s.substr(0, dot);
        if (words[n].empty()) return std::nullopt;
        if (dot == s.npos) {
            ++n;
            break;
        }
        s.remove_prefix(dot + 1);
    }
    if (n < 9 || words[0] != "$JS" || words[1] != "ACK") return std::nullopt;
    const std::size_t at = n == 9 ? 2 : 4;
    if (n != 9 && n < 11) return std::nullopt;
    AckSubject a{.stream = words[at], .consumer = words[at + 1]};
    std::uint64_t time = 0;
    if (number(words[at + 2], a.deliveries) && number(words[at + 3], a.sequence) &&
        number(words[at + 4], a.consumer_sequence) && number(words[at + 5], time) && number(words[at + 6], a.pending))
        return a;
    return std::nullopt;
}

}  // namespace wye::nats
