// The tables of /proc/sysvipc: a line of titles, then an object a line. sysvipc(7).
#include "os/snapshot/parse.hpp"
#include "os/snapshot/words.hpp"

namespace wye::sys {
namespace {

template <class Row, class Parse>
std::vector<Row> rows(std::string_view text, Parse&& parse) {
    std::vector<Row> all;
    (void)next_line(text);
    while (!text.empty()) {
        Words w(next_line(text));
        Row r;
        if (w.take(r.key) && w.take(r.id) && w.take(r.mode, 8) && parse(w, r)) all.push_back(r);
    }
    return all;
}

}  // namespace

std::vector<SysvShmRow> parse_sysv_shm(std::string_view text) {
    return rows<SysvShmRow>(text, [](Words& w, SysvShmRow& r) {
        std::uint32_t cgid = 0;
        return w.take_all(r.size, r.creator, r.last, r.attaches, r.uid, r.gid, r.cuid, cgid, r.attached, r.detached,
                          r.changed, r.resident, r.swapped);
    });
}

std::vector<SysvSemRow> parse_sysv_sem(std::string_view text) {
    return rows<SysvSemRow>(text, [](Words& w, SysvSemRow& r) {
        std::uint32_t cgid = 0;
        return w.take_all(r.members, r.uid, r.gid, r.cuid, cgid, r.operated, r.changed);
    });
}

std::vector<SysvMsgRow> parse_sysv_msg(std::string_view text) {
    return rows<SysvMsgRow>(text, [](Words& w, SysvMsgRow& r) {
        std::uint32_t cgid = 0;
        return w.take_all(r.bytes, r.messages, r.last_sender, r.last_receiver, r.uid, r.gid, r.cuid, cgid, r.sent,
                          r.received, r.changed);
    });
}

}  // namespace wye::sys
