#include "os/removal/queue.hpp"

#include "wye/base/text.hpp"
#include "wye/os/fd.hpp"

#include "os/memory.hpp"
#include "os/removal/calls.hpp"
#include "os/removal/contents.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <optional>
#include <system_error>
#include <thread>

namespace wye::sys {
namespace {

constexpr std::uint64_t magic = 0x31716d6579770a00;  // "\0\nwyemq1"

// The archive, written as it goes. Each step is a store into shared pages, which outlives us.
struct Head {
    std::uint64_t magic = 0, message_size = 0;
    std::uint64_t planned = 0;   // messages when it began
    std::uint64_t taken = 0;     // whole slots
    std::uint64_t before = 0;    // bytes in the queue before slot `taken` was received
    std::uint64_t refilled = 0;  // inode of the queue that they are being sent to
};
struct Slot {
    std::uint64_t length;
    std::uint32_t priority, unused;
    // The message lies behind it.
    char* bytes() noexcept { return reinterpret_cast<char*>(this + 1); }
    const char* bytes() const noexcept { return reinterpret_cast<const char*>(this + 1); }
};

std::unexpected<Error> somebody(const Relic& r) { return refuse(Errc::busy, r.file + ": somebody has it by now"); }

class Archive {
public:
    static Result<Archive> make(int store, const Relic& r) {
        const auto size = sizeof(Head) + r.messages * stride(r.message_size);
        WYE_CHECK(room_for(store, size));
        const long fd = sys::openat(store, r.contents.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
        if (fd < 0) return fail(fd, "open", r.contents);
        Archive a{Fd(static_cast<int>(fd))};
        if (const long e = sys::ftruncate(a.file_.get(), static_cast<off_t>(size)); e < 0)
            return fail(e, "ftruncate", r.contents);
        // Its blocks, too: a full disk must not end us between a message and its place.
        if (const long e = sys::reserve(a.file_.get(), 0, size); e < 0) return fail(e, "fallocate", r.contents);
        WYE_CHECK(a.map(size));
        a.head() = {.magic = magic, .message_size = r.message_size, .planned = r.messages};
        return a;
    }
    // Errc::not_found where nothing was taken yet.
    static Result<Archive> open(int store, const Relic& r) {
        const long fd = sys::openat(store, r.contents.c_str(), O_RDWR | O_NOFOLLOW);
        if (fd < 0) return fail(fd, "open", r.contents);
        Archive a{Fd(static_cast<int>(fd))};
        struct stat s{};
        if (const long e = sys::fstat(a.file_.get(), &s); e < 0) return fail(e, "fstat", r.contents);
        const auto size = static_cast<std::size_t>(s.st_size);
        if (size < sizeof(Head)) return wye::fail(Errc::not_found, "mmap", r.contents);
        WYE_CHECK(a.map(size));
        const auto& h = a.head();
        if (h.magic == 0) return wye::fail(Errc::not_found, "mmap", r.contents);
        if (h.magic != magic || h.message_size != r.message_size || h.taken > h.planned ||
            h.planned > (size - sizeof(Head)) / stride(h.message_size))
            return refuse(Errc::corrupt, r.file + ": what was kept of it is damaged");
        return a;
    }
    Head& head() const noexcept { return *reinterpret_cast<Head*>(pages_.data()); }
    Slot& slot(std::uint64_t n) const noexcept {
        auto* at = pages_.data() + sizeof(Head) + n * stride(head().message_size);
        return *reinterpret_cast<Slot*>(at);
    }

private:
    explicit Archive(Fd file) : file_(std::move(file)) {}
    static std::uint64_t stride(std::uint64_t size) { return sizeof(Slot) + ((size + 7) & ~std::uint64_t{7}); }
    Result<> map(std::size_t size) {
        WYE_TRY(pages_, Mapping::of(file_.get(), size));
        return {};
    }
    Fd file_;
    Mapping pages_;
};

// The queue, with the kernel's word that nobody else has it.
class Held {
public:
    static Result<Held> open(const Relic& r) {
        const long q = sys::mq_open(r.file.c_str(), O_RDWR | O_NONBLOCK, 0, nullptr);
        if (q == -EWOULDBLOCK) return somebody(r);
        if (q < 0) return fail(q, "mq_open", r.file);
        Held h{Fd(static_cast<int>(q))};
        struct stat s{};
        if (const long e = sys::fstat(h.fd(), &s); e < 0) return fail(e, "fstat", r.file);
        if (s.st_dev != r.dev || s.st_ino != r.ino)
            return refuse(Errc::mismatch, r.file + ": its name stands for another queue by now");
        long e = sys::fcntl(h.fd(), F_SETSIG, SIGURG);
        if (e >= 0) e = sys::fcntl(h.fd(), F_SETLEASE, F_WRLCK);
        if (e == -EAGAIN || e == -EBUSY) return somebody(r);
        if (e < 0) return fail(e, "fcntl", r.file);
        return h;
    }
    int fd() const noexcept { return queue_.get(); }
    // Whoever came may go on.
    void yield() const noexcept { (void)sys::fcntl(fd(), F_SETLEASE, F_UNLCK); }
    bool intact() const noexcept { return sys::fcntl(fd(), F_GETLEASE) == F_WRLCK; }
    bool has_name() const noexcept {
        struct stat s{};
        return sys::fstat(fd(), &s) == 0 && s.st_nlink == 1;
    }
    Result<mq_attr> attributes(const Relic& r) const {
        mq_attr a{};
        const long e = sys::mq_getattr(fd(), &a);
        if (e < 0) return fail(e, "mq_getattr", r.file);
        return a;
    }
    // Bytes in all its messages: "QSIZE:42 ...". mq_overview(7)
    Result<std::uint64_t> bytes(const Relic& r) const {
        char text[128] = {};
        const long n = sys::pread(fd(), text, sizeof text - 1, 0);
        if (n < 0) return fail(n, "read", r.file);
        std::string_view t(text, static_cast<std::size_t>(n));
        if (t.starts_with("QSIZE:")) t.remove_prefix(6);
        const auto number = parse_number(t.substr(0, t.find_first_of(" \t\n")));
        if (!number) return refuse(Errc::failed, r.file + ": its size cannot be read");
        return *number;
    }

private:
    explicit Held(Fd q) : queue_(std::move(q)) {}
    Fd queue_;
};

// Into the archive, what is left in the queue.
Result<> take_messages(const Held& q, const Relic& r, Archive& a) {
    auto& head = a.head();
    while (head.taken < head.planned) {
        WYE_TRY(const auto bytes, q.bytes(r));
        head.before = bytes;
        auto& slot = a.slot(head.taken);
        const long n = sys::mq_receive(q.fd(), slot.bytes(), head.message_size, &slot.priority, nullptr);
        if (n == -EINTR) continue;
        if (n < 0) return fail(n, "mq_receive", r.file);
        slot.length = static_cast<std::uint64_t>(n);
        std::atomic_signal_fence(std::memory_order_seq_cst);
        ++head.taken;
    }
    return {};
}

// mq_open(2) waits for the end of a lease with the whole directory locked, and mq_unlink(2) waits for that lock: for
// /proc/sys/fs/lease-break-time, 45 s, if who is to give the lease up is the same thread.
class Yielding {
public:
    explicit Yielding(const Held& q) {
        try {
            watch_ = std::jthread([this, &q](const std::stop_token& over) {
                while (!(unlinking_ && !q.intact()) && !over.stop_requested())
                    std::this_thread::sleep_for(std::chrono::microseconds(200));
                if (!over.stop_requested()) q.yield();
            });
        } catch (const std::system_error&) {  // no thread to be had: who comes in the last moment waits longer
        }
    }
    long unlink(const std::string& name) noexcept {
        unlinking_ = true;
        return sys::mq_unlink(name.c_str());
    }

private:
    std::atomic<bool> unlinking_{false};
    std::jthread watch_;
};

// A message that was received, and its receiver died before it could say how long it is.
Result<> find_pending(const Held& q, const Relic& r, Archive& a) {
    auto& head = a.head();
    WYE_TRY(const auto now, q.attributes(r));
    const auto left = static_cast<std::uint64_t>(now.mq_curmsgs);
    if (head.taken + left == head.planned) return {};
    WYE_TRY(const auto bytes, q.bytes(r));
    if (head.taken + left + 1 != head.planned || bytes > head.before || head.before - bytes > head.message_size)
        return refuse(Errc::busy, r.file + ": it was used since; its first messages are still kept");
    a.slot(head.taken).length = head.before - bytes;
    ++head.taken;
    return {};
}

// The queue holds the first `there` of them: sent in this order, they are received in this order.
Result<> send_messages(int queue, const Relic& r, const Archive& a, std::uint64_t there) {
    for (auto n = there; n < a.head().taken;) {
        const auto& slot = a.slot(n);
        const long e = sys::mq_send(queue, slot.bytes(), slot.length, slot.priority, nullptr);
        if (e == -EINTR) continue;
        if (e < 0) return fail(e, "mq_send", r.file);
        ++n;
    }
    return {};
}

Result<> refill(const Held& q, const Relic& r, Archive& a) {
    if (a.head().refilled != r.ino) {
        WYE_CHECK(find_pending(q, r, a));
        WYE_CHECK(take_messages(q, r, a));
        a.head().refilled = r.ino;
    }
    WYE_TRY(const auto now, q.attributes(r));
    return send_messages(q.fd(), r, a, static_cast<std::uint64_t>(now.mq_curmsgs));
}

// To its owner, with its permissions: the last step. Answers what this user may not do.
std::vector<std::string> give_away(const Relic& r) {
    std::vector<std::string> lacks;
    const Fd queue(static_cast<int>(std::max(sys::mq_open(r.file.c_str(), O_RDONLY | O_NONBLOCK, 0, nullptr), -1L)));
    if (sys::fchmod(queue.get(), r.mode & 07777) < 0) lacks.emplace_back("its permissions");
    if (sys::fchown(queue.get(), r.uid, r.gid) < 0) lacks.emplace_back("its owner and group");
    return lacks;
}

// The one that is there: a removal or a return died in the middle of it.
Result<> complete(Relic r, int store, std::uint64_t ino) {
    auto archive = Archive::open(store, r);
    if (!archive && archive.error().is(Errc::not_found)) return {};  // nothing was taken from it
    if (!archive) return std::unexpected(archive.error());
    r.ino = ino;
    WYE_TRY(const auto q, Held::open(r));
    return refill(q, r, *archive);
}

}  // namespace

Result<Relic> find_queue(const std::string& name) {
    const long q = sys::mq_open(name.c_str(), O_RDONLY | O_NONBLOCK, 0, nullptr);
    if (q < 0) return fail(q, "mq_open", name);
    const Fd fd(static_cast<int>(q));
    struct stat s{};
    mq_attr a{};
    if (const long e = sys::fstat(fd.get(), &s); e < 0) return fail(e, "fstat", name);
    if (const long e = sys::mq_getattr(fd.get(), &a); e < 0) return fail(e, "mq_getattr", name);
    Relic r{.what = RelicKind::queue, .file = name};
    r.dev = s.st_dev, r.ino = s.st_ino, r.uid = s.st_uid, r.gid = s.st_gid, r.mode = s.st_mode;
    r.changed = s.st_ctim.tv_sec * std::int64_t{1'000'000'000} + s.st_ctim.tv_nsec;
    r.depth = static_cast<std::uint64_t>(a.mq_maxmsg), r.message_size = static_cast<std::uint64_t>(a.mq_msgsize);
    r.messages = static_cast<std::uint64_t>(a.mq_curmsgs);
    return r;
}

Result<> remove_queue(const Relic& r, int store) {
    WYE_TRY(const auto q, Held::open(r));
    WYE_TRY(const auto now, q.attributes(r));
    if (static_cast<std::uint64_t>(now.mq_curmsgs) != r.messages)
        return refuse(Errc::busy, r.file + ": it was used meanwhile");
    std::optional<Archive> archive;
    const auto back = [&](Error why) -> Result<> {
        if (archive && archive->head().taken != 0)
            if (const auto again = refill(q, r, *archive); !again) return std::unexpected(again.error());
        if (archive) (void)sys::unlinkat(store, r.contents.c_str());
        return std::unexpected(std::move(why));
    };
    if (!r.contents.empty() && r.messages != 0) {
        WYE_TRY(auto made, Archive::make(store, r));
        archive.emplace(std::move(made));
        if (const auto all = take_messages(q, r, *archive); !all) return back(all.error());
    }
    Yielding yielding(q);
    // Whoever has found the name and was stopped before opening it has time to come.
    const timespec moment{.tv_sec = 0, .tv_nsec = 2'000'000};
    (void)sys::ppoll(nullptr, 0, &moment);
    if (!q.intact()) return back(Error::saying(Errc::busy, r.file + ": somebody came for it, and has it"));
    if (!q.has_name()) return back(Error::saying(Errc::mismatch, r.file + ": its name is gone"));
    if (const long e = yielding.unlink(r.file); e < 0) return back(error(e, "mq_unlink", r.file));
    // A queue cannot get its name back. Who came between the last look and this is told of.
    if (q.intact()) return {};
    return refuse(Errc::failed, r.file + ": somebody opened it in the moment it was removed: he has it without a name");
}

Result<std::vector<std::string>> put_back_queue(const Relic& r, int store) {
    if (const auto there = find_queue(r.file)) {
        std::uint64_t begun = 0;
        if (const auto a = Archive::open(store, r)) begun = a->head().refilled;
        if (there->ino != r.ino && there->ino != begun)
            return refuse(Errc::already_exists, r.file + ": the name is another's now; it is still kept");
        WYE_CHECK(complete(r, store, there->ino));
        return there->ino == r.ino ? std::vector<std::string>() : give_away(r);
    }
    if (r.contents.empty()) return refuse(Errc::not_found, r.file + ": nothing of it was kept");
    auto archive = Archive::open(store, r);
    if (!archive && !(archive.error().is(Errc::not_found) && r.messages == 0)) return std::unexpected(archive.error());
    mq_attr a{};
    a.mq_maxmsg = static_cast<long>(r.depth), a.mq_msgsize = static_cast<long>(r.message_size);
    const long q = sys::mq_open(r.file.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NONBLOCK, 0600, &a);
    if (q < 0) return fail(q, "mq_open", r.file);
    const Fd queue(static_cast<int>(q));
    struct stat s{};
    if (const long e = sys::fstat(queue.get(), &s); e < 0) return fail(e, "fstat", r.file);
    if (archive) {
        archive->head().refilled = s.st_ino;
        WYE_CHECK(send_messages(queue.get(), r, *archive, 0));
    }
    return give_away(r);
}

}  // namespace wye::sys
