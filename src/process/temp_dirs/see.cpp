// Temporary directories as `wye ls` shows them: what lies in /tmp and /var/tmp under a name that was made by chance.
// Who has anything below it open holds it.
#include "io/see.hpp"

#include <map>

namespace wye {

void see_temp_dirs(const sys::Snapshot& s, Inventory& into) {
    std::map<std::string, Item, std::less<>> all;
    for (const auto& f : s.places) {
        if (!f.file.is(sys::type_directory)) continue;
        Item item{.kind = "temp-dir", .name = f.path, .identity = identity(f.file.key)};
        item.space = "mnt", item.ns = s.own.mnt;
        add_file(f.file, item);
        all.emplace(f.path, std::move(item));
    }
    if (all.empty()) return;
    for (const auto& p : s.processes)
        for (const auto& f : p.fds) {
            const std::string_view path = f.target;
            const auto top = path.starts_with("/tmp/") ? 5u : path.starts_with("/var/tmp/") ? 9u : 0u;
            const auto item = top == 0 ? all.end() : all.find(path.substr(0, path.find('/', top)));
            if (item == all.end()) continue;
            auto& holders = item->second.holders;
            if (holders.empty() || holders.back().pid != p.pid)
                holders.push_back(holder(p, "fd")), holders.back().fd = f.fd;
        }
    for (auto& [path, item] : all) into.items.push_back(std::move(item));
}

}  // namespace wye
