#include "measure/program.hpp"

#include <signal.h>
#include <sys/prctl.h>

#include <cstdio>

namespace wye::measure {
namespace {

template <class T>
Result<T> read(const char* what, auto&& how) {
    try {
        return how();
    } catch (const nlohmann::json::exception& e) {
        return refuse(Errc::corrupt, std::string(what) + ": " + e.what());
    }
}

Means* find(const AllMeans& all, std::string_view name) {
    for (const auto& m : all)
        if (m->name == name) return m.get();
    return nullptr;
}

int list(const AllMeans& all) {
    Json rows = Json::array();
    for (const auto& m : all) rows.push_back(to_json(*m));
    std::puts(rows.dump().c_str());
    return 0;
}

int fail_with(const std::string& what) {
    std::fprintf(stderr, "%s\n", what.c_str());
    return 1;
}

}  // namespace

Json to_json(const Means& m) {
    return {{"name", m.name},         {"group", m.group}, {"version", m.version}, {"summary", m.summary},
            {"shapes", m.shapes},     {"can", m.can},     {"largest", m.largest}, {"carries", m.carries},
            {"lossless", m.lossless}, {"polls", m.polls}};
}

Json to_json(const Work& w) {
    return {{"means", w.means},     {"workload", w.workload}, {"poll", w.poll},       {"size", w.size},
            {"parties", w.parties}, {"rate", w.rate},         {"gap", w.gap.count()}, {"at_once", w.at_once},
            {"ms", w.time.count()}, {"messages", w.messages}};
}

Json to_json(const Taken& t) {
    return {{"times", t.times.sparse()},
            {"largest", t.times.largest()},
            {"messages", t.messages},
            {"bytes", t.bytes},
            {"lost", t.lost},
            {"ns", t.ns},
            {"cpu_ns", t.cpu_ns},
            {"switches", t.switches},
            {"more", t.more},
            {"note", t.note}};
}

Result<Work> work_from(const Json& j) {
    return read<Work>("work", [&]() -> Result<Work> {
        for (const auto* name : {"size", "parties", "gap", "at_once", "ms", "messages"})
            if (j.contains(name) && !(j.at(name).is_number_integer() && j.at(name) >= 0))
                return refuse(Errc::corrupt, std::string("work: \"") + name + "\" is a whole number, as in 64");
        return Work{.means = j.at("means"),
                    .workload = j.at("workload"),
                    .poll = j.value("poll", false),
                    .size = j.value("size", std::size_t{64}),
                    .parties = j.value("parties", 2u),
                    .rate = j.value("rate", 0.),
                    .at_once = j.value("at_once", std::uint64_t{0}),
                    .gap = std::chrono::nanoseconds(j.value("gap", 0L)),
                    .time = std::chrono::milliseconds(j.value("ms", 25L)),
                    .messages = j.value("messages", std::uint64_t{0})};
    });
}

Result<Taken> taken_from(const Json& j) {
    return read<Taken>("what a measuring program answered", [&]() -> Result<Taken> {
        Taken t{.messages = j.at("messages"),
                .bytes = j.at("bytes"),
                .lost = j.at("lost"),
                .ns = j.at("ns"),
                .cpu_ns = j.at("cpu_ns"),
                .switches = j.at("switches"),
                .more = j.value("more", std::map<std::string, double>()),
                .note = j.at("note")};
        if (!t.times.add(j.at("times").get<Histogram::Sparse>(), j.at("largest")))
            return refuse(Errc::corrupt, "what a measuring program answered: no such time");
        return t;
    });
}

int program_main(int argc, char** argv, const AllMeans& all) {
    const std::string_view what = argc > 1 ? argv[1] : "";
    if (what == "list" && argc == 2) return list(all);
    if (what != "run" || argc != 3)
        return fail_with(std::string("usage: ") + argv[0] +
                         " list | run '{\"means\": \"...\", \"workload\": \"latency\"}'");
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // its answer is for nobody else
    const auto j = Json::parse(argv[2], nullptr, false);
    auto work = work_from(j);
    if (!work) return fail_with(work.error().message());
    auto* m = find(all, work->means);
    if (!m) return fail_with("no such means here: " + work->means);
    // Who waits for that sees a line; to who does not, it is a space before the answer.
    work->begun = [] { std::puts(""), std::fflush(stdout); };
    try {
        std::puts(to_json(run(*work, *m)).dump().c_str());
        return 0;
    } catch (const std::exception& e) {
        return fail_with(e.what());
    }
}

}  // namespace wye::measure
