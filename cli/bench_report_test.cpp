#include "bench_report.hpp"

#include "wye/process/command.hpp"

#include "bench_figures.hpp"
#include "support/support.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

using namespace wye;
using namespace wye::cli;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view hostile = "</script><img src=x onerror=alert(1)>";

std::string text_in(const fs::path& path) {
    std::ifstream f(path);
    return {std::istreambuf_iterator<char>(f), {}};
}
Json sample() { return Json::parse(text_in(WYE_BENCH_SAMPLE)); }

std::size_t how_often(std::string_view text, std::string_view word) {
    std::size_t n = 0;
    for (auto at = text.find(word); at != text.npos; at = text.find(word, at + 1)) ++n;
    return n;
}

std::string document_in(const std::string& page) {
    constexpr std::string_view slot = R"(<script id="results" type="application/json">)";
    const auto from = page.find(slot) + slot.size();
    return page.substr(from, page.find("</script>", from) - from);
}

// All the pictures in it and below it, by a parser that is none of ours.
void expect_well_formed(const std::string& directory) {
    static const char* const parse =
        "import pathlib, sys, xml.parsers.expat as x\n"
        "for p in pathlib.Path(sys.argv[1]).rglob('*.svg'): x.ParserCreate().Parse(p.read_bytes(), True)";
    const auto parsed =
        wye::Command({"python3", "-c", parse, directory}).err(Target::capture()).run(std::chrono::seconds(20));
    ASSERT_TRUE(parsed.has_value()) << parsed.error().message();
    EXPECT_TRUE(parsed->exit.ok()) << parsed->err;
}

class BenchPictures : public ::testing::Test {
protected:
    std::vector<std::string> draw(const Json& results, const std::string& below = "") {
        const auto written = svg_report(results, place() + "/" + below);
        EXPECT_TRUE(written.has_value()) << written.error().message();
        return written.value_or(std::vector<std::string>());
    }
    std::string place() const { return dir.path() + "/pictures"; }
    std::string picture(const char* name) const { return text_in(fs::path(place()) / name); }
    test::TempDir dir;
};

Json only(std::initializer_list<const char*> workloads) {
    auto results = sample();
    auto kept = Json::array();
    for (const auto& r : results["results"])
        for (const auto* w : workloads)
            if (r["workload"] == w) kept.push_back(r);
    results["results"] = std::move(kept);
    return results;
}

TEST(BenchPage, HasTheDocumentThatWasGiven) {
    const auto results = sample();
    const auto page = html_report(results);
    EXPECT_EQ(Json::parse(document_in(page)), results);
    EXPECT_TRUE(page.starts_with("<!doctype html>"));
    EXPECT_TRUE(page.ends_with("</html>\n"));
    EXPECT_NE(page.find("default-src 'none'"), page.npos);
}

TEST(BenchPage, ANameEndsNothing) {
    const auto empty = html_report(Json::object());
    auto results = sample();
    results["machine"]["cpu"] = "<!--<script></script>--></SCRIPT ><!doctype";
    const auto page = html_report(results);
    for (const auto* word : {"</script", "</SCRIPT", "<script", "<!--", "<img"})
        EXPECT_EQ(how_often(page, word), how_often(empty, word)) << word;
    EXPECT_EQ(Json::parse(document_in(page)), results);
}

TEST(BenchPage, TextThatIsNotUtf8IsShownAsFarAsItIs) {
    auto results = sample();
    results["machine"]["cpu"] = "a\xff z";
    EXPECT_EQ(Json::parse(document_in(html_report(results)))["machine"]["cpu"], "a\xef\xbf\xbd z");
}

TEST_F(BenchPictures, EachIsThereAndIsXml) {
    EXPECT_EQ(draw(sample()),
              (std::vector<std::string>{"latency.svg", "throughput.svg", "wakeup.svg", "fanout.svg", "cost.svg"}));
    expect_well_formed(place());
    EXPECT_EQ(std::distance(fs::directory_iterator(place()), fs::directory_iterator()), 5);
}

