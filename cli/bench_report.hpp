// What `wye bench` measured, for people: a page that needs nothing else, and pictures for a README or a talk.
#pragma once
#include "wye/base/error.hpp"

#include "table.hpp"

namespace wye::cli {

/// One HTML file that shows the document (schema wye.bench/1), from the file system and without a network. What the
/// page cannot show, it says itself.
std::string html_report(const Json& results);

/// latency.svg, throughput.svg, wakeup.svg, fanout.svg and cost.svg, of those there are figures for; the directory is
/// made where it is missing. Answers what was written, by name. Each file is replaced whole. Errc::mismatch where the
/// document is none of wye.bench/1.
Result<std::vector<std::string>> svg_report(const Json& results, const std::string& directory);

}  // namespace wye::cli
