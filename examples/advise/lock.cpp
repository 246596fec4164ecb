// One at a time. Dropping the lock unlocks; so does the kernel, when its holder is killed.
#include <wye/sync/file_lock.hpp>

wye::Result<> alone(const std::string& path, void (*work)()) {
    WYE_TRY(auto file, wye::FileLock::open(path));
    WYE_TRY(const auto held, file.lock(std::chrono::seconds(10)));
    work();
    return {};
}
// ---- that it does so
#include "../demo.hpp"

int main() {
    own_directory();
    const auto add = [] {
        const int fd = open("number", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        char n = 0;
        if (pread(fd, &n, 1, 0) < 0) _exit(3);
        usleep(1000);
        if (++n; pwrite(fd, &n, 1, 0) != 1) _exit(4);
        close(fd);
    };
    claim(together(8, [&](int) { return alone("lock", add) ? 0 : 1; }) == 0, "each had it");
    const int fd = open("number", O_RDONLY | O_CLOEXEC);
    char n = 0;
    claim(read(fd, &n, 1) == 1 && n == 8, "none of the additions is lost");
}