TEST_F(BenchPictures, LatencyHasARowForEachMeansThatSlept) {
    auto results = sample();
    std::ranges::reverse(results["results"]);  // those that poll come first
    std::size_t rows = 0;
    for (const auto& r : results["results"])
        rows += r["workload"] == "latency" && r["wait"] == "block" && r["size"] == 64;
    draw(results);
    const auto svg = picture("latency.svg");
    // A dot each, and one each for the three groups below.
    EXPECT_EQ(how_often(svg, "<circle") + how_often(svg, "width=\"8\""), rows + 3);
    EXPECT_EQ(how_often(svg, ">iceoryx</text>"), 1U);
    EXPECT_EQ(how_often(svg, ">4.7 us</text>"), 1U);  // shm, which is quicker while it polls
    EXPECT_NE(svg.find("prefers-color-scheme: dark"), svg.npos);
}

TEST_F(BenchPictures, ANameIsOnlyText) {
    auto results = only({"latency"});
    for (auto& m : results["means"])
        if (m["name"] == "pipe") m["name"] = "a\x01\xff\xef\xbf\xbf<&\">";
    for (auto& r : results["results"])
        if (r["means"] == "pipe") r["means"] = "a\x01\xff\xef\xbf\xbf<&\">";
    draw(results);
    const auto svg = picture("latency.svg");
    EXPECT_EQ(how_often(svg, "<img"), 0U);
    EXPECT_EQ(how_often(svg, "&lt;/script&gt;&lt;img"), 1U) << hostile;
    EXPECT_NE(svg.find("a\\x01"), svg.npos);
    expect_well_formed(place());
}

TEST_F(BenchPictures, WithoutFiguresThereIsNone) {
    EXPECT_EQ(draw(only({"latency"})), (std::vector<std::string>{"latency.svg", "cost.svg"}));
    EXPECT_EQ(draw(only({})), std::vector<std::string>());
    EXPECT_EQ(draw({{"schema", "wye.bench/1"}}), std::vector<std::string>());
}

TEST_F(BenchPictures, WhatIsNoNumberIsNotDrawn) {
    // Few of each: a picture is as good with three rows.
    auto some = sample();
    auto kept = Json::array();
    for (const auto& r : some["results"])
        if (r["means"] == "pipe" || r["means"] == "shm" || r["means"] == "ZeroMQ ipc") kept.push_back(r);
    some["results"] = std::move(kept);
    int n = 0;
    for (const auto& strange :
         {Json("12"), Json(nullptr), Json(-1), Json(0), Json(1e308), Json(1e-308), Json::array(), Json{{"a", 1}}}) {
        for (const auto* key : {"p50", "p99", "size", "wait", "parties", "gap_ns", "per_second", "cpu_ns", "means"}) {
            auto results = some;
            for (auto& r : results["results"]) r[key] = strange;
            draw(results, std::to_string(++n));
        }
        for (const auto* key : {"machine", "floor", "means", "results", "complete", "made"}) {
            auto results = some;
            results[key] = strange;
            draw(results, std::to_string(++n));
        }
        auto results = some;
        results["machine"]["cpu"] = results["floor"]["line_ns"] = results["means"][0] = results["results"][0] = strange;
        draw(results, std::to_string(++n));
    }
    expect_well_formed(place());
}

TEST(BenchFigures, WhatNoClockSaysIsNone) {
    const Json results{{"a", 1e30}, {"b", 1e-30}, {"c", "7"}, {"d", nullptr}, {"e", 0}, {"f", 2.5}};
    for (const auto* key : {"a", "b", "c", "d", "none"}) EXPECT_FALSE(drawing::figure(results, key)) << key;
    EXPECT_EQ(drawing::figure(results, "e"), 0);
    EXPECT_EQ(drawing::figure(results, "f"), 2.5);
}

TEST_F(BenchPictures, AnotherSchemaIsSaid) {
    for (const auto& other : {Json{{"schema", "wye.bench/2"}}, Json::object(), Json::array(), Json(nullptr)}) {
        const auto written = svg_report(other, place());
        ASSERT_FALSE(written.has_value());
        EXPECT_TRUE(written.error().is(Errc::mismatch));
        EXPECT_NE(written.error().message().find("wye.bench/1"), std::string::npos);
    }
    EXPECT_FALSE(fs::exists(place()));
}

TEST_F(BenchPictures, WhereNoDirectoryCanBeIsSaid) {
    std::ofstream(place()) << "a file";
    const auto written = svg_report(sample(), place());
    ASSERT_FALSE(written.has_value());
    EXPECT_NE(written.error().message().find(place()), std::string::npos) << written.error().message();
    EXPECT_EQ(text_in(place()), "a file");
}

}  // namespace
