// wye_ring_bench CASE [KEY=VALUE...]: one measurement. bench/ring.py runs them in turn.
#include "cases.hpp"

int main(int argc, char** argv) {
    using namespace wye::bench;
    const Args a(argc, argv);
    const auto& all = Cases::all();
    if (const auto found = all.find(a.what); found != all.end()) return found->second(a), 0;
    std::string known;
    for (const auto& [name, run] : all) known += " " + name;
    give_up("cases:" + known);
}
