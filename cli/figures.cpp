#include "figures.hpp"

#include "wye/base/text.hpp"

#include "os/processors.hpp"
#include "os/small_file.hpp"
#include "table.hpp"

#include <fmt/format.h>
#include <sys/utsname.h>
#include <time.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>

namespace wye::cli {
namespace {

constexpr std::uintmax_t most_bytes = 64 << 20;
constexpr std::size_t most_rows = 100'000;
constexpr int old_days = 30;

// Where in the document it is wrong, and how.
struct Wrong {
    std::string what;
};

std::string text(const Json& j, const char* key, std::string_view where, bool or_null = false) {
    const auto at = j.find(key);
    if (at != j.end() && at->is_string()) return at->get<std::string>();
    if (or_null && (at == j.end() || at->is_null())) return {};
    throw Wrong{fmt::format("{}.{} is no text", where, key)};
}

double number(const Json& j, const char* key, std::string_view where, bool or_null = false) {
    const auto at = j.find(key);
    if (or_null && (at == j.end() || at->is_null())) return 0;
    if (at == j.end() || !at->is_number()) throw Wrong{fmt::format("{}.{} is no number", where, key)};
    const double v = at->get<double>();
    if (!std::isfinite(v) || v < 0 || v > 1e18) throw Wrong{fmt::format("{}.{} is {}", where, key, at->dump())};
    return v;
}

advice::Measured row(const Json& j, std::size_t n) {
    const auto where = fmt::format("results[{}]", n);
    if (!j.is_object()) throw Wrong{where + " is no object"};
    advice::Measured m;
    m.means = text(j, "means", where);
    m.workload = text(j, "workload", where);
    m.wait = text(j, "wait", where, true);
    m.size = static_cast<std::uint64_t>(number(j, "size", where, true));
    m.parties = static_cast<unsigned>(std::min(number(j, "parties", where, true), 1e6));
    m.as_fast_as_it_goes = number(j, "rate", where, true) == 0;
    m.ns = number(j, "p50", where, true);
    if (m.ns == 0) m.ns = number(j, "ns", where, true);
    m.spread = number(j, "spread", where, true);
    m.per_second = number(j, "per_second", where, true);
    return m;
}

std::string processor_here() {
    const auto all = sys::read_whole("/proc/cpuinfo");
    const auto at = all ? all->find("model name") : std::string::npos;
    if (at == std::string::npos) return {};
    const auto colon = all->find(": ", at), end = all->find('\n', at);
    return colon == std::string::npos || colon > end ? "" : all->substr(colon + 2, end - colon - 2);
}

void say_machine(const Json& j, advice::Figures& f) {
    const auto at = j.find("machine");
    if (at == j.end() || !at->is_object()) throw Wrong{"machine is no object"};
    const auto cpu = text(*at, "cpu", "machine", true), kernel = text(*at, "kernel", "machine", true);
    const double processors = number(*at, "processors", "machine", true);
    utsname here{};
    ::uname(&here);
    const auto own = processor_here();
    if (!own.empty() && cpu != own) {
        f.said.push_back(fmt::format("they are of another machine ({}; this is {})", escape(cpu), escape(own)));
    } else if (processors > 0 && processors != sys::processors()) {
        f.said.push_back(
            fmt::format("they were taken with {} processors, and here are {}", processors, sys::processors()));
    }
    // Behind the release may stand what it was built for.
    if (kernel.substr(0, kernel.find(' ')) != here.release)
        f.said.push_back(fmt::format("they were taken with Linux {}, and this is {}", escape(kernel), here.release));
}

void say_age(const std::string& made, advice::Figures& f) {
    std::tm t{};
    const char* end = ::strptime(made.c_str(), "%Y-%m-%dT%H:%M:%SZ", &t);
    if (!end || *end) throw Wrong{fmt::format("made is \"{}\": a time is written 2026-11-29T11:00:00Z", escape(made))};
    const auto days = (::time(nullptr) - ::timegm(&t)) / (24 * 60 * 60);
    if (days >= old_days) f.said.push_back(fmt::format("they are {} days old", days));
    if (days < -1) f.said.push_back(fmt::format("they say of themselves to be of {}, which is to come", made));
}

advice::Figures parsed(const Json& j) {
    if (!j.is_object()) throw Wrong{"it is no object of JSON"};
    if (const auto schema = text(j, "schema", "the document"); schema != "wye.bench/1")
        throw Wrong{fmt::format("its schema is \"{}\", and not \"wye.bench/1\"", escape(schema))};
    advice::Figures f;
    say_machine(j, f);
    say_age(text(j, "made", "the document"), f);
    if (const auto whole = j.find("complete"); whole != j.end() && *whole == false)
        f.said.emplace_back("the run was ended early: not all means were measured");
    const auto rows = j.find("results");
    if (rows == j.end() || !rows->is_array()) throw Wrong{"results is no list"};
    if (rows->size() > most_rows) throw Wrong{fmt::format("results has {} rows", rows->size())};
    for (std::size_t i = 0; i < rows->size(); ++i) f.rows.push_back(row((*rows)[i], i));
    return f;
}

}  // namespace

std::string kept_figures() {
    if (const char* state = std::getenv("XDG_STATE_HOME"); state && *state == '/')
        return std::string(state) + "/wye/bench.json";
    const char* home = std::getenv("HOME");
    return home && *home == '/' ? std::string(home) + "/.local/state/wye/bench.json" : std::string();
}

Result<advice::Figures> read_figures(const std::string& file) {
    std::error_code none;
    if (const auto size = std::filesystem::file_size(file, none); !none && size > most_bytes)
        return refuse(Errc::mismatch, fmt::format("{}: {} are no figures of wye bench", escape(file),
                                                  human_size(static_cast<double>(size))));
    WYE_TRY(const auto all, sys::read_whole(file));
    const auto wrong = [&](std::string_view what) {
        return refuse(Errc::mismatch, fmt::format("{}: {}; wye bench makes it anew", escape(file), what));
    };
    const auto j = Json::parse(all, nullptr, false);
    if (j.is_discarded()) return wrong("it is no JSON");
    try {
        auto f = parsed(j);
        f.file = file;
        return f;
    } catch (const Wrong& w) {
        return wrong(w.what);
    }
}

}  // namespace wye::cli
