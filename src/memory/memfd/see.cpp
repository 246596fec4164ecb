// memfds as `wye ls` shows them: files without a name, known by whoever has them.
#include "io/see.hpp"

#include "wye/memory/memfd.hpp"

namespace wye {

void see_memfds(const sys::Snapshot& s, Inventory& into) {
    const auto is_memfd = [](const sys::FileFacts&, const std::string& target) {
        return target.starts_with("/memfd:");
    };
    for (auto& h : held_files(s, is_memfd)) {
        Item item{.kind = "memfd", .identity = identity(h.file.key)};
        take_deleted(h.target);
        item.name = h.target.substr(1);
        add_file(h.file, item);
        add_open(s, h.file.key, item);
        add_mapped(s, h.file.key, item);
        item.use = counted(item.holders.size(), "holder");
        into.items.push_back(std::move(item));
    }
}

}  // namespace wye
