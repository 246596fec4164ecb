#include "measure/names.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

namespace wye::measure {
namespace fs = std::filesystem;

std::set<std::string> names_on_this_machine(const std::string& directory) {
    std::set<std::string> all;
    std::error_code e;
    // Directories below are ways of a means to order its names, and no leftovers.
    const auto below = fs::directory_options::skip_permission_denied;
    for (const std::string place : {"/dev/shm", "/dev/mqueue"})
        for (fs::recursive_directory_iterator it(place, below, e), end; !e && it != end; it.increment(e))
            if (std::error_code none; !it->is_directory(none)) all.insert(it->path());
    const auto files = directory.empty() ? fs::temp_directory_path(e).string() : directory;
    for (fs::directory_iterator it(files, e), end; !e && it != end; it.increment(e)) all.insert(it->path());
    for (const std::string kind : {"msg", "sem", "shm"}) {
        std::ifstream in("/proc/sysvipc/" + kind);
        std::string line, key, id;
        std::getline(in, line);
        while (std::getline(in, line))
            if (std::istringstream(line) >> key >> id) all.insert("sysv " + kind + " " + id);
    }
    return all;
}

}  // namespace wye::measure
