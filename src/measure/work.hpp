// A piece of work for a means, and what it took: in a process of its own, which starts the others.
#pragma once
#include "measure/histogram.hpp"
#include "measure/means.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string_view>

namespace wye::measure {

struct Work {
    std::string means;
    std::string workload = "latency";
    bool poll = false;
    std::size_t size = 64;
    unsigned parties = 2;            ///< processes that take part, the measuring one too
    double rate = 0;                 ///< messages a second
    std::uint64_t at_once = 0;       ///< messages in a call or asked for, questions on their way, channels side by side
    std::chrono::nanoseconds gap{};  ///< that nothing is sent before each message
    std::chrono::milliseconds time{25};
    std::uint64_t messages = 0;     ///< so many, whatever the time
    std::function<void()> begun{};  ///< of `idle`: told when all is there, and the measuring begins
};

/// Of one round.
struct Taken {
    static constexpr double a_ns = 8;  // of `times`, which are counted in eighths
    Histogram times{};                 // of a message, one way; of a request, until its answer is there
    std::uint64_t messages = 0, bytes = 0, lost = 0;
    double ns = 0;                         // that passed for each message, where many are on their way
    double cpu_ns = 0;                     // of all processes, for a message; of `idle`: for a second
    double switches = 0;                   // of context, likewise
    std::map<std::string, double> more{};  // of this workload alone; what ends in _ns or _kib is no count
    std::string note{};
};

/// What can be asked for by name, and of which means.
struct Workload {
    std::string_view name, summary;
    Shape shape;
    void (*run)(const Work&, Means&, Taken&);
    bool by_rate = false;  ///< its figure is Taken::ns, and not how long one took
    unsigned needs = 0;    ///< of Can
    bool once = false;     ///< rounds would not differ
};
std::span<const Workload> workloads() noexcept;
const Workload* find_workload(std::string_view) noexcept;
inline bool by_rate(std::string_view workload) noexcept {
    const auto* w = find_workload(workload);
    return w && w->by_rate;
}

/// Does it, and leaves no process and no object behind. Throws std::runtime_error.
Taken run(const Work&, Means&);

}  // namespace wye::measure
