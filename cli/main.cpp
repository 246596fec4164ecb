// argv -> the table of commands -> run.
#include "wye/base/text.hpp"

#include "command.hpp"
#include "pager.hpp"
#include "terminal.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <cstring>

namespace wye::cli {

#define VERB(name) extern const Command name##_command;
#include WYE_VERBS
#undef VERB

std::span<const Command* const> commands() noexcept {
    static constexpr const Command* all[] = {
#define VERB(name) &name##_command,
#include WYE_VERBS
#undef VERB
    };
    return all;
}

namespace {

bool hidden(const Command& c) noexcept { return std::strncmp(c.name, "__", 2) == 0; }

const Command* find_command(std::string_view name) noexcept {
    for (const auto* c : commands())
        if (name == c->name) return c;
    return nullptr;
}

constexpr const char* exit_text =
    R"(Exit codes of every verb but those below:
    0    done
    1    the operation failed
    2    wrong usage: an argument or a URI that does not parse
    3    no such object, or nobody listens there
    4    permission denied
    5    it exists already, or someone else holds it
    6    the other end went away too early
    124  a deadline (--timeout) passed, as with timeout(1)
    125  run: what is wrong is not the program's (it wrote more than --limit-output, no --sandbox here)
    126  run: the program may not or cannot be run; 127: there is none
    130  Ctrl-C; 143 SIGTERM: the summary is printed and nothing is left behind

Of ls, who, wait, map, orphans, doctor, limits --warn, and clean without --yes, for monitors:
    0    there is nothing of what was asked for
    1    there is something
    2    something could not be looked into (the last line says what); or wrong usage, with nothing on standard output
    3    an error; no such object or process

Of clean --yes: 0 all that was to go is gone, 5 something was left, for it is used by now, 1 something could not be done.
)";

std::string overview() {
    std::string s =
        "wye: every way two programs on a Unix machine can talk\n\n"
        "    wye tour                                   # watch every means carry a real file\n"
        "    wye recv unix:/tmp/s?listen > copy &       # one side\n"
        "    wye send unix:/tmp/s original              # the other\n"
        "    echo job | wye send --lines posix-mq:/jobs # a line a message\n\n"
        "Verbs:\n";
    for (const auto* c : commands())
        if (!hidden(*c)) s += fmt::format("    {:<11} {}\n", c->name, c->summary);
    s += fmt::format("    {:<11} {}\n", "help", "a verb's page, or `help exit`, `help uri`");
    s += "\nOf every verb: --help, --color=always|never|auto. Data goes to stdout, everything else to stderr.\n";
    return s;
}

std::string uri_page() {
    std::string s = "A URI names one end: scheme:address?parameters#fragment. `?listen` says which end one is.\n\n";
    for (const auto* m : mechanisms()) {
        s += fmt::format("    {:<34} {}\n", m->example, m->summary);
        for (const auto& p : m->params)
            s += fmt::format("        {:<30} {}\n",
                             fmt::format("{}{}{}", p.name, p.values.empty() ? "" : "=", p.values), p.help);
    }
    s += "\n%XX stands for a byte that would otherwise mean something: '?' is %3F, '#' %23, '%' %25, a space %20.\n";
    return s;
}

// A verb's page: examples first, then the options, from one source.
std::string page(const Command& c, Arguments& app) {
    std::string s = fmt::format("wye {} {}\n    {}\n\nExamples:\n", c.name, c.arguments, c.summary);
    std::string_view lines = c.examples;
    while (!lines.empty()) {
        const auto end = lines.find('\n');
        s += fmt::format("    {}\n", lines.substr(0, end));
        lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 1);
    }
    s += "\nOptions:\n";
    for (const auto& line : app.lines()) s += fmt::format("    {:<26} {}\n", line.names, line.help);
    return s;
}

int show(const std::string& text) {
    page_out(text);
    return exit_ok;
}

int help(int argc, char** argv) {
    if (argc < 3) return show(overview());
    const std::string_view topic = argv[2];
    if (topic == "exit") return show(exit_text);
    if (topic == "uri") return show(uri_page());
    const auto* c = find_command(topic);
    if (!c) return usage_error("help", fmt::format("no page \"{}\"; see wye help", escape(topic)));
    Arguments app;
    (void)c->define(app);
    return show(page(*c, app));
}

int unknown_verb(std::string_view verb) {
    std::vector<std::string_view> names{"help", "version"};
    for (const auto* c : commands())
        if (!hidden(*c)) names.emplace_back(c->name);
    const auto near = nearest(verb, names);
    return usage_error("", fmt::format("unknown verb \"{}\"{}; wye help lists them", escape(verb),
                                       near.empty() ? "" : fmt::format(", did you mean \"{}\"?", near)));
}

int run_command(const Command& c, int argc, char** argv) {
    Arguments app(c.name);
    std::string color = "auto";
    app.add_option("--color", color, "always, never or auto (NO_COLOR and TERM are honoured)")->type_name("WHEN");
    const auto run = c.define(app);
    const auto parsed = app.parse(argc - 1, argv + 1);
    if (parsed.help) return show(page(c, app));
    if (!parsed.error.empty())
        return usage_error(
            c.name, fmt::format("{} (wye {} {}; see wye help {})", escape(parsed.error), c.name, c.arguments, c.name));
    if (!set_color(color))
        return usage_error(c.name, fmt::format("--color={}: write always, never or auto", escape(color)));
    return run();
}

int dispatch(int argc, char** argv) {
    if (argc < 2) {
        fmt::print(stderr, "{}", overview());
        return exit_usage;
    }
    const std::string_view verb = argv[1];
    if (verb == "help" || verb == "--help" || verb == "-h") return help(argc, argv);
    if (verb == "version" || verb == "--version" || verb == "-V") return show(fmt::format("wye {}\n", WYE_VERSION));
    const auto* c = find_command(verb);
    return c ? run_command(*c, argc, argv) : unknown_verb(verb);
}

}  // namespace
}  // namespace wye::cli

int main(int argc, char** argv) {
    // A reader that went away is EPIPE here, and an orderly end; children get the default back (os/spawn).
    ::signal(SIGPIPE, SIG_IGN);
    const int code = wye::cli::dispatch(argc, argv);
    if (const int trouble = wye::cli::flush_output(); trouble != 0 && trouble != EPIPE) {
        fmt::print(stderr, "wye: standard output: {}\n", std::strerror(trouble));
        return wye::cli::exit_failed;
    }
    return code;
}
