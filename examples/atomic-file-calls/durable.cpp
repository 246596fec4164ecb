// A replacement that a crash leaves old or new: the data is on the disk before the name, and the name before the end.
#include "../demo.hpp"

bool replace(const char* path, const char* draft, const void* data, size_t size) {
    const int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) return false;
    bool good = write(fd, data, size) == static_cast<ssize_t>(size);
    good = fsync(fd) == 0 && good;  // or the new name may stand before an empty file
    good = close(fd) == 0 && good && rename(draft, path) == 0;
    if (!good) return unlink(draft), false;
    const int directory = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    good = fsync(directory) == 0;  // or the old name may be back
    return close(directory) == 0 && good;
}

int main() {
    own_directory();
    claim(replace("settings", "settings.new", "old\n", 4), "made");
    claim(replace("settings", "settings.new", "newer\n", 6), "replaced");
    claim(access("settings.new", F_OK) < 0, "no draft is left");
    close(open("settings.new", O_WRONLY | O_CREAT, 0600));
    claim(!replace("settings", "settings.new", "newest\n", 7), "a draft of somebody else is not touched");
}
