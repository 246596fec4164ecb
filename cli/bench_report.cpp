// The page of wye bench: it is built from page/, and only the document is put into it here.
#include "bench_report.hpp"

#include "bench_page.hpp"

namespace wye::cli {

std::string html_report(const Json& results) {
    static constexpr std::string_view slot = R"(<script id="results" type="application/json">)";
    const auto page = bench_page();
    const auto at = page.find(slot) + slot.size();
    std::string out(page.substr(0, at));
    // Without a '<' no name in it can end the element that it lies in, nor begin a comment there.
    for (const char c : dumped(results))
        if (c == '<')
            out += "\\u003c";
        else
            out += c;
    return out += page.substr(at);
}

}  // namespace wye::cli
