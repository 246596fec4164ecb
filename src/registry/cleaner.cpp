#include "registry/cleaner.hpp"

#include "os/removal/queue.hpp"
#include "os/removal/sysv.hpp"
#include "os/snapshot/snapshot.hpp"
#include "os/syscall.hpp"
#include "registry/inventory.hpp"

#include <algorithm>
#include <thread>

namespace wye {
namespace {

using sys::Relic, sys::RelicKind;

constexpr std::size_t most_pending = 200;

std::int64_t monotonic() { return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1); }

bool is_of(const Item& i, auto... kinds) { return ((i.kind == kinds) || ...); }

// Files in memory, of which the kernel itself says whether anybody has them.
bool is_leased(const Item& i) { return is_of(i, "posix-shm", "posix-sem", "shm", "shm-sem"); }

// Files that have to be looked for among all that processes have.
bool is_sought(const Item& i) { return is_of(i, "fifo", "unix", "pid-file", "lock-file"); }

struct Place {
    std::string directory, file;
};

Place place_of(const Item& i) {
    std::string path = i.name;
    if (i.kind == "posix-shm") path = "/dev/shm" + i.name;
    if (i.kind == "posix-sem") path = "/dev/shm/sem." + i.name.substr(1);
    if (is_of(i, "shm", "shm-sem"))
        path = "/dev/shm/wye-" + std::to_string(i.uid.value_or(0)) + (i.kind == "shm" ? "/ring." : "/sem.") + i.name;
    const auto slash = path.rfind('/');
    return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

// "loan.NAME.3": where a ring's loans lie.
Result<std::vector<std::string>> banks(const Item& i, const Place& p) {
    const auto prefix = "loan." + i.name + ".";
    WYE_TRY(auto names, sys::files_beside(p.directory, prefix));
    std::erase_if(names, [&](const auto& n) {
        return n.size() == prefix.size() || n.find_first_not_of("0123456789", prefix.size()) != n.npos;
    });
    return names;
}

Result<> is_it(const Item& i, const Relic& r) {
    const auto* file = std::get_if<FileIdentity>(&i.identity);
    bool same = r.changed == i.changed && i.uid == r.uid;
    if (file) same = same && r.dev == file->dev && r.ino == file->ino;
    if (const auto* sysv = std::get_if<SysvIdentity>(&i.identity)) same = same && sysv->id == r.id;
    if (same) return {};
    return refuse(Errc::mismatch, i.name + ": by now it is another, or it was changed");
}

Result<Relic> find(const Item& i) {
    if (i.kind == "posix-mq") return sys::find_queue(i.name);
    const auto* sysv = std::get_if<SysvIdentity>(&i.identity);
    const auto id = sysv ? sysv->id : -1;
    if (i.kind == "sysv-shm") return sys::find_sysv(RelicKind::segment, id);
    if (i.kind == "sysv-sem") return sys::find_sysv(RelicKind::set, id);
    if (i.kind == "sysv-mq") return sys::find_sysv(RelicKind::messages, id);
    return refuse(Errc::unsupported, i.name + ": of this kind nothing is removed");
}

// Nobody has it open or mapped, is bound to it, or sleeps in opening it.
Result<bool> nobody_has(const Relic& r) {
    const auto s = sys::take_snapshot();
    const sys::FileKey key{r.dev, r.ino};
    const auto others = [&](auto uses) {
        return std::ranges::any_of(uses, [&](const auto& u) { return s.processes[u.process].pid != sys::own_pid(); });
    };
    if (others(s.open_at(key)) || others(s.mapped_at(key))) return false;
    for (const auto& p : s.processes)
        for (const auto& b : p.blocked)
            if (b.opening && b.opening->key == key) return false;
    for (const auto& ns : s.net) {
        if (!ns.seen && (r.mode & 0170000) == sys::type_socket) return false;
        // Not every file system's device is stat's (btrfs): there the name that it was bound to speaks for the inode.
        for (const auto& u : ns.unix_sockets)
            if (u.file == key || (u.file.ino == r.ino && u.name == r.directory + "/" + r.file)) return false;
    }
    return true;
}

}  // namespace

bool is_removable(const Item& i) {
    return is_leased(i) || is_sought(i) || is_of(i, "posix-mq", "sysv-shm", "sysv-sem", "sysv-mq");
}

std::string unseen_users(const Judged& judged) {
    const auto e = std::ranges::find(judged.evidence, "outside", &Judged::Evidence::test);
    return e == judged.evidence.end() ? std::string() : e->text;
}

std::string reason(const Judged& judged) {
    for (const char mark : {'-', '!', '+'})
        for (const auto& e : judged.evidence)
            if (e.mark == mark) return e.text;
    return {};
}

bool is_set_aside(const Item& i) {
    return (is_leased(i) || is_sought(i)) && place_of(i).file.starts_with(aside_prefix);
}

// All of it anew: who came, what is known of it, and what the rules say.
Result<> Cleaner::still_so(const Item& item) const {
    const auto seen = sys::take_snapshot();
    const auto all = take_inventory(seen);
    const auto now = std::ranges::find_if(
        all.items, [&](const Item& i) { return i.kind == item.kind && i.identity == item.identity; });
    if (now == all.items.end()) return refuse(Errc::not_found, item.name + ": it is gone");
    if (now->changed != item.changed) return refuse(Errc::mismatch, item.name + ": it was changed meanwhile");
    const auto judged = judge(*now, all, seen, o_.rules, o_.age);
    const auto v = judged.verdict;
    if ((v == Verdict::proven || (o_.likely && v == Verdict::likely)) && unseen_users(judged).empty()) return {};
    return refuse(Errc::busy, item.name + ": it is " + std::string(name(v)) + " by now, " + reason(judged));
}

Result<std::vector<Relic>> Cleaner::relics(std::size_t n, const Item& item) const {
    std::vector<Relic> all;
    const auto kept = [&](std::size_t part) { return std::to_string(n) + "." + std::to_string(part); };
    if (is_leased(item) || is_sought(item)) {
        const auto place = place_of(item);
        std::vector<std::string> files;
        if (item.kind == "shm") {
            WYE_TRY(files, banks(item, place));
        }
        files.push_back(place.file);  // last: the others are of no use without it
        for (const auto& f : files) {
            const auto aside = std::string(aside_prefix) + o_.run + "." + kept(all.size());
            WYE_TRY(all.emplace_back(), sys::find_file(place.directory, f, aside));
        }
    } else {
        WYE_TRY(all.emplace_back(), find(item));
    }
    WYE_CHECK(is_it(item, all.back()));
    for (std::size_t part = 0; part < all.size(); ++part) {
        auto& r = all[part];
        if (r.what == RelicKind::file && !is_leased(item)) r.stays = true;  // nothing is freed by their removal
        if (!o_.keep) r.stays = false;
        if (o_.keep && !r.stays) r.contents = kept(part);
    }
    return all;
}

void Cleaner::remove(std::size_t n, const Item& item) {
    // Each has a descriptor.
    while (pending_.size() >= most_pending) tend();
    auto done = is_leased(item) ? Result<>() : still_so(item);
    if (done) {
        auto all = relics(n, item);
        if (all) done = observer_.begins(n, item, *all);
        if (!all) done = std::unexpected(all.error());
        if (done) done = take(n, std::move(*all));
    }
    const bool under_way = done && !pending_.empty() && pending_.back().n == n;
    if (!under_way) end(n, done);
    look_after();
}

Result<> Cleaner::take(std::size_t n, std::vector<Relic> all) {
    if (all.back().what == RelicKind::queue) return sys::remove_queue(all.back(), o_.store);
    if (all.back().what != RelicKind::file) return sys::remove_sysv(all.back(), o_.store);
    Pending p{.n = n, .files = {}, .since = monotonic()};
    for (const auto& r : all) {
        // Its name is missed by whoever has it: not taken away to ask, where asking before may do.
        if ((r.mode & 0170000) != sys::type_regular)
            if (const auto free = nobody_has(r); !free || !*free)
                return refuse(Errc::busy, r.directory + "/" + r.file + ": somebody has it by now");
        auto file = sys::Aside::take(r, nobody_has);
        if (!file) {
            for (const auto& f : p.files) (void)f.give_back();
            return std::unexpected(file.error());
        }
        p.files.push_back(std::move(*file));
    }
    pending_.push_back(std::move(p));
    return {};
}

// All of them or none: what is gone already comes out of the store.
Result<> Cleaner::settle(const Pending& p) const {
    Result<> done;
    for (const auto& f : p.files)
        if (done) done = f.settle(o_.store, nobody_has);
    return done;
}

// Whoever came for one of them has it at once; and those that nobody came for have gone.
void Cleaner::look_after() {
    for (auto p = pending_.begin(); p != pending_.end();) {
        Result<> done;
        for (const auto& f : p->files)
            if (done) done = f.still_alone();
        const bool over = monotonic() - p->since >= sys::late_opener;
        if (done && over) done = settle(*p);
        if (done && !over) {
            ++p;
            continue;
        }
        if (!done)
            for (const auto& f : p->files) (void)sys::put_back(f.relic(), o_.store);
        const auto n = p->n;
        p = pending_.erase(p);
        end(n, done);
    }
}

void Cleaner::tend() {
    std::this_thread::sleep_for(std::chrono::microseconds(200));
    look_after();
}

void Cleaner::finish() {
    while (!pending_.empty()) tend();
}

void Cleaner::end(std::size_t n, const Result<>& r) {
    if (r) return observer_.ended(n, Outcome::removed, "");
    const auto& e = r.error();
    const bool left = e.is(Errc::busy) || e.is(Errc::mismatch) || e.is(Errc::not_found);
    observer_.ended(n, left ? Outcome::left : Outcome::failed, e.message());
}

}  // namespace wye
