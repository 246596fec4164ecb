#include "ring/visible.hpp"

#include "support/stepper.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

namespace wye::test {

Visible::Visible(const Stage& s) : name_(s.name) {
    report_.data = reinterpret_cast<const std::byte*>(&*s.report);
    report_.size = sizeof *s.report;
    (void)changed(report_);
    look_for_files();
}

Visible::~Visible() {
    for (const auto& [path, p] : files_) ::munmap(const_cast<std::byte*>(p.data), p.size);
}

// Those that came; what went stays as it was. Of loans the first page: the rest are bytes that the ring speaks of.
void Visible::look_for_files() {
    std::error_code none;
    for (const auto& f : std::filesystem::directory_iterator("/dev/shm/wye-" + std::to_string(::geteuid()), none)) {
        const auto path = f.path().string();
        if (!path.contains(name_) || files_.contains(path)) continue;
        const int fd = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
        if (struct stat st{}; fd >= 0 && ::fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
            Pages p;
            p.size = path.contains("/loan.") ? 4096 : static_cast<std::size_t>(st.st_size);
            if (auto* at = ::mmap(nullptr, p.size, PROT_READ, MAP_SHARED, fd, 0); at != MAP_FAILED) {
                p.data = static_cast<const std::byte*>(at);
                (void)changed(p);
                files_.emplace(path, std::move(p));
            }
        }
        if (fd >= 0) ::close(fd);
    }
}

bool Visible::changed(Pages& p) {
    if (p.before.size() == p.size && std::memcmp(p.before.data(), p.data, p.size) == 0) return false;
    p.before.assign(p.data, p.data + p.size);
    return true;
}

bool Visible::changed_by(std::uintptr_t executed) {
    bool any = changed(report_);
    for (auto& [path, p] : files_) any |= changed(p);
    if (!is_call(executed)) return any;
    look_for_files();
    return true;
}

}  // namespace wye::test
