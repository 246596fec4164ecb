// Where the present use of a limit is read: what the rows of the table call.
#pragma once
#include "os/limits/limit.hpp"

namespace wye::sys {

/// A reading with its place and its ceiling, and no use yet.
Reading plain_reading(const View&, const Limit&);

// System V: of /proc/sysvipc/KIND the number of rows, the sum of a column (in pages where the limit is), its largest.
std::vector<Reading> sysv_rows(const View&, const Limit&, const char* kind);
std::vector<Reading> sysv_sum(const View&, const Limit&, const char* kind, const char* column);
std::vector<Reading> sysv_largest(const View&, const Limit&, const char* kind, const char* column);
std::vector<Reading> fullest_sysv_queue(const View&, const Limit&);

// POSIX queues.
std::vector<Reading> queue_count(const View&, const Limit&);
std::vector<Reading> queue_bytes(const View&, const Limit&);
std::vector<Reading> fullest_queue(const View&, const Limit&);

// Of processes: the one that is nearest to its own limit. Of users: each who uses any, against the smallest limit of
// their processes, or against the one number of a file.
std::vector<Reading> nearest_process(const View&, const Limit&, std::optional<std::uint64_t> (*use)(const ProcessUse&));
/// `most`: what a process of theirs has of it, to name the one that has most; null where that is not told.
std::vector<Reading> each_user(const View&, const Limit&, std::uint64_t (*use)(const UserUse&),
                               std::uint64_t (*most)(const ProcessUse&));
/// Open files of the machine, and by user what visible processes have open.
std::vector<Reading> open_files(const View&, const Limit&);

/// One figure of a file: the n-th number of its first line, or the first after `key`.
std::vector<Reading> from_file(const View&, const Limit&, const char* file, unsigned field);
std::vector<Reading> from_key(const View&, const Limit&, const char* file, const char* key);
std::vector<Reading> huge_pages(const View&, const Limit&);
std::vector<Reading> tasks(const View&, const Limit&);

std::vector<Reading> shm_space(const View&, const Limit&);
std::vector<Reading> shm_names(const View&, const Limit&);

/// This process's cgroup and those above it: the one that is nearest to its ceiling. The names are those of version 2
/// and of version 1.
struct CgroupFiles {
    const char *controller, *used, *ceiling, *used_v1, *ceiling_v1;
};
std::vector<Reading> cgroup(const View&, const Limit&, const CgroupFiles&);

std::vector<Reading> fullest_listener(const View&, const Limit&);
std::vector<Reading> busiest_destination(const View&, const Limit&);

}  // namespace wye::sys
