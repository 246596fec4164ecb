// wye advise: which means serves what is needed, why each other does not, and the lines that use it.
#include "wye/base/text.hpp"

#include "advise_questions.hpp"
#include "advise_text.hpp"
#include "command.hpp"
#include "figures.hpp"
#include "pager.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>

namespace wye::cli {
namespace {

using namespace advice;

struct Options {
    Needs needs;
    bool unrelated = false, related = false, child = false, network = false;
    bool one_to_one = false, many_to_one = false, one_to_many = false, share_work = false, one_way = false;
    bool ask = false, in_place = false, lock = false, permits = false, event = false;
    bool files = false, stdio = false;
    bool must_arrive = false, may_lose = false, latest = false;
    std::optional<std::string> durable, size, rate, figures, of;
    bool json = false, all = false, cpp = false, shell = false, markdown = false;
};

constexpr std::string_view shown_right = "wye advise --unrelated --many-to-one --priority --durable";

int wrong(std::string_view what) { return usage_error("advise", what); }

// Of these at the most one; its place, or -1, or -2 after a complaint.
template <std::size_t N>
int one_of(const std::pair<bool, const char*> (&choices)[N]) {
    int found = -1;
    for (std::size_t i = 0; i < N; ++i) {
        if (!choices[i].first) continue;
        if (found >= 0)
            return wrong(fmt::format("{} and {} exclude each other", choices[found].second, choices[i].second)), -2;
        found = static_cast<int>(i);
    }
    return found;
}

bool take_durable(Options& o) {
    if (!o.durable) return true;
    static constexpr std::string_view words[] = {"", "absent", "crash", "reboot", "host"};
    for (std::size_t i = 1; i < std::size(words); ++i)
        if (*o.durable == words[i]) return o.needs.kept = static_cast<Kept>(i), true;
    if (o.durable->empty()) return o.needs.kept = Kept::crash, true;
    return wrong(fmt::format("--durable={}: write absent, crash, reboot or host", escape(*o.durable))), false;
}

// "1000", "200K", "1.5M" messages a second.
std::optional<double> rate_of(std::string text) {
    double unit = 1;
    if (text.ends_with('K')) unit = 1e3;
    if (text.ends_with('M')) unit = 1e6;
    if (unit > 1) text.pop_back();
    char* end = nullptr;
    const double v = std::strtod(text.c_str(), &end);
    if (text.empty() || *end != '\0' || !std::isfinite(v) || v <= 0 || v * unit > 1e12) return {};
    return v * unit;
}

bool take_numbers(Options& o) {
    if (o.size) {
        const auto n = parse_size(*o.size);
        if (!n || *n == 0) return wrong(fmt::format("--size={}: write a size as 64, 4K or 1M", escape(*o.size))), false;
        o.needs.size = *n;
    }
    if (o.rate) {
        const auto r = rate_of(*o.rate);
        if (!r)
            return wrong(fmt::format("--rate={}: write messages a second as 1000, 200K or 1.5M", escape(*o.rate))),
                   false;
        o.needs.rate = *r;
    }
    return true;
}

bool take_choices(Options& o) {
    auto& w = o.needs;
    // Whoever is on another host is a stranger in any case.
    const int where = one_of({{o.unrelated && !o.network, "--unrelated"},
                              {o.related, "--related"},
                              {o.child, "--child"},
                              {o.network, o.unrelated ? "--unrelated --network" : "--network"}});
    const int purpose = one_of({{o.ask, "--ask"},
                                {o.in_place, "--in-place"},
                                {o.lock, "--lock"},
                                {o.permits, "--at-most"},
                                {o.event, "--event"}});
    const int partner = one_of({{o.files, "--files"}, {o.stdio, "--stdio"}});
    const int loss = one_of({{o.must_arrive, "--must-arrive"}, {o.may_lose, "--may-lose"}, {o.latest, "--latest"}});
    const int alone = one_of({{o.one_to_one, "--one-to-one"},
                              {o.many_to_one || o.one_to_many, "--many-to-one or --one-to-many"},
                              {o.share_work, "--share-work"}});
    const int ways = one_of({{o.one_way, "--one-way"}, {w.both_ways, "--both-ways"}});
    for (const int n : {where, purpose, partner, loss, alone, ways})
        if (n == -2) return false;
    if (where >= 0) w.where = static_cast<Where>(where);
    if (purpose >= 0) w.purpose = static_cast<Purpose>(purpose + 1);
    if (partner >= 0) w.partner = static_cast<Partner>(partner + 1);
    if (loss >= 0) w.loss = static_cast<Loss>(loss + 1);
    if (o.share_work) w.parties = Parties::shared_work;
    if (o.many_to_one) w.parties = Parties::many_to_one;
    if (o.one_to_many) w.parties = o.many_to_one ? Parties::all_to_all : Parties::one_to_many;
    if (w.trusted && !o.network) return wrong("--trusted is said of a --network"), false;
    return true;
}

// Whether any need was said.
bool said(const Options& o) {
    const auto& w = o.needs;
    return o.unrelated || o.related || o.child || o.network || o.one_to_one || o.many_to_one || o.one_to_many ||
           o.share_work || o.one_way || o.ask || o.in_place || o.lock || o.permits || o.event || o.files || o.stdio ||
           o.must_arrive || o.may_lose || o.latest || o.durable || o.size || o.rate || w.trusted || w.other_user ||
           w.both_ways || w.priority || w.by_type || w.survive_kill || w.pollable || w.descriptors || w.no_server;
}

// What was measured: what was asked for has to be there and right; what is only kept may be missing.
int find_figures(const Options& o, std::optional<Figures>& into, std::string& why_not) {
    const auto file = o.figures ? *o.figures : kept_figures();
    if (file.empty()) return why_not = "there is no home where wye bench would have kept it", exit_ok;
    auto f = read_figures(file);
    if (f) return into = std::move(*f), exit_ok;
    if (o.figures || !f.error().is(Errc::not_found)) return report("advise", f.error());
    why_not = "there is no " + file;
    return exit_ok;
}

int print(const Options& o, const Advised& a) {
    const bool none = a.advice.fits.empty();
    if (o.json) {
        page_out(as_json(a).dump(2) + "\n");
    } else if (none || !(o.cpp || o.shell)) {
        // Where lines to be run were asked for, what is said instead is not to be taken for them.
        const auto text = as_text(a, o.all);
        if (o.cpp || o.shell)
            fmt::print(stderr, "{}", text);
        else
            page_out(text);
    } else {
        const auto s = fitted(*a.advice.fits[0].subject, a.needs);
        page_out(o.cpp ? shown_cpp(s) : shown_shell(s));
    }
    return none ? exit_failed : exit_ok;
}

// The lines of one means, whatever is needed.
int print_lines_of(const Options& o) {
    if (!o.cpp && !o.shell) return wrong("--of is said with --cpp or --shell: whose lines to print");
    std::vector<std::string_view> names;
    for (const auto& s : subjects()) {
        if (s.name == *o.of) return page_out(o.cpp ? shown_cpp(s) : shown_shell(s)), exit_ok;
        names.emplace_back(s.name);
    }
    const auto near = nearest(*o.of, names);
    return wrong(fmt::format("--of={}: {}", escape(*o.of),
                             near.empty() ? "write a means as unix, or a pattern over one as pub-sub@unix"
                                          : fmt::format("did you mean {}?", near)));
}

int run(Options& o) {
    if (o.markdown) return page_out(hurts_as_markdown()), exit_ok;
    if (o.of) return print_lines_of(o);
    if (!take_durable(o) || !take_numbers(o) || !take_choices(o)) return exit_usage;
    std::optional<Figures> figures;
    std::string no_figures;
    const bool asks = !said(o);
    if (asks && !(::isatty(STDIN_FILENO) && ::isatty(STDERR_FILENO)))
        return wrong(fmt::format("say what is needed, as in {}; on a terminal it asks", shown_right));
    if (const int code = find_figures(o, figures, no_figures); code != exit_ok) return code;
    const auto* f = figures ? &*figures : nullptr;
    if (asks) {
        catch_signals();
        const auto answered = ask_needs(f);
        if (!answered) return finish(exit_ok);
        o.needs = *answered;
    }
    const auto a = advise(o.needs, f);
    return print(o, {o.needs, a, f, no_figures});
}

void define_needs(Arguments& app, Options& o) {
    auto& w = o.needs;
    app.add_flag("--unrelated", o.unrelated, "strangers on one host (where nothing else is said)");
    app.add_flag("--related", o.related, "processes of one fork");
    app.add_flag("--child", o.child, "one starts the other");
    app.add_flag("--network", o.network, "another host");
    app.add_flag("--trusted", w.trusted, "nobody else is on that network");
    app.add_flag("--other-user", w.other_user, "the programs are of different users");
    app.add_flag("--one-way", o.one_way, "nothing comes back (where nothing else is said)");
    app.add_flag("--both-ways", w.both_ways, "each sends and receives");
    app.add_flag("--one-to-one", o.one_to_one, "where nothing else is said");
    app.add_flag("--many-to-one", o.many_to_one, "several tell one; with --one-to-many, several tell all");
    app.add_flag("--one-to-many", o.one_to_many, "each of several hears all");
    app.add_flag("--share-work", o.share_work, "each message is a job for one of several");
    app.add_flag("--ask", o.ask, "a question has an answer");
    app.add_flag("--in-place", o.in_place, "several use large data where it lies");
    app.add_flag("--lock", o.lock, "only to agree: one at a time");
    app.add_flag("--at-most", o.permits, "only to agree: so many at once");
    app.add_flag("--event", o.event, "only that something happened");
    app.add_flag("--files", o.files, "the other program knows only files");
    app.add_flag("--stdio", o.stdio, "it knows only its standard input and output");
    app.add_flag("--priority", w.priority, "the urgent first");
    app.add_flag("--by-type", w.by_type, "a reader asks for a type, or a topic");
    app.add_option("--durable", o.durable,
                   "kept while nobody is there (absent), whatever process dies (crash, where nothing is said), over a "
                   "reboot, when a host is lost")
        ->expected(0, 1)
        ->type_name("absent|crash|reboot|host");
    app.add_flag("--must-arrive", o.must_arrive, "nothing may be lost");
    app.add_flag("--may-lose", o.may_lose, "late is as bad as lost");
    app.add_flag("--latest", o.latest, "only the latest counts");
    app.add_flag("--survive-kill", w.survive_kill, "what a killed process held or had taken comes back");
    app.add_flag("--poll", w.pollable, "it waits in an event loop");
    app.add_flag("--fds", w.descriptors, "open descriptors are handed over");
    app.add_flag("--no-daemon", w.no_server, "no server runs besides the programs");
    app.add_option("--size", o.size, "of a message, or of the memory")->type_name("SIZE");
    app.add_option("--rate", o.rate, "messages a second: what was measured to do less is ruled out")->type_name("N");
}

Run define(Arguments& app) {
    auto o = std::make_shared<Options>();
    define_needs(app, *o);
    app.add_option("--figures", o->figures, "what wye bench measured (the newest that it kept)")->type_name("FILE");
    app.add_flag("--all", o->all, "everything that fits, and everything that is ruled out with all its reasons");
    auto* json = app.add_flag("--json", o->json, "one document, schema wye.advise/1");
    auto* cpp = app.add_flag("--cpp", o->cpp, "the lines of C++, and nothing else")->excludes(json);
    auto* shell =
        app.add_flag("--shell", o->shell, "the lines for a shell, and nothing else")->excludes(json)->excludes(cpp);
    app.add_option("--of", o->of, "those of this one, as unix or pub-sub@unix, whatever is needed")->type_name("MEANS");
    app.add_flag("--markdown", o->markdown, "of every means what hurts, as a Markdown table")
        ->excludes(json)
        ->excludes(cpp)
        ->excludes(shell);
    return [o] { return run(*o); };
}

}  // namespace

extern const Command advise_command;
const Command advise_command{
    .name = "advise",
    .arguments = "[NEED]...",
    .summary = "which means to take, why not the others, and the lines that use it",
    .examples =
        "wye advise                                    # on a terminal: a few questions\n"
        "wye advise --unrelated --many-to-one --priority --durable\n"
        "wye advise --network --ask --size=64K         # others are on the way unless --trusted\n"
        "wye advise --related --both-ways --rate=200K  # as wye bench has measured it here\n"
        "wye advise --lock --shell                     # only the commands",
    .define = define};

}  // namespace wye::cli
