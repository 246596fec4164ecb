#include "io/sysv_path.hpp"

#include "wye/base/text.hpp"

#include "io/user_directory.hpp"
#include "os/dir_calls.hpp"
#include "os/sysv_key.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace wye {
namespace {

struct Record {
    int id = -1;
    std::string path;
};

// Keys count within an ipc namespace, and /dev/shm may be shared by several.
std::string name_of(std::string_view scheme, std::int32_t key) {
    struct stat s{};
    (void)sys::stat("/proc/self/ns/ipc", &s);
    return std::string(scheme) + "." + std::to_string(s.st_ino) + "." + sys::key_text(key);
}

std::optional<Record> read_record(int directory, const std::string& name) {
    char text[4096];  // the longest target there can be
    const long n = sys::readlinkat(directory, name.c_str(), text, sizeof text);
    if (n <= 0) return {};
    const std::string_view all(text, static_cast<std::size_t>(n));
    const auto space = std::min(all.find(' '), all.size() - 1);
    const auto id = parse_number(all.substr(0, space));
    if (!id || *id > INT32_MAX) return Record{};
    return Record{static_cast<int>(*id), std::string(all.substr(space + 1))};
}

bool same_file(const std::string& a, const std::string& b) {
    struct stat x{}, y{};
    return a == b || (sys::stat(a.c_str(), &x) == 0 && sys::stat(b.c_str(), &y) == 0 && x.st_dev == y.st_dev &&
                      x.st_ino == y.st_ino);
}

// Whether the record is of this object, and its file has the key still.
bool binds(const Record& r, const SysvAddress& a, int id) {
    if (r.id != id) return false;
    const auto key = sys::sysv_key(r.path, static_cast<std::uint32_t>(a.number) >> 24);
    return key && *key == a.number;
}

}  // namespace

Result<> check_path(std::string_view scheme, const SysvAddress& a, int id, Create create) {
    if (a.path.empty()) return {};
    const auto name = name_of(scheme, a.number);
    // Others may write and remove at the same time: whoever writes first has it.
    for (int tries = 100; tries > 0; --tries) {
        const auto directory = open_user_directory(create != Create::never);
        if (!directory) return {};  // nowhere to write: as without records
        if (const auto r = read_record(directory->get(), name)) {
            if (r->id == id && same_file(r->path, a.path)) return {};
            if (binds(*r, a, id))
                return refuse(Errc::mismatch, std::string(scheme) + ":" + a.path + ": its key, " +
                                                  sys::key_text(a.number) + ", is also that of " + r->path +
                                                  ", which the object is for; take another number after '#', or " +
                                                  std::string(scheme) + ":key=" + sys::key_text(a.number) +
                                                  " if it is meant");
            if (create == Create::never) return {};
            (void)sys::unlinkat(directory->get(), name.c_str());
        }
        if (create == Create::never) return {};
        const auto text = std::to_string(id) + " " + a.path;
        const long made = sys::symlinkat(text.c_str(), directory->get(), name.c_str());
        if (made != -EEXIST && made != -ENOENT) return {};  // ENOENT: the directory went, being empty
    }
    return {};
}

void forget_path(std::string_view scheme, std::int32_t key, int id) noexcept {
    const auto directory = open_user_directory(false);
    if (!directory) return;
    const auto name = name_of(scheme, key);
    const auto r = read_record(directory->get(), name);
    if (!r || r->id != id) return;
    (void)sys::unlinkat(directory->get(), name.c_str());
    remove_user_directory();
}

}  // namespace wye
