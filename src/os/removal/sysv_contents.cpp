#include "os/removal/sysv_contents.hpp"

#include "os/removal/calls.hpp"
#include "os/removal/contents.hpp"
#include "os/sem_calls.hpp"
#include "os/shm_calls.hpp"
#include "os/small_file.hpp"
#include "os/snapshot/parse.hpp"

#include <algorithm>
#include <cstring>

#ifndef MSG_COPY
#define MSG_COPY 040000
#endif

namespace wye::sys {
namespace {

struct Message {
    std::int64_t type = 0;
    std::uint64_t length = 0;  // so many bytes follow
};

// Whether pages that are not in memory are holes: only while none are swapped out.
bool holes_are_known(const Relic& r) {
    const auto table = read_whole("/proc/sysvipc/shm");
    if (!table) return false;
    for (const auto& row : parse_sysv_shm(*table))
        if (row.id == r.id) return row.swapped == 0;
    return false;
}

Result<> save(int store, const Relic& r, Bytes all) {
    WYE_TRY(auto keeping, Keeping::begin(store, r.contents));
    WYE_CHECK(write_at(keeping.fd(), all, 0));
    return keeping.done();
}

Result<> fill_segment(const Relic& r, int kept) {
    void* at = nullptr;
    if (const long e = sys::shmat(r.id, 0, &at); e < 0) return fail(e, "shmat");
    const Attachment mine(at);
    auto* const bytes = static_cast<std::byte*>(at);
    const auto end = static_cast<off_t>(r.size);
    for (off_t data = 0; data < end;) {
        const long from = sys::lseek(kept, data, SEEK_DATA);
        if (from < 0) break;  // holes only
        const long to = std::min<long>(sys::lseek(kept, from, SEEK_HOLE), end);
        if (to <= from) break;
        WYE_CHECK(read_at(kept, {bytes + from, static_cast<std::size_t>(to - from)}, static_cast<std::uint64_t>(from)));
        data = to;
    }
    return {};
}

Result<> fill_set(const Relic& r, int kept) {
    std::vector<unsigned short> values(r.size);
    WYE_CHECK(read_at(kept, std::as_writable_bytes(std::span(values)), 0));
    const long e = sys::semctl(r.id, 0, SETALL, {.values = values.data()});
    return e < 0 ? Result<>(fail(e, "semctl")) : Result<>();
}

Result<> fill_messages(const Relic& r, int kept) {
    // Room for as many as it held, where this user may have it made.
    msqid_ds limit{};
    if (sys::msgctl(r.id, IPC_STAT, &limit) == 0 && limit.msg_qbytes < r.size)
        limit.msg_qbytes = r.size, (void)sys::msgctl(r.id, IPC_SET, &limit);
    std::uint64_t at = 0;
    std::vector<std::byte> room;
    for (std::uint64_t n = 0; n < r.messages; ++n) {
        Message m;
        WYE_CHECK(read_at(kept, std::as_writable_bytes(std::span(&m, 1)), at));
        at += sizeof m;
        if (m.length > std::uint64_t{1} << 30) return fail(-EINVAL, "msgsnd");
        room.resize(sizeof m.type + m.length);
        std::memcpy(room.data(), &m.type, sizeof m.type);
        WYE_CHECK(read_at(kept, MutBytes(room).subspan(sizeof m.type), at));
        at += m.length;
        if (const long e = sys::msgsnd(r.id, room.data(), m.length, IPC_NOWAIT); e < 0) return fail(e, "msgsnd");
    }
    return {};
}

}  // namespace

Result<> keep_segment(const Relic& r, const void* at, int store) {
    WYE_CHECK(room_for(store, r.allocated));
    WYE_TRY(auto keeping, Keeping::begin(store, r.contents));
    if (const long e = sys::ftruncate(keeping.fd(), static_cast<off_t>(r.size)); e < 0) return fail(e, "ftruncate");
    constexpr std::size_t page = 4096, pages = 256;
    const bool holes = holes_are_known(r);
    const auto* const bytes = static_cast<const std::byte*>(at);
    for (std::size_t from = 0; from < r.size; from += page * pages) {
        const auto n = std::min<std::size_t>(page * pages, r.size - from);
        unsigned char present[pages];
        std::ranges::fill(present, static_cast<unsigned char>(1));
        if (holes && sys::mincore(const_cast<std::byte*>(bytes) + from, n, present) < 0)
            std::ranges::fill(present, static_cast<unsigned char>(1));
        for (std::size_t p = 0; p * page < n; ++p) {
            if ((present[p] & 1) == 0) continue;
            const auto part = std::min(page, n - p * page);
            WYE_CHECK(write_at(keeping.fd(), {bytes + from + p * page, part}, from + p * page));
        }
    }
    return keeping.done();
}

Result<std::vector<unsigned short>> values_of(const Relic& r) {
    std::vector<unsigned short> values(r.size);
    const long e = sys::semctl(r.id, 0, GETALL, {.values = values.data()});
    if (e < 0) return fail(e, "semctl", std::to_string(r.id));
    return values;
}

Result<> keep_values(const Relic& r, const std::vector<unsigned short>& values, int store) {
    return save(store, r, std::as_bytes(std::span(values)));
}

Result<> keep_messages(const Relic& r, std::uint64_t count, int store) {
    std::vector<std::byte> all, room(sizeof(std::int64_t) + (std::size_t{1} << 16));
    for (std::uint64_t n = 0; n < count; ++n) {
        const long size = sys::msgrcv(r.id, room.data(), room.size() - sizeof(std::int64_t), static_cast<long>(n),
                                      MSG_COPY | IPC_NOWAIT);
        if (size == -ENOSYS)
            return refuse(Errc::unsupported,
                          std::to_string(r.id) + ": this kernel cannot copy its messages (MSG_COPY)");
        if (size == -E2BIG && room.size() < std::size_t{1} << 30) {
            room.resize(room.size() * 4), --n;
            continue;
        }
        if (size == -ENOMSG) return refuse(Errc::busy, std::to_string(r.id) + ": it was used meanwhile");
        if (size < 0) return fail(size, "msgrcv", std::to_string(r.id));
        Message m{.type = 0, .length = static_cast<std::uint64_t>(size)};
        std::memcpy(&m.type, room.data(), sizeof m.type);
        const auto head = bytes_of(m);
        all.insert(all.end(), head.begin(), head.end());
        all.insert(all.end(), room.begin() + sizeof m.type, room.begin() + sizeof m.type + size);
        WYE_CHECK(room_for(store, all.size()));
    }
    return save(store, r, all);
}

Result<Fd> kept_contents(const Relic& r, int store) {
    const long fd = sys::openat(store, r.contents.c_str(), O_RDONLY | O_NOFOLLOW);
    if (fd < 0) return fail(fd, "open", r.contents);
    return Fd(static_cast<int>(fd));
}

Result<> fill(const Relic& r, int kept) {
    if (r.what == RelicKind::segment) return fill_segment(r, kept);
    return r.what == RelicKind::set ? fill_set(r, kept) : fill_messages(r, kept);
}

}  // namespace wye::sys
