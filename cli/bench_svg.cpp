// wye bench --svg: five pictures of its figures.
#include "wye/base/text.hpp"
#include "wye/os/replace_file.hpp"

#include "bench_draw.hpp"
#include "bench_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

namespace wye::cli {
namespace {

using namespace drawing;

// "5.4 us", "100 ns": a tick or a value, without a zero that says nothing.
std::string brief(std::string text) {
    if (const auto at = text.find(".0 "); at != std::string::npos) text.erase(at, 2);
    return text;
}
std::string time_text(double ns) { return ns > 0 && ns < 10 ? fmt::format("{:.2g} ns", ns) : brief(human_time(ns)); }
std::string size_text(double bytes) { return brief(human_size(bytes)); }
std::string byte_rate_text(double v) { return size_text(v) + "/s"; }
std::string rate_text(double v) {
    static constexpr const char* units[] = {"", " k", " M", " G"};
    std::size_t u = 0;
    for (; v >= 999.5 && u + 1 < std::size(units); ++u) v /= 1000;
    return fmt::format("{:.3g}{}/s", v, units[u]);
}
std::string count_text(double v) { return fmt::format("{:.3g}", v); }

std::string latency(const Json& results) {
    auto cases = cases_of(results, "latency");
    std::vector<Case> sleeping = cases;
    std::erase_if(sleeping, [](const Case& c) { return wording(*c.result, "wait") != "block"; });
    const bool sleeps = !sleeping.empty();
    if (sleeps) cases = std::move(sleeping);
    const auto size = keep(cases, "size", 64);
    const auto floor = results.value("floor", Json::object());
    std::vector<Ref> refs;
    if (floor.is_object()) refs = {{"F", figure(floor, "line_ns")}, {"W", figure(floor, "wake_ns")}};
    return rows_picture(results, "Latency",
                        fmt::format("one way{}{}: a dot is the median, its whisker ends at the 99th percentile",
                                    size ? ", " + size_text(*size) : "", sleeps ? ", to a receiver that sleeps" : ""),
                        std::move(cases), {{"", "p50", "p99", time_text, true, std::move(refs)}});
}

std::string throughput(const Json& results) {
    static const std::array panels{
        Panel{"messages a second", "size", "per_second", size_text, rate_text, false},
        Panel{"bytes a second", "size", "bytes_per_second", size_text, byte_rate_text, true}};
    return lines_picture(results, "Throughput",
                         "by the size of a message: one process sends as fast as it can, another takes",
                         cases_of(results, "throughput"), panels);
}

std::string wakeup(const Json& results) {
    auto cases = cases_of(results, "wakeup");
    const auto gap = keep(cases, "gap_ns", 1e6);
    return rows_picture(
        results, "Wake-up",
        fmt::format(
            "till a receiver hears that had slept{}: a dot is the median, its whisker ends at the 99th percentile",
            gap ? " for " + time_text(*gap) : ""),
        std::move(cases), {{"", "p50", "p99", time_text, true, {}}});
}

std::string fanout(const Json& results) {
    static const std::array panels{
        Panel{"messages a second, each heard by all receivers", "parties", "per_second", count_text, rate_text, false}};
    auto cases = cases_of(results, "fanout");
    keep(cases, "size", 64);
    return lines_picture(results, "Fan-out", "by the number of processes, the sender among them", cases, panels);
}

std::string cost(const Json& results) {
    auto cases = cases_of(results, "throughput");
    const bool stream = std::ranges::any_of(cases, [](const Case& c) { return c["cpu_ns"].has_value(); });
    if (!stream) cases = cases_of(results, "latency");
    const auto size = keep(cases, "size", 64);
    return rows_picture(results, "Cost a message",
                        fmt::format("both sides together, while {}{}",
                                    stream ? "one sends as fast as it can" : "messages go to and fro",
                                    size ? ", " + size_text(*size) : ""),
                        std::move(cases),
                        {{"processor time", "cpu_ns", nullptr, time_text, true, {}},
                         {"system calls", "syscalls", nullptr, count_text, false, {}},
                         {"context switches", "switches", nullptr, count_text, false, {}}});
}

}  // namespace

Result<std::vector<std::string>> svg_report(const Json& given, const std::string& directory) {
    const auto results = Json::parse(dumped(given));  // every text in it is UTF-8 now
    if (!results.is_object() || wording(results, "schema") != "wye.bench/1")
        return std::unexpected(
            Error::saying(Errc::mismatch, "not results of wye bench: their schema is not \"wye.bench/1\""));
    std::error_code wrong;
    std::filesystem::create_directories(directory, wrong);
    if (wrong)
        return std::unexpected(Error(wrong == std::errc::permission_denied ? Errc::denied : Errc::failed, "mkdir",
                                     directory, wrong.value()));
    std::vector<std::string> written;
    using Draw = std::string (*)(const Json&);
    for (const auto& [name, draw] : {std::pair<const char*, Draw>("latency.svg", latency),
                                     {"throughput.svg", throughput},
                                     {"wakeup.svg", wakeup},
                                     {"fanout.svg", fanout},
                                     {"cost.svg", cost}}) {
        const auto picture = draw(results);
        if (picture.empty()) continue;
        WYE_CHECK(replace_file((std::filesystem::path(directory) / name).string(), bytes_of(picture)));
        written.emplace_back(name);
    }
    return written;
}

}  // namespace wye::cli
