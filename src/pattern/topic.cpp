#include "wye/pattern/topic.hpp"

#include "wye/base/text.hpp"

namespace wye {
namespace {

// The first word, and what is behind its dot; `more` says whether there is a dot.
struct Split {
    std::string_view word, rest;
    bool more;
};
Split split(std::string_view s) noexcept {
    const auto dot = s.find('.');
    return dot == s.npos ? Split{s, {}, false} : Split{s.substr(0, dot), s.substr(dot + 1), true};
}

std::unexpected<Error> wrong(std::string_view kind, std::string_view text, std::string_view what) {
    return refuse(Errc::bad_address, std::string(kind) + " \"" + escape(text) + "\": " + std::string(what) +
                                         "; write " + (kind == "topic" ? "prices.fx.eur" : "prices.*.eur or prices.>"));
}

Result<> check(std::string_view kind, std::string_view text, bool wild) {
    if (text.size() > longest_topic) return wrong(kind, text, "longer than 255 bytes");
    for (auto left = split(text);; left = split(left.rest)) {
        if (left.word.empty()) return wrong(kind, text, "has an empty word");
        for (const char c : left.word) {
            if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f)
                return wrong(kind, text, "has a blank or a control character");
            if ((c == '*' || c == '>') && !(wild && left.word.size() == 1))
                return wrong(kind, text, wild ? "a wildcard is a word of its own" : "wildcards are for filters");
        }
        if (left.word == ">" && left.more) return wrong(kind, text, "\">\" comes last");
        if (!left.more) return {};
    }
}

}  // namespace

Result<> check_topic(std::string_view topic) { return topic.empty() ? Result<>() : check("topic", topic, false); }
Result<> check_filter(std::string_view filter) { return check("filter", filter, true); }

bool matches(std::string_view filter, std::string_view topic) noexcept {
    if (filter == ">") return true;
    for (;;) {
        const auto f = split(filter), t = split(topic);
        if (t.word.empty()) return false;
        if (f.word == ">") return true;
        if (f.word != "*" && f.word != t.word) return false;
        if (f.more != t.more) return false;
        if (!f.more) return true;
        filter = f.rest, topic = t.rest;
    }
}

}  // namespace wye
