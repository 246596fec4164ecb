// What only fdinfo tells, asked for where it matters: which descriptors have a lock, and what lies unread in a socket.
#include "os/snapshot/parse.hpp"
#include "os/snapshot/pass.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <set>
#include <unordered_set>

namespace wye::sys {
namespace {

class Locks {
public:
    Locks(Snapshot& s, Reader& reader) : s_(s), reader_(reader) {}

    void take(std::string_view table) {
        s_.locks = parse_locks(table);
        std::unordered_set<std::uint64_t> inodes;
        for (const auto& l : s_.locks) inodes.insert(l.file.ino);
        if (s_.own.hides_locks) return;  // they have been read
        read_where([&](const SeenFd& f) { return inodes.contains(f.file.key.ino); });
        // Not every file system has the inode that it shows in stat(2), too (overlayfs): then by who took the lock.
        if (const auto more = unmatched(); !more.empty()) take_unmatched(more);
    }

private:
    void read(const SeenProcess& p, SeenFd& f) {
        const auto path = "/proc/" + std::to_string(f.tid != 0 ? f.tid : p.pid) + "/fdinfo/" + std::to_string(f.fd);
        auto info = parse_fdinfo(reader_.piece(AT_FDCWD, path.c_str()));
        f.info.locks = std::move(info.locks);
        for (const auto& l : f.info.locks) matched_.insert(l.file);
    }
    template <class Wanted>
    void read_where(Wanted&& wanted) {
        for (auto& p : s_.processes)
            for (auto& f : p.fds)
                if (can_be_locked(f) && f.info.locks.empty() && wanted(f)) read(p, f);
    }
    static bool can_be_locked(const SeenFd& f) {
        return f.file.is(type_regular) || f.file.is(type_directory) || f.file.is(type_fifo);
    }
    std::vector<FileLock> unmatched() const {
        std::vector<FileLock> all;
        for (const auto& l : s_.locks)
            if (!l.waits && !matched_.contains(l.file)) all.push_back(l);
        return all;
    }
    void take_unmatched(const std::vector<FileLock>& locks) {
        std::set<FileKey> files;
        for (const auto& l : locks) {
            const auto p = std::ranges::find(s_.processes, l.pid, &SeenProcess::pid);
            if (p == s_.processes.end()) return read_where([](const SeenFd&) { return true; });
            for (auto& f : p->fds) {
                if (can_be_locked(f) && f.info.locks.empty()) read(*p, f);
                if (!f.info.locks.empty()) files.insert(f.file.key);
            }
        }
        read_where([&](const SeenFd& f) { return files.contains(f.file.key); });
    }

    Snapshot& s_;
    Reader& reader_;
    std::set<FileKey> matched_;  // as the kernel calls them
};

}  // namespace

void take_locks(Snapshot& s, Reader& reader, std::string_view table) { Locks(s, reader).take(table); }

// In a stream they lie with a byte at the least; a packet may be nothing else.
void take_in_flight(Snapshot& s, Reader& reader) {
    for (const auto& ns : s.net)
        for (const auto& u : ns.unix_sockets) {
            if (u.state == state_listen || (u.type == SOCK_STREAM && u.receive == 0)) continue;
            const auto uses = s.socket_at(u.ino);
            if (uses.empty()) continue;
            auto& p = s.processes[uses[0].process];
            auto& f = p.fds[uses[0].index];
            const auto path = "/proc/" + std::to_string(f.tid != 0 ? f.tid : p.pid) + "/fdinfo/" + std::to_string(f.fd);
            f.info.in_flight = parse_fdinfo(reader.piece(AT_FDCWD, path.c_str())).in_flight;
        }
}

}  // namespace wye::sys
