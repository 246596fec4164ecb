#include "sync/sysv_semaphore/first_values.hpp"

#include "wye/sync/sysv_semaphore.hpp"

#include "os/errno.hpp"
#include "os/object.hpp"
#include "os/sem_calls.hpp"
#include "os/sysv_key.hpp"
#include "os/wait.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace wye {
namespace {

using namespace std::chrono_literals;

constexpr unsigned mark = 0x7779;  // a value that no semaphore of another program's last member happens to have

struct Wanted {
    std::span<const unsigned> initial;  // empty: unknown, so somebody else must bring the values
    bool trust_anybody = true;
    std::string subject;
};

std::unexpected<Error> no_room(const Wanted& w) {
    seminfo now{};
    (void)sys::semctl(0, 0, SEM_INFO, {.info = &now});
    return refuse(Errc::exhausted, "semget(" + w.subject + "): no room for another set: " + std::to_string(now.semusz) +
                                       " of SEMMNI=" + std::to_string(now.semmni) + " sets and " +
                                       std::to_string(now.semaem) + " of SEMMNS=" + std::to_string(now.semmns) +
                                       " semaphores are in use (/proc/sys/kernel/sem); see ipcs -s");
}

// EAGAIN: somebody was first.
long bring_values(int id, std::span<const unsigned> initial) {
    const auto last = static_cast<unsigned short>(initial.size());
    std::vector<sembuf> ops{{last, 0, IPC_NOWAIT}, {last, static_cast<short>(mark), 0}};
    for (unsigned short i = 0; i < last; ++i)
        if (initial[i] > 0) ops.push_back({i, static_cast<short>(initial[i]), 0});
    return sys::semop(id, ops.data(), ops.size(), nullptr);
}

// The set as soon as it has its values. Errc::closed: it was removed meanwhile.
Result<SysvSet> ready(int id, const Wanted& w, Deadline d) {
    const auto patience = d.sooner(1s);
    for (auto pause = 50us;; pause = std::min(2 * pause, std::chrono::microseconds(20ms))) {
        semid_ds s{};
        if (const long r = sys::semctl(id, 0, IPC_STAT, {.stat = &s}); r < 0)
            return sys::fail(r == -EINVAL ? -EIDRM : r, "semctl", w.subject);
        if (!w.trust_anybody) WYE_CHECK(sys::trust_maker(s.sem_perm.cuid, w.subject));
        const auto members = static_cast<unsigned>(s.sem_nsems);
        if (s.sem_otime != 0) {
            const long last = members < 2 ? 0 : sys::semctl(id, static_cast<int>(members - 1), GETVAL);
            if (last < 0) return sys::fail(last == -EINVAL ? -EIDRM : last, "semctl", w.subject);
            return SysvSet{id, members - (last == mark)};
        }
        if (!w.initial.empty() && members == w.initial.size() + 1) {
            const long r = bring_values(id, w.initial);
            if (r < 0 && r != -EAGAIN && r != -EINTR) return sys::fail(r == -EINVAL ? -EIDRM : r, "semop", w.subject);
            continue;
        }
        if (patience.passed())
            return refuse(Errc::timed_out, w.subject +
                                               ": somebody made this set and gave it no values; open it with create, "
                                               "or remove it");
        // Nothing in the kernel wakes whoever waits for a first value of another program's.
        const sys::Left left(patience.sooner(pause));
        (void)sys::ppoll(nullptr, 0, left.get());
    }
}

}  // namespace

Result<SysvSet> find_set(int id, Deadline d) {
    auto set = ready(id, {.subject = "id=" + std::to_string(id)}, d);
    if (!set && set.error().is(Errc::closed)) return fail(Errc::not_found, "semctl", "id=" + std::to_string(id));
    return set;
}

Result<SysvSet> open_set(std::int32_t key, Create create, unsigned permissions, std::span<const unsigned> initial,
                         Deadline d) {
    const Wanted w{.initial = create == Create::never ? std::span<const unsigned>() : initial,
                   .trust_anybody = create != Create::if_missing,
                   .subject = "key=" + sys::key_text(key)};
    if (key == IPC_PRIVATE)
        return refuse(Errc::bad_address, w.subject + ": the key 0 is IPC_PRIVATE, which makes another set each time");
    if (create != Create::never && initial.empty())
        return refuse(Errc::bad_address, w.subject + ": a set of no semaphores");
    for (const auto v : w.initial)
        if (v > SysvSemaphore::max_value)
            return refuse(Errc::exhausted, w.subject + ": a value of " + std::to_string(v) + "; it goes up to " +
                                               std::to_string(SysvSemaphore::max_value));
    for (;;) {
        bool made = false;
        long id = -ENOENT;
        if (create != Create::never) {
            const auto members = static_cast<int>(initial.size() + 1);
            id = sys::semget(key, members, IPC_CREAT | IPC_EXCL | static_cast<int>(permissions & 0777));
            made = id >= 0;
            if (id == -ENOSPC) return no_room(w);
            if (!made && (id != -EEXIST || create == Create::exclusive)) return sys::fail(id, "semget", w.subject);
        }
        if (!made) id = sys::semget(key, 0, 0);
        if (id == -ENOENT && create != Create::never) continue;  // removed between the two calls
        if (id < 0) return sys::fail(id, "semget", w.subject);
        auto set = ready(static_cast<int>(id), w, d);
        if (set || !set.error().is(Errc::closed)) {
            if (!set && made) (void)sys::semctl(static_cast<int>(id), 0, IPC_RMID);
            return set;
        }
        if (create == Create::never) return fail(Errc::not_found, "semget", w.subject);
    }
}

}  // namespace wye
