#include "measure/machine.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

namespace wye::measure {
namespace {

std::string line_of(const std::string& path) {
    std::ifstream in(path);
    std::string line;
    std::getline(in, line);
    return line;
}

std::string field_of(const char* path, const std::string& name) {
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);)
        if (line.starts_with(name))
            if (const auto at = line.find(": "); at != line.npos) return line.substr(at + 2);
    return {};
}

Json or_null(std::string s) { return s.empty() ? Json(nullptr) : Json(std::move(s)); }

std::string in_cpu(int cpu, const char* what) {
    return line_of("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/" + what);
}

// Of "0-3,8": whether n is in it.
bool lists(const std::string& list, int n) {
    std::istringstream in(list);
    for (std::string part; std::getline(in, part, ',');) {
        const auto dash = part.find('-');
        const int first = std::atoi(part.c_str()), last = dash == part.npos ? first : std::atoi(&part[dash + 1]);
        if (first <= n && n <= last) return true;
    }
    return false;
}

std::string largest_cache(int cpu) {
    std::string shared;
    for (int i = 0; i < 8; ++i)
        if (const auto s = in_cpu(cpu, ("cache/index" + std::to_string(i) + "/shared_cpu_list").c_str()); !s.empty())
            shared = s;
    return shared;
}

const char* relation(int a, int b) {
    const auto core = in_cpu(a, "topology/thread_siblings_list");
    if (core.empty()) return "unknown";
    if (lists(core, b)) return "same core";
    if (lists(largest_cache(a), b)) return "same cache";
    return in_cpu(a, "topology/physical_package_id") == in_cpu(b, "topology/physical_package_id") ? "same package"
                                                                                                  : "other package";
}

Json placement() {
    cpu_set_t may;
    int first = -1, second = -1;
    if (sched_getaffinity(0, sizeof may, &may) == 0)
        for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
            if (CPU_ISSET(cpu, &may)) {
                if (first < 0) {
                    first = cpu;
                } else {
                    second = cpu;
                    break;
                }
            }
    if (second < 0)
        return {{"first", std::max(first, 0)}, {"second", std::max(first, 0)}, {"relation", "one processor"}};
    return {{"first", first}, {"second", second}, {"relation", relation(first, second)}};
}

// As far as a guest can tell.
std::string hypervisor() {
    if (field_of("/proc/cpuinfo", "flags").find(" hypervisor") == std::string::npos) return {};
    const auto product = line_of("/sys/class/dmi/id/product_name"), vendor = line_of("/sys/class/dmi/id/sys_vendor");
    if (product.empty() && vendor.empty()) return "a hypervisor";
    return vendor + (product.empty() || vendor.empty() ? "" : " ") + product;
}

}  // namespace

Json describe_machine() {
    utsname u{};
    (void)uname(&u);
    struct sysinfo s{};
    (void)sysinfo(&s);
    const auto place = placement();
    return {{"cpu", or_null(field_of("/proc/cpuinfo", "model name"))},
            {"processors", sysconf(_SC_NPROCESSORS_ONLN)},
            {"kernel", std::string(u.release) + " " + u.machine},
            {"virtual", or_null(hypervisor())},
            {"governor", or_null(in_cpu(place.at("first"), "cpufreq/scaling_governor"))},
            {"memory_bytes", std::uint64_t{s.totalram} * s.mem_unit},
            {"placement", place}};
}

Busy Busy::now() {
    std::istringstream in(line_of("/proc/stat"));
    std::string cpu;
    std::uint64_t user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0;
    in >> cpu >> user >> nice >> system >> idle >> iowait >> irq >> softirq >> steal;
    const auto busy = user + nice + system + irq + softirq;
    return {busy + idle + iowait + steal, busy, steal};
}

double own_seconds() {
    double sum = 0;
    for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
        rusage r{};
        (void)getrusage(who, &r);
        sum += static_cast<double>(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
               static_cast<double>(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
    }
    return sum;
}

}  // namespace wye::measure
