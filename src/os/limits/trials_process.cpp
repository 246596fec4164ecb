// Running into the limits of processes, of memory, and of the file system that shared memory lies on.
#include "wye/os/fd.hpp"

#include "os/limits/calls.hpp"
#include "os/limits/limit.hpp"
#include "os/limits/trials.hpp"
#include "os/shm_calls.hpp"
#include "os/small_file.hpp"
#include "os/usage/proc_text.hpp"

#include <string>
#include <vector>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23  // Linux 5.14
#endif

namespace wye::sys::trial {
namespace {

long memfd() {
    return call(Call::memfd_create, [] { return ::memfd_create("trial", MFD_CLOEXEC); });
}
long map(std::size_t bytes, int prot, int flags, int fd, void** at) {
    return call(Call::mmap, [&] {
        *at = ::mmap(nullptr, bytes, prot, flags, fd, 0);
        return *at == MAP_FAILED ? -1 : 0;
    });
}

}  // namespace

void signals(Stage& s) {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGRTMIN);
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    s.until("sigqueue", s.value() + 1, [](auto) { return sys::sigqueue(sys::own_pid(), SIGRTMIN); });
    s.call("kill", sys::kill(sys::own_pid(), SIGRTMIN), "of the same signal: it is not queued, and nobody is told");
}

// Ended children that nobody has taken leave of still have their number, and cost no memory.
void processes(Stage& s) {
    s.until("fork", s.value() + 1, [](auto) {
        const long pid = sys::fork();
        if (pid == 0) ::_exit(0);
        return pid;
    });
    while (sys::wait_any() > 0) {}  // not every machine's first process does it for us
}
void process_numbers(Stage& s) { processes(s); }

void file_size(Stage& s) {
    const int fd = static_cast<int>(memfd());
    const auto beyond = static_cast<off_t>(s.value()) + 1;
    s.deadly("ftruncate", [&] { (void)sys::ftruncate(fd, beyond); });
    (void)::signal(SIGXFSZ, SIG_IGN);
    s.call("ftruncate", sys::ftruncate(fd, beyond - 1), "of shared memory to just that size");
    s.call("ftruncate", sys::ftruncate(fd, beyond), "to a byte more, with SIGXFSZ ignored");
}

void locked_memory(Stage& s) {
    const auto more = s.value() + (1u << 16);
    void* at = nullptr;
    const long id = sys::shmget(IPC_PRIVATE, more, IPC_CREAT | 0600);
    s.call("shmctl(SHM_LOCK)", sys::shmctl(static_cast<int>(id), SHM_LOCK, nullptr), "of 64 KiB too much");
    if (map(more, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, &at) == 0)
        s.call("mlock", sys::mlock(at, more), "of 64 KiB too much");
}

// Only a promise of pages is asked for; it is refused, or given back when this process ends.
void huge_pages(Stage& s) {
    const auto text = read_whole("/proc/meminfo").value_or("");
    const auto size = number_after(text, "Hugepagesize:").value_or(0) * 1024;
    const auto free = number_after(text, "HugePages_Free:"),
               extra = read_number("/proc/sys/vm/nr_overcommit_hugepages");
    if (size == 0 || !free || !extra) s.give_up("this kernel has no huge pages");
    void* at = nullptr;
    s.call("mmap(MAP_HUGETLB)",
           map((*free + *extra + 1) * size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, &at),
           "of one page more than are free");
}

// Pages of one file that do not join, mapped without a right to touch them.
void mappings(Stage& s) {
    const auto most = s.limit().ceiling.here().value_or(0);
    const int fd = static_cast<int>(memfd());
    if (most > 300'000) s.give_up("max_map_count is too large to be reached here");
    s.until("mmap", most + 1, [&](auto) {
        void* at = nullptr;
        return map(4096, PROT_NONE, MAP_SHARED, fd, &at);
    });
}

namespace {
long own_shm(Stage& s, const std::string& options) {
    if (const long r = sys::mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, options.c_str()); r < 0)
        s.give_up("no tmpfs can be mounted over /dev/shm here");
    return sys::open("/dev/shm/trial", O_CREAT | O_RDWR, 0600);
}
}  // namespace

void shm_space(Stage& s) {
    const auto size = s.value();
    const int fd = static_cast<int>(own_shm(s, "size=" + std::to_string(size)));
    s.call("ftruncate", sys::ftruncate(fd, static_cast<off_t>(2 * size)), "to twice the size of the file system");
    void* at = nullptr;
    if (map(2 * size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, &at) < 0) s.give_up("mmap failed");
    const std::vector<char> page(4096);
    s.until("write", size / 4096 + 1, [&](auto) { return sys::write(fd, page.data(), page.size()); });
    s.call("posix_fallocate", -::posix_fallocate(fd, 0, static_cast<off_t>(2 * size)));
    auto* const beyond = static_cast<char*>(at) + size;
    const long r = call(Call::madvise, [&] { return ::madvise(beyond, 4096, MADV_POPULATE_WRITE); });
    if (r != -EINVAL) s.call("madvise(MADV_POPULATE_WRITE)", r, "of the first page that has no room");
    s.deadly("touch", [&] { *static_cast<volatile char*>(beyond) = 1; });
}
void shm_names(Stage& s) {
    (void)own_shm(s, "size=1m,nr_inodes=" + std::to_string(s.value()));
    s.until("open", s.value() + 1,
            [](auto i) { return sys::open(("/dev/shm/" + std::to_string(i)).c_str(), O_CREAT | O_RDWR, 0600); });
}
void name_length(Stage& s) {
    const std::string name = "/" + std::string(300, 'x');
    s.call("shm_open", sys::shm_open(name.c_str(), O_RDWR, 0600), "with a name of 300 bytes");
    s.call("mq_open", sys::mq_open(name.c_str(), O_RDWR, 0600, nullptr), "of a queue with such a name");
    s.call("open", sys::open(("/tmp" + name).c_str(), O_RDONLY), "of a file with such a name");
}

template <unsigned Kind>
void namespaces(Stage& s) {
    std::vector<Fd> kept;
    s.until("unshare", s.value() + 1, [&](auto) -> long {
        if (const long r = sys::unshare(Kind); r < 0) return r;
        const char* name = Kind == CLONE_NEWIPC ? "ipc" : Kind == CLONE_NEWNET ? "net" : "mnt";
        kept.emplace_back(static_cast<int>(sys::open((std::string("/proc/self/ns/") + name).c_str(), O_RDONLY)));
        return 0;
    });
}
template void namespaces<CLONE_NEWIPC>(Stage&);
template void namespaces<CLONE_NEWNET>(Stage&);
template void namespaces<CLONE_NEWNS>(Stage&);

}  // namespace wye::sys::trial
