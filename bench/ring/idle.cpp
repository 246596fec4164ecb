// So many channels that are open, and nothing goes through them: how often somebody is woken, and what lies in memory.
#include "wye/registry/open.hpp"
#include "wye/transport/shm_ring.hpp"

#include "cases.hpp"

#include <poll.h>

#include <fstream>
#include <memory>

namespace wye::bench {
namespace {

/// Of all pages beside /dev/shm/wye-UID, this process' share.
double resident_kib() {
    std::ifstream maps("/proc/self/smaps");
    double all = 0;
    bool of_ours = false;
    for (std::string line; std::getline(maps, line);) {
        if (line.find("/dev/shm/wye-") != line.npos)
            of_ours = true;
        else if (line.find("-") < line.find(" ") && line.find(":") > line.find(" "))
            of_ours = false;
        if (of_ours && line.starts_with("Pss:")) all += std::stod(line.substr(4));
    }
    return all;
}

long wake_ups_of(pid_t pid) {
    std::ifstream status("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("voluntary_ctxt_switches:")) return std::stol(line.substr(24));
    give_up("/proc says nothing of the reader");
}

struct Found {
    std::atomic<bool> ready;
    double kib;
};

/// Reads what is there, then waits: for all by poll(2), or in a recv() of one of them.
void wait_for_ever(const std::vector<std::string>& names, bool in_recv, Found& found) {
    std::vector<ShmReader> in;
    std::vector<pollfd> all;
    std::byte room[64];
    for (const auto& name : names) {
        in.push_back(must(ShmReader::open(name)));
        if (in_recv) continue;
        all.push_back({in.back().native_handle(), POLLIN, 0});
        if (all.back().fd < 0) give_up("no descriptor to wait by: ulimit -n");
    }
    const auto read_all = [&] {
        for (auto& reader : in)
            while (reader.recv(room, Deadline::now())) {}
    };
    read_all();
    found.kib = resident_kib();
    found.ready = true;
    if (in_recv) (void)in.back().recv(room);
    while (poll(all.data(), all.size(), -1) > 0) read_all();
    give_up("somebody ended the waiting");
}

void idle(const Args& a) {
    rlimit most{};
    getrlimit(RLIMIT_NOFILE, &most);
    most.rlim_cur = most.rlim_max;
    setrlimit(RLIMIT_NOFILE, &most);
    std::vector<std::string> names;
    for (std::size_t i = 0; i < a.number("channels", 1000); ++i) names.push_back(own_name("idle") + std::to_string(i));
    auto& found = shared<Found>();
    double kib = 0;
    long woken = 0;
    const auto seconds = static_cast<unsigned>(a.number("seconds", 3));
    {
        std::vector<ShmWriter> out;
        for (const auto& name : names) {
            out.push_back(must(ShmWriter::open(name)));
            must(out.back().send(bytes_of(std::string_view("one that went through"))));
        }
        Child child(a, [&] { wait_for_ever(names, !a.polls(), found); });
        while (!found.ready) usleep(1000);
        kib = resident_kib() + found.kib;
        sleep(1);
        const auto before = wake_ups_of(child.pid());
        sleep(seconds);
        woken = wake_ups_of(child.pid()) - before;
    }
    for (const auto& name : names) (void)wye::remove("shm:" + name);
    std::printf("{\"KiB\": %.1f, \"wakes\": %.2f}\n", kib / static_cast<double>(names.size()),
                static_cast<double>(woken) / seconds);
}

const Cases cases{{"idle", idle}};

}  // namespace
}  // namespace wye::bench
