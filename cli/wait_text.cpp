#include "wait_text.hpp"

#include "wye/base/text.hpp"

#include <fmt/format.h>

namespace wye::cli {

std::string named(const std::string& comm, std::int32_t pid) { return fmt::format("{}[{}]", escape(comm), pid); }

std::string waiter_of(const Wait& w) {
    auto text = named(w.who.comm, w.who.pid);
    return w.who.tid == w.who.pid ? text : text + fmt::format(" thread {}", w.who.tid);
}

std::string name_of(const Wait& w) {
    return escape(w.item->name) + (w.who.part < 0 ? "" : fmt::format(" [{}]", w.who.part));
}

std::string object_of(const Wait& w) { return fmt::format("{} {}", w.item->kind, name_of(w)); }

std::string_view last_did(const Wait& w) {
    return w.who.what == "msgrcv" ? "last sent to" : w.who.what == "msgsnd" ? "last read" : "last changed";
}

std::string cured_by(const Wait& w) {
    std::string text = w.by_last ? fmt::format("{} by ", last_did(w)) : w.all && w.by.size() > 1 ? "all of " : "";
    for (std::size_t i = 0; i < w.by.size() && i < 3; ++i)
        text += (i == 0 ? "" : " ") + named(w.by[i]->comm, w.by[i]->pid);
    if (w.by.size() > 3) text += fmt::format(" +{}", w.by.size() - 3);
    if (!w.sure) text += text.empty() ? "?" : " ?";
    return text.empty() ? "nobody" : text;
}

}  // namespace wye::cli
