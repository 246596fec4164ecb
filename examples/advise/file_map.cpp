// A file as pages that several processes see at once, and that are there after a reboot.
#include <wye/memory/file_map.hpp>

#include <atomic>

wye::Result<unsigned> count_up(const std::string& path) {
    WYE_TRY(auto pages, wye::FileMap::open(path, {{.create = wye::Create::if_missing, .size = 4096}}));
    auto& word = *reinterpret_cast<unsigned*>(pages.mut_bytes().data());
    const auto now = std::atomic_ref(word).fetch_add(1) + 1;
    WYE_CHECK(pages.flush());  // on the disk when it returns
    return now;
}
// ---- that it does so
#include "../demo.hpp"

int main() {
    own_directory();
    const auto first = count_up("count");
    if (!first && first.error().is(wye::Errc::unsupported)) return 77;  // no such file system below /tmp
    const auto second = count_up("count");
    claim(first && second && *second == 2, "it is still there");
}
