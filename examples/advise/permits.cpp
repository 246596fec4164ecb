// At most so many at once, over all processes that open the URI. Dropping the permit gives it back.
#include <wye/wye.hpp>

wye::Result<> with_permit(std::string_view uri, unsigned most, void (*work)()) {
    WYE_TRY(auto permits, wye::open_semaphore(uri, {.create = wye::Create::if_missing, .initial = most}));
    WYE_TRY(const auto permit, permits.acquire(std::chrono::seconds(10)));
    work();
    return {};
}
// ---- that it does so
#include "../demo.hpp"

#include <filesystem>

std::string here() { return std::filesystem::current_path(); }

int main() {
    own_directory();
    claim(close(creat("key", 0600)) == 0, "a file whose inode is the key");
    const auto own = std::to_string(getpid());
    for (const std::string& uri :
         {"shm-sem:wye-example-" + own, "posix-sem:/wye-example-" + own, "sysv-sem:" + here() + "/key#7"}) {
        const auto alone = [] {
            if (mkdir("alone", 0700) != 0) _exit(3);
            usleep(1000);
            rmdir("alone");
        };
        claim(together(4, [&](int) { return with_permit(uri, 1, alone) ? 0 : 1; }) == 0, uri.c_str());
        claim(wye::remove(uri).has_value(), "removed");
    }
}
