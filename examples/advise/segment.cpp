// The same pages in every process that opens the URI. What they do there at one time goes through atomics.
#include <wye/wye.hpp>

#include <atomic>

wye::Result<unsigned> count_up(std::string_view uri) {
    WYE_TRY(auto pages, wye::open_segment(uri, {.create = wye::Create::if_missing, .size = 4096}));
    auto& word = *reinterpret_cast<unsigned*>(pages.mut_bytes().data());
    return std::atomic_ref(word).fetch_add(1) + 1;
}
// ---- that it does so
#include "../demo.hpp"

#include <filesystem>

std::string here() { return std::filesystem::current_path(); }

int main() {
    own_directory();
    claim(close(creat("key", 0600)) == 0, "a file whose inode is the key");
    for (const std::string& uri :
         {"posix-shm:/wye-example-" + std::to_string(getpid()), "sysv-shm:" + here() + "/key#7"}) {
        together(4, [&](int) { return count_up(uri) ? 0 : 1; });
        const auto n = count_up(uri);
        claim(wye::remove(uri) && n && *n == 5, uri.c_str());
    }
}
