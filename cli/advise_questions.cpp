#include "advise_questions.hpp"

#include "wye/base/text.hpp"

#include "command.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <string>

namespace wye::cli {
namespace {

using namespace advice;

struct Choice {
    const char* words;
    void (*take)(Needs&);
};
struct Question {
    const char* words;
    std::vector<Choice> choices;  // the first is the default
};

void nothing(Needs&) {}

const std::vector<Question>& questions() {
    static const std::vector<Question> all{
        {"What is it for?",
         {{"one program tells another something", nothing},
          {"one asks, another answers", [](Needs& w) { w.purpose = Purpose::question; }},
          {"large data that several use where it lies", [](Needs& w) { w.purpose = Purpose::memory; }},
          {"only one at a time may do something", [](Needs& w) { w.purpose = Purpose::lock; }},
          {"only so many at once may", [](Needs& w) { w.purpose = Purpose::permits; }},
          {"only that something happened is to be told", [](Needs& w) { w.purpose = Purpose::event; }}}},
        {"Where is the other program?",
         {{"here, started by somebody else", [](Needs& w) { w.where = Where::unrelated; }},
          {"here, of the same fork", [](Needs& w) { w.where = Where::forked; }},
          {"here, and we start it", [](Needs& w) { w.where = Where::started; }},
          {"on another host, and others are on the way", [](Needs& w) { w.where = Where::network; }},
          {"on another host of a network that is ours alone",
           [](Needs& w) { w.where = Where::network, w.trusted = true; }}}},
        {"Who takes part?",
         {{"one tells one", nothing},
          {"many tell one", [](Needs& w) { w.parties = Parties::many_to_one; }},
          {"one tells many, and each hears all", [](Needs& w) { w.parties = Parties::one_to_many; }},
          {"many tell many, and each hears all", [](Needs& w) { w.parties = Parties::all_to_all; }},
          {"many share the work: each job for one of them", [](Needs& w) { w.parties = Parties::shared_work; }}}},
        {"Does anything come back?", {{"no", nothing}, {"yes, both ways", [](Needs& w) { w.both_ways = true; }}}},
        {"Does the other program know how to open such things?",
         {{"yes, or it can be changed", nothing},
          {"it only opens files", [](Needs& w) { w.partner = Partner::files; }},
          {"it only has standard input and output", [](Needs& w) { w.partner = Partner::stdio; }}}},
        {"Must it be kept?",
         {{"no: both are there", nothing},
          {"while nobody is there", [](Needs& w) { w.kept = Kept::absent; }},
          {"also over a reboot", [](Needs& w) { w.kept = Kept::reboot; }},
          {"also when a host is lost", [](Needs& w) { w.kept = Kept::host; }}}},
        {"May anything be lost?",
         {{"it does not matter much", nothing},
          {"nothing may be lost", [](Needs& w) { w.loss = Loss::none; }},
          {"only the latest counts", [](Needs& w) { w.loss = Loss::latest; }},
          {"late is as bad as lost", [](Needs& w) { w.loss = Loss::allowed; }}}},
        {"When a process is killed, must what it held or had taken come back?",
         {{"no", nothing}, {"yes", [](Needs& w) { w.survive_kill = true; }}}},
        {"In which order?",
         {{"as it was sent", nothing},
          {"the urgent first", [](Needs& w) { w.priority = true; }},
          {"a reader asks for a type", [](Needs& w) { w.by_type = true; }}}},
        {"Are the programs of different users?", {{"no", nothing}, {"yes", [](Needs& w) { w.other_user = true; }}}},
        {"Does it have to wait in an event loop (poll)?",
         {{"no", nothing}, {"yes", [](Needs& w) { w.pollable = true; }}}},
        {"Are open descriptors to be handed over?", {{"no", nothing}, {"yes", [](Needs& w) { w.descriptors = true; }}}},
        {"May a server run besides the programs?", {{"yes", nothing}, {"no", [](Needs& w) { w.no_server = true; }}}},
        {"How large is a message?",
         {{"a few kilobytes at the most", nothing},
          {"up to a megabyte", [](Needs& w) { w.size = 1 << 20; }},
          {"larger", [](Needs& w) { w.size = 64 << 20; }}}},
        {"How many come in a second?",
         {{"a few thousand at the most", nothing},
          {"a hundred thousand", [](Needs& w) { w.rate = 1e5; }},
          {"millions", [](Needs& w) { w.rate = 3e6; }}}},
    };
    return all;
}

std::vector<std::string> names(const Needs& w, const Figures* f, const Limits& limits) {
    std::vector<std::string> all;
    for (const auto& j : advise(w, f, limits).fits) all.push_back(j.subject->name);
    return all;
}

// Whether one of its answers would change what is left, and leave something.
bool matters(const Question& q, const Needs& w, const Figures* f, const Limits& limits) {
    const auto now = names(w, f, limits);
    for (const auto& c : q.choices) {
        auto then = w;
        c.take(then);
        if (const auto left = names(then, f, limits); !left.empty() && left != now) return true;
    }
    return false;
}

// A line of standard input; nullopt at its end, and when a signal came.
std::optional<std::string> line() {
    std::string s;
    for (char c = 0; !interrupted();) {
        pollfd p{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
        if (::poll(&p, 1, 200) <= 0) continue;
        if (::read(STDIN_FILENO, &c, 1) != 1) return {};
        if (c == '\n') return s;
        if (s.size() < 200) s += c;
    }
    return {};
}

std::optional<std::size_t> answer(const Question& q) {
    fmt::print(stderr, "\n{}\n", q.words);
    for (std::size_t i = 0; i < q.choices.size(); ++i) fmt::print(stderr, "  {}  {}\n", i + 1, q.choices[i].words);
    for (;;) {
        fmt::print(stderr, "[1] ");
        const auto given = line();
        if (!given) fmt::print(stderr, "\n");
        if (!given || *given == "q") return {};
        if (given->empty()) return 0;
        if (const auto n = parse_number(*given); n && *n >= 1 && *n <= q.choices.size()) return *n - 1;
        fmt::print(stderr, "\"{}\": write 1 to {}, nothing for 1, or q to leave\n", escape(*given), q.choices.size());
    }
}

}  // namespace

std::optional<Needs> ask_needs(const Figures* f) {
    const auto limits = limits_here();
    fmt::print(stderr, "A number and Enter, Enter alone for 1, q to leave.\n");
    Needs w;
    for (const auto& q : questions()) {
        if (!matters(q, w, f, limits)) continue;
        const auto n = answer(q);
        if (!n) return {};
        q.choices[*n].take(w);
        if (names(w, f, limits).size() < 2) break;
    }
    fmt::print(stderr, "\n");
    return w;
}

}  // namespace wye::cli
