// POSIX shared memory: files in /dev/shm.
#include "wye/memory/posix_shm.hpp"

#include "os/errno.hpp"
#include "os/file_pages.hpp"
#include "os/fork.hpp"
#include "os/object.hpp"
#include "os/small_file.hpp"

namespace wye {
namespace {

const std::string directory = "/dev/shm";

std::string wrong_name(std::string_view name) {
    if (name.empty() || name[0] != '/') return "a name begins with '/'";
    const auto rest = name.substr(1);
    if (rest.empty() || rest == "." || rest == "..") return "no name after the '/'";
    if (rest.find('/') != std::string_view::npos) return "a name has one '/', at its beginning";
    if (rest.find('\0') != std::string_view::npos) return "a name has no zero byte";
    if (rest.size() > 255) return "a name has at most 255 bytes after the '/'";
    return {};
}

}  // namespace

struct PosixShm::State {
    Fd fd;
    sys::Mapping pages;
    bool writable;
};

// ---------------------------------------------------------------- life

PosixShm::PosixShm(std::unique_ptr<State> s) noexcept : state_(std::move(s)) {}
PosixShm::PosixShm(PosixShm&&) noexcept = default;
PosixShm& PosixShm::operator=(PosixShm&&) noexcept = default;
PosixShm::~PosixShm() = default;

namespace {

Result<sys::FilePages> make_pages(const std::string& name, const SegmentOptions& o, const FillSegment& fill) {
    if (o.size == 0) return refuse(Errc::bad_address, name + ": what is made needs a size, as in ?size=64K");
    return sys::make_file_pages({directory + name, o.size, o.permissions}, fill);
}

Result<sys::FilePages> find_pages(const std::string& name, const SegmentOptions& o) {
    struct stat s{};
    WYE_TRY(auto fd, sys::open_file_pages(directory + name, o.writable, O_NOFOLLOW, s));
    if (s.st_nlink == 0) return wye::fail(Errc::not_found, "open", name);  // removed since
    if (o.create == Create::if_missing) WYE_CHECK(sys::trust_maker(s.st_uid, name));
    const auto size = static_cast<std::size_t>(s.st_size);
    if (size == 0) return refuse(Errc::mismatch, name + ": has no size yet, or its maker died before it gave it one");
    if (size < o.size)
        return refuse(Errc::mismatch, name + ": is there with " + std::to_string(size) + " bytes, not " +
                                          std::to_string(o.size) + "; remove it first");
    WYE_TRY(auto pages, sys::Mapping::of(fd.get(), size, o.writable));
    WYE_CHECK(sys::prefault(pages, o.writable, name));  // a stranger's may have holes
    return sys::FilePages{std::move(fd), std::move(pages)};
}

}  // namespace

Result<PosixShm> PosixShm::open(const std::string& name, SegmentOptions o, const FillSegment& fill) {
    if (const auto wrong = wrong_name(name); !wrong.empty())
        return refuse(Errc::bad_address, name + ": " + wrong + "; write it as /frames");
    for (int tries = 100;; --tries) {  // made and removed by others between our calls
        auto r = o.create == Create::exclusive ? make_pages(name, o, fill) : find_pages(name, o);
        if (!r && o.create == Create::if_missing && r.error().is(Errc::not_found)) {
            r = make_pages(name, o, fill);
            if (!r && r.error().is(Errc::already_exists) && tries > 0) continue;
        }
        if (!r) return std::unexpected(std::move(r).error());
        return PosixShm(std::make_unique<State>(std::move(r->fd), std::move(r->pages), o.writable));
    }
}

// ---------------------------------------------------------------- work

Bytes PosixShm::bytes() const noexcept { return {state_->pages.data(), state_->pages.size()}; }
MutBytes PosixShm::mut_bytes() noexcept {
    return state_->writable ? MutBytes(state_->pages.data(), state_->pages.size()) : MutBytes();
}
Result<bool> PosixShm::retired() const { return sys::nameless(state_->fd.get()); }
int PosixShm::native_handle() const noexcept { return state_->fd.get(); }

// ---------------------------------------------------------------- the room

void see_posix_shm(const sys::Snapshot&, Inventory&);  // see.cpp
Result<Inspection> inspect_posix_shm(const std::string& name, std::string_view uri);

namespace {

constexpr std::string_view example = "posix-shm:/frames?size=1M";
constexpr Param params[] = {{"size", "SIZE", "bytes, when it is made; the least it must have, when it is opened"}};

Result<std::string> name_of(const Uri& uri) {
    if (const auto wrong = wrong_name(uri.address()); !wrong.empty()) return uri.refuse(wrong, example);
    return std::string(uri.address());
}

Result<PosixShm> open_uri(const Uri& uri, SegmentOptions o) {
    WYE_TRY(const auto name, name_of(uri));
    WYE_TRY(o.size, uri.size("size", o.size));
    if (uri.has("size") && o.size == 0) return uri.refuse("a segment of size 0 holds nothing", example);
    if (o.create == Create::exclusive && o.size == 0) return uri.refuse("what is made needs a size", example);
    return PosixShm::open(name, o);
}

Result<Segment> open_segment(const Uri& uri, const SegmentOptions& o) {
    WYE_TRY(auto s, open_uri(uri, o));
    return Segment(std::move(s));
}

Result<> make(const Uri& uri, const OpenOptions& o) {
    WYE_CHECK(open_uri(uri, {.create = o.create, .permissions = o.permissions}));
    return {};
}

Result<> remove(const Uri& uri, const RemoveOptions& o) {
    WYE_TRY(const auto name, name_of(uri));
    return sys::remove_path(directory + name, S_IFREG, "not shared memory", o.dry_run);
}

Result<> list(Visit<Object> visit) {
    WYE_TRY(const auto names, sys::names_in(directory));
    for (const auto& name : names) {
        struct stat s{};
        if (name.starts_with("sem.")) continue;  // a POSIX semaphore
        if (sys::lstat((directory + "/" + name).c_str(), &s) < 0 || !S_ISREG(s.st_mode)) continue;
        visit({.uri = "posix-shm:" + percent_encode("/" + name),
               .owner = s.st_uid,
               .mode = s.st_mode & 0777u,
               .bytes = static_cast<std::uint64_t>(s.st_size)});
    }
    return {};
}

Result<Inspection> inspect(const Uri& uri) {
    WYE_TRY(const auto name, name_of(uri));
    return inspect_posix_shm(name.substr(1), uri.text());
}

std::vector<std::string> scratch(const std::string&) {
    return {"posix-shm:/wye-" + std::to_string(sys::unique_mark()) + "?size=64K"};
}

}  // namespace

const Mechanism posix_shm_mechanism{
    .traits = PosixShm::traits,
    .summary = "pages that several processes see at once, under a name",
    .example = example,
    .params = params,
    .open_segment = open_segment,
    .make = make,
    .remove = remove,
    .list = list,
    .inspect = inspect,
    .see = see_posix_shm,
    .scratch = scratch,
};

}  // namespace wye
