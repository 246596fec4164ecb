#include "wye/core/uri.hpp"

#include "wye/base/text.hpp"
#include "wye/core/mechanism.hpp"

#include <algorithm>

namespace wye {
namespace {

int hex(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool scheme_char(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.';
}

std::unexpected<Error> bad(std::string_view text, std::string_view what) {
    return wye::refuse(Errc::bad_address, std::string(text) + ": " + std::string(what));
}

// Cuts what follows the first `mark` off `rest` and answers it.
std::optional<std::string_view> cut(std::string_view& rest, char mark) noexcept {
    const auto at = rest.find(mark);
    if (at == std::string_view::npos) return {};
    const auto tail = rest.substr(at + 1);
    rest = rest.substr(0, at);
    return tail;
}

Result<std::vector<Uri::Pair>> parse_params(std::string_view text, std::string_view query) {
    std::vector<Uri::Pair> params;
    for (;;) {
        auto item = query;
        const auto next = cut(item, '&');
        const auto value = cut(item, '=');
        if (item.empty()) return bad(text, "empty parameter name after '?' or '&'; write it as ?name=value&name=value");
        const auto name = percent_decode(item);
        const auto decoded = percent_decode(value.value_or(""));
        if (!name || !decoded)
            return bad(text, "bad %XX in parameter \"" + std::string(item) + "\"; a literal % is written %25");
        if (std::ranges::any_of(params, [&](const auto& p) { return p.name == *name; }))
            return bad(text, "parameter \"" + *name + "\" is given twice; write it once");
        params.push_back({*name, *decoded, value.has_value()});
        if (!next) return params;
        query = *next;
    }
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view s) {
    std::string out;
    out.reserve(s.size());
    for (std::size_t i = 0; i < s.size(); ++i) {
        if (s[i] != '%') {
            out += s[i];
            continue;
        }
        const int hi = i + 2 < s.size() ? hex(s[i + 1]) : -1, lo = i + 2 < s.size() ? hex(s[i + 2]) : -1;
        if (hi < 0 || lo < 0 || hi + lo == 0) return {};
        out += static_cast<char>(hi * 16 + lo);
        i += 2;
    }
    return out;
}

std::string percent_encode(std::string_view s) {
    constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    for (const char c : s) {
        const auto u = static_cast<unsigned char>(c);
        if (u <= 0x20 || u >= 0x7f || c == '%' || c == '?' || c == '#' || c == '&' || c == '=') {
            out += '%';
            out += digits[u >> 4];
            out += digits[u & 15];
        } else {
            out += c;
        }
    }
    return out;
}

Result<Uri> Uri::parse(std::string_view text) {
    Uri u;
    u.text_ = text;
    if (text.empty()) return bad("URI", "empty; write one as fifo:/run/app/in or tcp://127.0.0.1:7000");
    if (text.find('\0') != std::string_view::npos)
        return bad(escape(text), "contains a zero byte");  // an Error keeps a C string
    auto rest = text;
    const auto after = cut(rest, ':');
    if (!after || rest.empty() || !std::ranges::all_of(rest, scheme_char))
        return bad(text, "no scheme before ':'; write it as unix:/run/app.sock or fifo:/run/app/in");
    u.scheme_ = rest;
    rest = *after;
    if (const auto f = cut(rest, '#')) {
        auto decoded = percent_decode(*f);
        if (!decoded) return bad(text, "bad %XX after '#'; a literal % is written %25");
        u.fragment_ = std::move(*decoded);
    }
    if (const auto query = cut(rest, '?')) {
        WYE_TRY(u.params_, parse_params(text, *query));
    }
    u.raw_ = rest;
    auto decoded = percent_decode(rest);
    if (!decoded) return bad(text, "bad %XX in the address; a literal % is written %25, and %00 is refused");
    u.address_ = std::move(*decoded);
    return u;
}

const Uri::Pair* Uri::find(std::string_view name) const noexcept {
    const auto it = std::ranges::find(params_, name, &Pair::name);
    return it == params_.end() ? nullptr : &*it;
}

std::optional<std::string_view> Uri::get(std::string_view param) const noexcept {
    const auto* p = find(param);
    return p ? std::optional<std::string_view>(p->value) : std::nullopt;
}

std::unexpected<Error> Uri::refuse(std::string_view what, std::string_view example) const {
    std::string s = text_ + ": " + std::string(what);
    if (!example.empty()) s += "; write it as " + std::string(example);
    return wye::refuse(Errc::bad_address, s);
}

std::string with_param(std::string_view uri, std::string_view param) {
    const auto hash = std::min(uri.find('#'), uri.size());
    const auto head = uri.substr(0, hash);
    return std::string(head) + (head.find('?') == std::string_view::npos ? "?" : "&") + std::string(param) +
           std::string(uri.substr(hash));
}

namespace {
std::string quoted(const char* before, std::string_view word, const char* after) {
    return before + ("\"" + std::string(word) + "\"") + after;
}
}  // namespace

Result<std::uint64_t> Uri::number(std::string_view param, std::uint64_t otherwise) const {
    const auto* p = find(param);
    if (!p) return otherwise;
    if (const auto v = parse_number(p->value)) return *v;
    return refuse(quoted("", p->value, " is not a number"), std::string(param) + "=42");
}

Result<std::uint64_t> Uri::size(std::string_view param, std::uint64_t otherwise) const {
    const auto* p = find(param);
    if (!p) return otherwise;
    if (const auto v = parse_size(p->value)) return *v;
    return refuse(quoted("", p->value, " is not a size"), std::string(param) + "=64K");
}

Result<std::size_t> Uri::choice(std::string_view param, std::span<const std::string_view> choices) const {
    const auto* p = find(param);
    if (!p) return 0;
    if (const auto it = std::ranges::find(choices, p->value); it != choices.end())
        return static_cast<std::size_t>(it - choices.begin());
    std::string all;
    for (const auto c : choices) all += (all.empty() ? "" : "|") + std::string(c);
    return refuse(quoted("unknown value ", p->value, (" of " + std::string(param)).c_str()),
                  std::string(param) + "=" + all);
}

Result<bool> Uri::flag(std::string_view param) const {
    const auto* p = find(param);
    if (p && p->has_value) return refuse(quoted("", param, " takes no value"), "?" + std::string(param));
    return p != nullptr;
}

Result<> Uri::check(std::span<const Param> known, std::string_view example, bool fragment) const {
    for (const auto& p : params_) {
        if (std::ranges::any_of(known, [&](const Param& k) { return k.name == p.name; })) continue;
        std::vector<std::string_view> names;
        for (const auto& k : known) names.push_back(k.name);
        const auto near = nearest(p.name, names);
        std::string all;
        for (const auto n : names) all += (all.empty() ? "" : ", ") + std::string(n);
        return refuse(quoted("unknown parameter ", p.name, "") + (!near.empty() ? quoted(", did you mean ", near, "?")
                                                                  : all.empty() ? ", " + scheme_ + ": takes none"
                                                                                : ", " + scheme_ + ": takes " + all),
                      example);
    }
    if (fragment_ && !fragment) return refuse("'#' means nothing here (a literal # is written %23)", example);
    return {};
}

Result<std::string> parse_path(const Uri& uri, std::string_view example) {
    if (uri.address().empty()) return uri.refuse("no path", example);
    return std::string(uri.address());
}

Result<HostPort> parse_host_port(const Uri& uri, std::string_view example) {
    auto a = uri.address();
    if (!a.starts_with("//")) return uri.refuse("the host must follow \"//\"", example);
    a.remove_prefix(2);
    HostPort hp;
    if (a.starts_with("[")) {
        const auto end = a.find(']');
        if (end == std::string_view::npos) return uri.refuse("'[' without ']' around the IPv6 address", example);
        hp.host = a.substr(1, end - 1);
        a.remove_prefix(end + 1);
        if (hp.host.find(':') == std::string::npos) return uri.refuse("[] hold an IPv6 address", example);
    } else {
        const auto colon = a.find(':');
        hp.host = a.substr(0, colon);
        a = colon == std::string_view::npos ? std::string_view() : a.substr(colon);
        if (a.find(':', 1) != std::string_view::npos) return uri.refuse("an IPv6 address needs brackets", example);
    }
    if (!a.starts_with(":") || a.size() < 2) return uri.refuse("no port", example);
    hp.port = a.substr(1);
    const auto n = parse_number(hp.port);
    if (!n || *n > 65535) return uri.refuse("port \"" + hp.port + "\" is not a number from 0 to 65535", example);
    return hp;
}

}  // namespace wye
