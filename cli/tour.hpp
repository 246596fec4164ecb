// What the two processes of a tour row do, and what they report.
#pragma once
#include "wye/registry/open.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace wye::cli {

/// What is carried: parts of files that lie on every machine, in a fixed order.
struct Material {
    std::vector<std::string> files;
    std::uint64_t bytes = 0;
    std::string label;  // "/usr/bin/foo", "the first 9.1 MiB of /usr/bin"
};
Result<Material> choose_material(const std::string& file);

/// The work order of both sides, handed to a started process as JSON.
struct Errand {
    std::string uri;
    std::vector<std::string> files;
    std::uint64_t bytes = 0;
    std::uint64_t chunk = 64 * 1024;
    unsigned pings = 1000;
    std::string report;  // the file the report goes to
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Errand, uri, files, bytes, chunk, pings, report)

struct Report {
    std::string error;     // "" when all went well
    bool missing = false;  // the kernel lacks it: a row that says so, and no failure
    std::uint64_t bytes = 0, messages = 0, calls = 0, ping_calls = 0;
    double seconds = 0;
    std::string digest;
    std::vector<std::int64_t> latencies;  // ns, sorted
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Report, error, missing, bytes, messages, calls, ping_calls, seconds, digest,
                                   latencies)

/// Each runs one side over an open channel and writes its report.
Report tour_send(Channel&, const Errand&);
Report tour_receive(Channel&, const Errand&);

void write_report(const Report&, const Errand&);
Result<Report> read_report(const std::string& path);

}  // namespace wye::cli
