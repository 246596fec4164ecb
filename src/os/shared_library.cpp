#include "os/shared_library.hpp"

#include "wye/os/fd.hpp"

#include "os/errno.hpp"
#include "os/memory.hpp"
#include "os/small_file.hpp"
#include "os/syscall.hpp"

#include <dlfcn.h>
#include <link.h>

#include <string>

namespace wye::sys {
namespace {

std::unexpected<Error> why_not(const char* name) {
    const char* text = ::dlerror();
    return refuse(Errc::not_found, text ? std::string(text) : std::string(name) + " cannot be loaded");
}

// The loader takes two names of one file for one library, and two names that are alike.
Result<Fd> copy_of(void* library) {
    link_map* map = nullptr;
    if (::dlinfo(library, RTLD_DI_LINKMAP, &map) != 0) return why_not("library");
    WYE_TRY(const auto text, read_whole(map->l_name));
    const long r = sys::memfd_create("wye-library", 0);
    if (r < 0) return fail(r, "memfd_create");
    Fd fd(static_cast<int>(r));
    for (std::size_t n = 0; n < text.size();) {
        const long done = sys::write(fd.get(), text.data() + n, text.size() - n);
        if (done == -EINTR) continue;
        if (done < 0) return fail(done, "write", "memfd");
        n += static_cast<std::size_t>(done);
    }
    return fd;
}

}  // namespace

Result<void*> load_library(const char* name, bool anew) {
    void* const first = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!first) return why_not(name);
    if (!anew) return first;
    WYE_TRY(const auto copy, copy_of(first));
    const auto path = "/proc/" + std::to_string(own_pid()) + "/fd/" + std::to_string(copy.get());
    int flags = RTLD_NOW | RTLD_LOCAL;
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && !defined(__clang__)
    flags |= RTLD_DEEPBIND;  // its own functions, also where the program is linked with the first copy
#endif
    void* const second = ::dlopen(path.c_str(), flags);
    if (!second) return why_not(name);
    return second;
}

Result<void*> function_in(void* library, const char* name) {
    if (void* f = ::dlsym(library, name)) return f;
    return refuse(Errc::mismatch, std::string("the library has no ") + name);
}

}  // namespace wye::sys
