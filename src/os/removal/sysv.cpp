#include "os/removal/sysv.hpp"

#include "wye/os/fd.hpp"

#include "os/removal/calls.hpp"
#include "os/removal/contents.hpp"
#include "os/removal/sysv_contents.hpp"
#include "os/sem_calls.hpp"
#include "os/shm_calls.hpp"
#include "os/small_file.hpp"
#include "os/snapshot/parse.hpp"
#include "os/sysv_key.hpp"

#include <algorithm>

namespace wye::sys {
namespace {

constexpr std::int64_t second = 1'000'000'000;

std::string words(const Relic& r) {
    constexpr std::string_view kinds[] = {"", "", "segment ", "set ", "queue "};
    return std::string(kinds[static_cast<std::size_t>(r.what)]) + std::to_string(r.id) +
           (r.key == 0 ? "" : " key " + key_text(r.key));
}
std::unexpected<Error> busy(const Relic& r, const char* why) { return refuse(Errc::busy, words(r) + ": " + why); }

// What the kernel says of it, whichever kind it is.
struct State {
    ipc_perm perm{};
    std::int64_t changed = 0;  // seconds
    shmid_ds segment{};
    semid_ds set{};
    msqid_ds queue{};
};

Result<State> ask(RelicKind what, std::int32_t id) {
    State s;
    long e = 0;
    if (what == RelicKind::segment)
        e = sys::shmctl(id, IPC_STAT, &s.segment), s.perm = s.segment.shm_perm, s.changed = s.segment.shm_ctime;
    else if (what == RelicKind::set)
        e = sys::semctl(id, 0, IPC_STAT, {.stat = &s.set}), s.perm = s.set.sem_perm, s.changed = s.set.sem_ctime;
    else
        e = sys::msgctl(id, IPC_STAT, &s.queue), s.perm = s.queue.msg_perm, s.changed = s.queue.msg_ctime;
    if (e == -EINVAL || e == -EIDRM)
        return refuse(Errc::not_found, std::string(name(what)) + " " + std::to_string(id) + ": it is gone");
    if (e < 0) return fail(e, what == RelicKind::segment ? "shmctl" : what == RelicKind::set ? "semctl" : "msgctl");
    return s;
}

// The same one: an id is given again, if not soon.
Result<State> still(const Relic& r) {
    WYE_TRY(auto s, ask(r.what, r.id));
    if (s.perm.__key != r.key || s.perm.uid != r.uid || s.changed * second != r.changed)
        return refuse(Errc::mismatch, words(r) + ": it is another's by now, or was changed");
    return s;
}

long remove(const Relic& r) {
    if (r.what == RelicKind::segment) return sys::shmctl(r.id, IPC_RMID, nullptr);
    if (r.what == RelicKind::set) return sys::semctl(r.id, 0, IPC_RMID);
    return sys::msgctl(r.id, IPC_RMID, nullptr);
}
Result<> removed(const Relic& r) {
    const long e = remove(r);
    return e < 0 ? Result<>(fail(e, "IPC_RMID", words(r))) : Result<>();
}

// We attach it, and are the only one then.
Result<> remove_segment(const Relic& r, int store) {
    WYE_TRY(const auto before, still(r));
    if (before.segment.shm_nattch != 0) return busy(r, "it is attached");
    if ((before.perm.mode & 01000) != 0) return busy(r, "it is removed already");
    void* at = nullptr;
    if (const long e = sys::shmat(r.id, SHM_RDONLY, &at); e < 0) return fail(e, "shmat", words(r));
    const Attachment mine(at);
    const auto alone = [&]() -> Result<> {
        WYE_TRY(const auto now, still(r));
        if (now.segment.shm_nattch == 1 && now.segment.shm_lpid == sys::own_pid()) return {};
        return busy(r, "somebody attached it meanwhile");
    };
    WYE_CHECK(alone());
    if (!r.contents.empty()) {
        WYE_CHECK(keep_segment(r, at, store));
        WYE_CHECK(alone());
    }
    WYE_CHECK(removed(r));
    // Ours keeps it there: who came in the last moment is seen, and has it for as long as he likes, without its key.
    WYE_TRY(const auto after, ask(r.what, r.id));
    if (after.segment.shm_nattch > 1)
        return refuse(Errc::failed, words(r) +
                                        ": somebody attached it in the moment it was removed: he has it without "
                                        "its key, and it goes with him");
    return {};
}

bool waited_for(const Relic& r) {
    for (int n = 0; n < static_cast<int>(r.size); ++n)
        if (sys::semctl(r.id, n, GETNCNT) > 0 || sys::semctl(r.id, n, GETZCNT) > 0) return true;
    return false;
}

Result<> remove_set(const Relic& r, int store) {
    WYE_TRY(const auto before, still(r));
    if (waited_for(r)) return busy(r, "somebody waits for it");
    WYE_TRY(const auto values, values_of(r));
    if (!r.contents.empty()) WYE_CHECK(keep_values(r, values, store));
    WYE_TRY(const auto again, values_of(r));
    if (waited_for(r)) return busy(r, "somebody waits for it");
    WYE_TRY(const auto now, still(r));
    if (now.set.sem_otime != before.set.sem_otime || again != values) return busy(r, "it was used meanwhile");
    return removed(r);
}

bool used_between(const msqid_ds& a, const msqid_ds& b) {
    return a.msg_qnum != b.msg_qnum || a.msg_stime != b.msg_stime || a.msg_rtime != b.msg_rtime ||
           a.msg_lspid != b.msg_lspid || a.msg_lrpid != b.msg_lrpid;
}

Result<> remove_messages(const Relic& r, int store) {
    WYE_TRY(const auto before, still(r));
    if (!r.contents.empty()) WYE_CHECK(keep_messages(r, before.queue.msg_qnum, store));
    WYE_TRY(const auto now, still(r));
    if (used_between(before.queue, now.queue)) return busy(r, "it was used meanwhile");
    return removed(r);
}

// The next object of the kind gets this id if nobody has it. Only for those who may choose ids.
bool choose_id(const Relic& r, std::int32_t id) {
    const char* path = r.what == RelicKind::segment ? "/proc/sys/kernel/shm_next_id"
                       : r.what == RelicKind::set   ? "/proc/sys/kernel/sem_next_id"
                                                    : "/proc/sys/kernel/msg_next_id";
    const Fd file(static_cast<int>(std::max(sys::open(path, O_WRONLY), -1L)));
    const auto text = std::to_string(id);
    return file != nullptr && sys::write(file.get(), text.data(), text.size()) > 0;
}

long make(const Relic& r) {
    constexpr int flags = IPC_CREAT | IPC_EXCL | 0600;
    if (r.what == RelicKind::segment) return sys::shmget(r.key, r.size, flags);
    if (r.what == RelicKind::set) return sys::semget(r.key, static_cast<int>(r.size), flags);
    return sys::msgget(r.key, flags);
}

// Owner and permissions, and how much a queue takes: the last step.
long give_away(const Relic& r, State s) {
    const auto set = [&](ipc_perm& p) {
        p.uid = r.uid, p.gid = r.gid;
        p.mode = static_cast<decltype(p.mode)>(r.mode & 0777);
    };
    if (r.what == RelicKind::segment) return set(s.segment.shm_perm), sys::shmctl(r.id, IPC_SET, &s.segment);
    if (r.what == RelicKind::set) return set(s.set.sem_perm), sys::semctl(r.id, 0, IPC_SET, {.stat = &s.set});
    s.queue.msg_qbytes = r.size;
    return set(s.queue.msg_perm), sys::msgctl(r.id, IPC_SET, &s.queue);
}

}  // namespace

Result<Relic> find_sysv(RelicKind what, std::int32_t id) {
    WYE_TRY(const auto s, ask(what, id));
    Relic r{.what = what};
    r.id = id, r.key = s.perm.__key;
    r.uid = s.perm.uid, r.gid = s.perm.gid, r.mode = s.perm.mode, r.changed = s.changed * second;
    r.size = what == RelicKind::segment ? s.segment.shm_segsz
             : what == RelicKind::set   ? s.set.sem_nsems
                                        : s.queue.msg_qbytes;
    r.messages = s.queue.msg_qnum;
    if (what == RelicKind::segment)
        if (const auto table = read_whole("/proc/sysvipc/shm"))
            for (const auto& row : parse_sysv_shm(*table))
                if (row.id == id) r.allocated = row.resident + row.swapped;
    return r;
}

Result<> remove_sysv(const Relic& r, int store) {
    if (r.what == RelicKind::segment) return remove_segment(r, store);
    return r.what == RelicKind::set ? remove_set(r, store) : remove_messages(r, store);
}

Result<std::vector<std::string>> put_back_sysv(const Relic& r, int store) {
    if (const auto there = still(r)) return std::vector<std::string>();  // it never went
    if (r.contents.empty()) return refuse(Errc::not_found, words(r) + ": nothing of it was kept");
    WYE_TRY(const auto kept, kept_contents(r, store));
    const bool chosen = choose_id(r, r.id);
    const long id = make(r);
    if (chosen) (void)choose_id(r, -1);
    if (id == -EEXIST) return refuse(Errc::already_exists, words(r) + ": the key is another's now; it is still kept");
    if (id < 0) return fail(id, "IPC_CREAT", words(r));
    Relic made = r;
    made.id = static_cast<std::int32_t>(id);
    const auto filled = fill(made, kept.get());
    auto now = filled ? ask(made.what, made.id) : Result<State>(std::unexpected(filled.error()));
    if (!now) {
        (void)remove(made);  // half of it is of no use to anybody, and all of it is still kept
        return std::unexpected(now.error());
    }
    std::vector<std::string> lacks;
    if (made.id != r.id) lacks.push_back("its id, which is " + std::to_string(made.id) + " now");
    if (now->perm.cuid != r.uid) lacks.emplace_back("who made it");
    if (give_away(made, *now) < 0) lacks.emplace_back("its owner, permissions or limit");
    lacks.emplace_back("its times, and the processes that used it last");
    return lacks;
}

}  // namespace wye::sys
