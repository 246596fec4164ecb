#include "ring/book.hpp"

#include "support/support.hpp"

#include <cstdio>
#include <cstdlib>
#include <map>

namespace wye::test {
namespace {

class Report final : public ::testing::Environment {
public:
    std::map<std::string, Tally> all;

    // To the file that WYE_RING_REPORT names, since each test may be a process of its own; or shown.
    void TearDown() override {
        const char* path = ::getenv("WYE_RING_REPORT");
        std::FILE* out = path != nullptr ? std::fopen(path, "a") : stdout;
        if (out == nullptr) return;
        for (const auto& [name, t] : all) {
            std::fprintf(out, "%-48s ", name.c_str());
            if (t.covered > 0) std::fprintf(out, "%7ld instructions ", t.covered);
            std::fprintf(out, "%7ld points %3ld stuck %3ld lost %3ld duplicated %3ld torn %3ld leaked\n", t.points,
                         t.stuck, t.lost, t.duplicated, t.torn, t.leaked);
        }
        if (out != stdout) std::fclose(out);
    }
};
auto* const report_at_the_end = static_cast<Report*>(::testing::AddGlobalTestEnvironment(new Report));

}  // namespace

Tally& Book::of(const std::string& scene, const char* what) {
    return report_at_the_end->all[std::string(what) + " " + scene];
}

long stride(long all, long most) {
    // Each point costs several times as much there; release tries more of them.
    if (under_asan || under_tsan) most = std::max(1l, most / 4);
    if (const char* soak = ::getenv("WYE_SOAK")) most = std::string_view(soak) == "all" ? all : ::atol(soak);
    return std::max(1l, (all + most - 1) / most);
}

}  // namespace wye::test
