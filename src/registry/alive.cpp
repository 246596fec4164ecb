// Whether the program lives that a rule claims an object for.
#include "wye/base/text.hpp"

#include "os/small_file.hpp"
#include "os/snapshot/snapshot.hpp"
#include "os/sysv_key.hpp"
#include "registry/rules.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>

namespace wye {
namespace {

using Is = Life::Is;

std::string called(const sys::SeenProcess& p) { return p.comm + "[" + std::to_string(p.pid) + "]"; }

bool owns(const sys::SeenProcess& p, const Item& i) { return i.uid == p.uid || i.uid == p.effective; }

// "process:GLOB": one of that name and of the object's owner.
Life by_process(const std::string& pattern, const Item& i, const sys::Snapshot& s) {
    for (const auto& p : s.processes)
        if (owns(p, i) && ::fnmatch(pattern.c_str(), p.comm.c_str(), 0) == 0)
            return {Is::yes, called(p) + ", of the same user, runs"};
    if (!s.all_listed) return {Is::untold, "other users' processes are not shown here"};
    return {Is::no, "no process \"" + pattern + "\" of its user runs"};
}

// Of a text as /proc/PID/environ has it.
std::optional<std::string> variable(const std::string& environment, std::string_view name) {
    for (std::size_t at = 0; at < environment.size();) {
        const auto end = std::min(environment.find('\0', at), environment.size());
        const auto one = std::string_view(environment).substr(at, end - at);
        if (one.starts_with(name) && one.substr(name.size()).starts_with('='))
            return std::string(one.substr(name.size() + 1));
        at = end + 1;
    }
    return {};
}

// "/vader_segment.HOST.UID.JOB.RANK", where a host may have dots: the job is the last part but one, in base 16.
std::optional<std::uint64_t> job_of(const std::string& name) {
    if (!name.starts_with("/vader_segment.") && !name.starts_with("/sm_segment.")) return {};
    const auto last = name.rfind('.');
    const auto before = last == name.npos || last == 0 ? name.npos : name.rfind('.', last - 1);
    return before == name.npos ? std::nullopt : parse_number("0x" + name.substr(before + 1, last - before - 1));
}

// Every process of an MPI job has been told in its environment which one it is: in one word by PMIx (of Open MPI 4 it
// is the number that is in the name), else by a rank.
struct Jobs {
    std::map<std::uint64_t, std::string> known;  // by their number, with a process of each
    std::string other;                           // a process of a job whose number is not told
    std::string closed;                          // one whose environment cannot be read
};
Jobs jobs_of(const Item& i, const sys::Snapshot& s) {
    Jobs jobs;
    for (const auto& p : s.processes) {
        if (!owns(p, i)) continue;
        const auto text = sys::read_whole("/proc/" + std::to_string(p.pid) + "/environ");
        if (!text) {
            if (text.error().kind() == Errc::denied) jobs.closed = called(p);
            continue;
        }
        const auto space = variable(*text, "PMIX_NAMESPACE");
        if (const auto number = space ? parse_number(*space) : std::nullopt)
            jobs.known[*number] = called(p);
        else if (space || variable(*text, "PMI_RANK") || variable(*text, "OMPI_COMM_WORLD_RANK"))
            jobs.other = called(p);
    }
    return jobs;
}

// A job that was killed leaves a file for each of its processes: a hundred thousand of one user are not asked for one
// by one.
const Jobs& known_jobs(const Item& i, const sys::Snapshot& s) {
    struct Last {
        std::int64_t taken;
        std::size_t processes;
        std::optional<std::uint32_t> uid;
        Jobs jobs;
    };
    thread_local std::optional<Last> last;
    if (!last || last->taken != s.taken || last->processes != s.processes.size() || last->uid != i.uid)
        last = Last{s.taken, s.processes.size(), i.uid, jobs_of(i, s)};
    return last->jobs;
}

Life by_job(const Item& i, const sys::Snapshot& s) {
    const auto& jobs = known_jobs(i, s);
    const auto job = job_of(i.name);
    if (job && jobs.known.contains(*job)) return {Is::yes, jobs.known.at(*job) + " is of that job"};
    const auto any = !jobs.other.empty() ? jobs.other : job || jobs.known.empty() ? "" : jobs.known.begin()->second;
    if (!any.empty()) return {Is::yes, any + " is of an MPI job of its user"};
    if (!jobs.closed.empty()) return {Is::untold, jobs.closed + " may be of that job: its environment cannot be read"};
    if (!s.all_listed) return {Is::untold, "other users' processes are not shown here"};
    return {Is::no, job ? "no process of that job lives" : "no process of an MPI job of its user lives"};
}

// The line of postmaster.pid that names the segment: "  5432001     32768".
bool names_segment(const std::string& file, const Item& i) {
    const auto text = sys::read_whole(file);
    const auto* id = std::get_if<SysvIdentity>(&i.identity);
    if (!text || !id) return false;
    std::istringstream lines(*text);
    std::string line;
    for (int n = 0; n < 7; ++n)
        if (!std::getline(lines, line)) return false;
    std::istringstream words(line);
    std::uint64_t key = 0;
    std::int64_t number = -1;
    return words >> key >> number && number == id->id &&
           i.name == std::to_string(number) + " key " +
                         sys::key_text(static_cast<std::int32_t>(static_cast<std::uint32_t>(key)));
}

// A cluster is found where its processes work, in the directories of Debian's and Red Hat's packages, and where its pid
// file was seen.
Life by_postmaster(const Item& i, const sys::Snapshot& s) {
    if (i.mode != 0600) return {Is::no, "a server's are its user's alone"};
    std::vector<std::string> clusters;
    for (const auto& p : s.processes)
        if (p.comm == "postgres") clusters.push_back("/proc/" + std::to_string(p.pid) + "/cwd");
    constexpr std::string_view file = "/postmaster.pid";
    for (const auto& place : s.places)
        if (place.path.ends_with(file)) clusters.push_back(place.path.substr(0, place.path.size() - file.size()));
    for (const std::string top : {"/var/lib/postgresql", "/var/lib/pgsql"})
        for (const auto& version : sys::names_in(top).value_or(std::vector<std::string>())) {
            clusters.push_back(top + "/" + version);
            for (const auto& name : sys::names_in(top + "/" + version).value_or(std::vector<std::string>()))
                clusters.push_back(top + "/" + version + "/" + name);
        }
    for (const auto& c : clusters)
        if (names_segment(c + std::string(file), i)) return {Is::yes, c + std::string(file) + " names it"};
    return {Is::no, "no postmaster.pid names it"};
}

}  // namespace

Life life_of(const Rule& r, const Item& i, const sys::Snapshot& s) {
    if (r.alive.starts_with("process:")) return by_process(r.alive.substr(8), i, s);
    if (r.alive == "mpi") return by_job(i, s);
    return by_postmaster(i, s);
}

}  // namespace wye
