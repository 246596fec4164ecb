// A page and pictures from a document, for tests/page/browser_test.py: report FILE.json PAGE.html DIRECTORY
#include "bench_report.hpp"

#include <cstdio>
#include <fstream>

int main(int argc, char** argv) {
    if (argc != 4) return 2;
    std::ifstream in(argv[1]);
    const auto results = wye::cli::Json::parse(in, nullptr, false);
    std::ofstream(argv[2]) << wye::cli::html_report(results.is_discarded() ? wye::cli::Json() : results);
    const auto written = wye::cli::svg_report(results, argv[3]);
    if (!written) std::fprintf(stderr, "%s\n", written.error().message().c_str());
    return written ? 0 : 1;
}
