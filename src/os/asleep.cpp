#include "os/asleep.hpp"

#include "os/small_file.hpp"
#include "os/syscall.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <thread>

namespace wye::sys {
namespace {

using std::chrono::nanoseconds;

// "se.exec_start   :   692883.521438": milliseconds of the processor's clock, when the thread was accounted last.
std::optional<nanoseconds> accounted(const std::string& path) {
    const auto text = read_whole(path);
    if (!text) return {};
    constexpr std::string_view key = "\nse.exec_start";
    const auto at = text->find(key);
    const auto colon = at == text->npos ? at : text->find(':', at);
    if (colon == text->npos) return {};
    const double ms = std::strtod(text->c_str() + colon + 1, nullptr);
    if (!(ms > 0)) return {};
    return nanoseconds(static_cast<std::int64_t>(ms * 1e6));
}

// The 39th word of stat: where it ran last. A name may have anything in it but its last parenthesis.
std::optional<int> processor(const std::string& path) {
    const auto text = read_whole(path);
    if (!text) return {};
    auto at = text->rfind(')');
    if (at == text->npos) return {};
    for (int word = 2; word < 39; ++word)
        if (at = text->find(' ', at + 1); at == text->npos) return {};
    return std::atoi(text->c_str() + at + 1);
}

// This thread's, which is left there: it ends soon.
std::optional<nanoseconds> clock_of(int cpu) {
    cpu_set_t one;
    CPU_ZERO(&one);
    if (cpu < 0 || cpu >= CPU_SETSIZE) return {};
    CPU_SET(static_cast<unsigned>(cpu), &one);
    if (call(Call::any, [&] { return ::sched_setaffinity(0, sizeof one, &one); }) < 0) return {};
    return accounted("/proc/thread-self/sched");
}

}  // namespace

std::vector<std::optional<nanoseconds>> since_they_ran(std::span<const SleepingThread> threads) {
    std::vector<std::optional<nanoseconds>> all(threads.size());
    if (threads.empty()) return all;
    std::thread([&] {
        std::map<int, std::optional<nanoseconds>> clocks;
        for (std::size_t i = 0; i < threads.size(); ++i) {
            const auto task = "/proc/" + std::to_string(threads[i].pid) + "/task/" + std::to_string(threads[i].tid);
            const auto cpu = processor(task + "/stat");
            const auto ran = accounted(task + "/sched");
            if (!cpu || !ran) continue;
            const auto [clock, is_new] = clocks.try_emplace(*cpu);
            if (is_new) clock->second = clock_of(*cpu);
            if (clock->second) all[i] = std::max(*clock->second - *ran, nanoseconds(0));
        }
    }).join();
    return all;
}

}  // namespace wye::sys
