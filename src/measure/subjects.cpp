// From the tables to one list of what there is.
#include "wye/registry/open.hpp"
#include "wye/transport/nats.hpp"

#include "measure/offer.hpp"

#include <sstream>

namespace wye::advice {
namespace {

Kind kind_of(const Offer& o, const Mechanism* m) noexcept {
    const Traits& t = m ? m->traits : o.traits;
    if (m ? m->open_segment != nullptr : t.data == Data::variable) return Kind::memory;
    if (t.data == Data::variable) return Kind::channel;
    if (t.data == Data::word) return Kind::word;
    return m ? Kind::count : Kind::lock;
}

Subject bare(const Offer& o, const Mechanism* m) {
    return {.name = std::string(o.means),
            .offer = &o,
            .room = m,
            .traits = m ? m->traits : o.traits,
            .kind = kind_of(o, m),
            .params = m ? m->params : std::span<const Param>(),
            .summary = m ? m->summary : o.summary,
            .example = m ? m->example : o.example,
            .cpp = o.cpp,
            .shell = o.shell,
            .built = o.means != "nats" || nats_built()};
}

struct Shape {
    Pattern pattern;
    bool (*carried)(const carrier::Carrier&);
    std::string_view summary, cpp, shell;
};

constexpr Shape shapes[] = {
    {Pattern::pub_sub, [](const carrier::Carrier& c) { return c.publisher && c.subscriber; },
     "what one tells, all hear who have subscribed", "tell.cpp", "tell.sh"},
    {Pattern::work_queue, [](const carrier::Carrier& c) { return c.producer && c.worker; },
     "each job goes to one of the workers", "share.cpp", "share.sh"},
    {Pattern::request, [](const carrier::Carrier& c) { return c.client && c.server; },
     "a question goes to one of the servers, and its answer back", "ask.cpp", "ask.sh"},
};

Subject over(const Subject& room, const carrier::Carrier& c, const Shape& shape) {
    Subject s = room;
    s.name = std::string(name(shape.pattern)) + "@" + room.name;
    s.pattern = shape.pattern;
    s.able = c.able;
    s.params = c.params;
    s.summary = shape.summary;
    s.example = c.example;
    // Where a job is taken for good, the queue alone is all there is to it.
    if (shape.pattern == Pattern::work_queue && !c.able.redelivers) return s;
    s.cpp = shape.cpp;
    s.shell = shape.shell;
    return s;
}

std::vector<Subject> made() {
    std::vector<Subject> all;
    for (const auto& o : offers()) {
        const auto* m = find_mechanism(o.means);
        if (m || !o.traits.scheme.empty()) all.push_back(bare(o, m));
    }
    const auto rooms = all.size();
    for (const auto& shape : shapes)
        for (const auto* c : carrier::carriers())
            for (std::size_t i = 0; i < rooms; ++i)
                if (all[i].name == c->scheme && shape.carried(*c)) all.push_back(over(Subject(all[i]), *c, shape));
    return all;
}

std::string shown(std::string_view file, std::string_view mark) {
    for (const auto& t : texts())
        if (t.file == file) return std::string(t.text.substr(0, t.text.find(mark)));
    return {};
}

// `uri=` and `here=` are the subject's: of two that connect, `here` is the one that listens.
std::string line_for(const Subject& s, std::string_view line) {
    const auto uri = s.offer->uri;
    const bool query = uri.find('?') != uri.npos;
    if (line.starts_with("uri=")) return "uri=\"" + std::string(uri) + "\"";
    if (line == "here=$uri" && s.takes("listen")) return query ? "here=\"$uri&listen\"" : "here=\"$uri?listen\"";
    return std::string(line);
}

// What a pattern over it needs first: the certificates of tls:, a server of nats:.
std::string before(const Subject& s) {
    if (s.bare() || (s.offer->shell != "tls.sh" && !s.offer->server)) return {};
    const auto text = shown(s.offer->shell, "# ----");
    return text.substr(0, text.find("\nuri=") + 1);
}

}  // namespace

std::string shown_cpp(const Subject& s) { return shown(s.cpp, "// ----"); }

std::string shown_shell(const Subject& s) {
    // A server of one's own says itself by what it is reached.
    const auto room = shown(s.offer->shell, "# ----");
    const bool gone = !s.bare() && (s.takes("listen") || s.offer->server);  // with the process that had it
    std::string text = before(s);
    std::istringstream lines(shown(s.shell, "# ----"));
    for (std::string line; std::getline(lines, line);) {
        if (gone && line.starts_with("wye rm ")) continue;
        if (s.offer->server && line.starts_with("uri=")) {
            const auto from = room.find("\nuri=") + 1;
            line = room.substr(from, room.find('\n', from) - from);
        } else {
            line = line_for(s, line);
        }
        text += line + "\n";
    }
    return text;
}

std::string_view name(Pattern p) noexcept {
    static constexpr std::string_view names[] = {"", "pub-sub", "work-queue", "request"};
    return names[static_cast<std::size_t>(p)];
}

bool Subject::takes(std::string_view param) const noexcept {
    for (const auto& p : params)
        if (p.name == param) return true;
    return false;
}

const std::vector<Subject>& subjects() {
    static const auto all = made();
    return all;
}

}  // namespace wye::advice
