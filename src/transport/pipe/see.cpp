// Pipes as `wye ls` shows them. How full one is only its own ends can ask, and asking would keep it open; but who
// sleeps in reading it says that it is empty, and who sleeps in writing, that it is full.
#include "io/see.hpp"

#include "wye/transport/pipe.hpp"

namespace wye {

void see_pipes(const sys::Snapshot& s, Inventory& into) {
    const auto is_pipe = [](const sys::FileFacts& f, const std::string& target) {
        return f.is(sys::type_fifo) && target.starts_with("pipe:[");
    };
    for (const auto& h : held_files(s, is_pipe)) {
        Item item{.kind = "pipe", .name = h.target, .identity = identity(h.file.key)};
        add_open(s, h.file.key, item);
        std::uint64_t readers = 0, writers = 0;
        for (const auto& o : item.holders) readers += o.reads, writers += o.writes;
        item.facts.emplace_back("readers", readers);
        item.facts.emplace_back("writers", writers);
        item.use = counted(writers, "writer") + " to " + counted(readers, "reader");
        add_movers(s, h.file.key, item);
        into.items.push_back(std::move(item));
    }
}

}  // namespace wye
