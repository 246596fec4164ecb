// An ordinary file as memory.
#include "wye/memory/file_map.hpp"

#include "os/errno.hpp"
#include "os/file_pages.hpp"
#include "os/object.hpp"
#include "os/syscall.hpp"

namespace wye {

struct FileMap::State {
    Fd fd;
    sys::Mapping pages;
    bool writable;
    bool prefault;
    std::string path;
};

// ---------------------------------------------------------------- life

FileMap::FileMap(std::unique_ptr<State> s) noexcept : state_(std::move(s)) {}
FileMap::FileMap(FileMap&&) noexcept = default;
FileMap& FileMap::operator=(FileMap&&) noexcept = default;
FileMap::~FileMap() = default;

namespace {

// Read and not written: a page that is dirtied is written to the disk.
Result<sys::Mapping> map(int fd, std::size_t size, const FileMapOptions& o, const std::string& path) {
    if (size == 0) return sys::Mapping();
    if (o.writable) WYE_CHECK(sys::give_room(fd, 0, size, path));
    WYE_TRY(auto pages, sys::Mapping::of(fd, size, o.writable));
    if (o.prefault) WYE_CHECK(sys::prefault(pages, false, path));
    return pages;
}

Result<sys::FilePages> make_file(const std::string& path, const FileMapOptions& o, const FillSegment& fill) {
    if (o.size == 0) return refuse(Errc::bad_address, path + ": what is made needs a size");
    return sys::make_file_pages({path, o.size, o.permissions, false}, fill);
}

Result<sys::FilePages> find_file(const std::string& path, const FileMapOptions& o) {
    struct stat s{};
    WYE_TRY(auto fd, sys::open_file_pages(path, o.writable, 0, s));
    if (o.create == Create::if_missing) WYE_CHECK(sys::trust_maker(s.st_uid, path));
    const auto size = static_cast<std::size_t>(s.st_size);
    if (size < o.size)
        return refuse(Errc::mismatch, path + ": is there with " + std::to_string(size) + " bytes, not " +
                                          std::to_string(o.size) + "; open it as it is, and grow() it");
    WYE_TRY(auto pages, map(fd.get(), size, o, path));
    return sys::FilePages{std::move(fd), std::move(pages)};
}

}  // namespace

Result<FileMap> FileMap::open(const std::string& path, FileMapOptions o, const FillSegment& fill) {
    for (int tries = 100;; --tries) {  // made and removed by others between our calls
        auto r = o.create == Create::exclusive ? make_file(path, o, fill) : find_file(path, o);
        if (!r && o.create == Create::if_missing && r.error().is(Errc::not_found)) {
            r = make_file(path, o, fill);
            if (!r && r.error().is(Errc::already_exists) && tries > 0) continue;
        }
        if (!r) return std::unexpected(std::move(r).error());
        return FileMap(std::make_unique<State>(std::move(r->fd), std::move(r->pages), o.writable, o.prefault, path));
    }
}

// ---------------------------------------------------------------- work

Bytes FileMap::bytes() const noexcept { return {state_->pages.data(), state_->pages.size()}; }
MutBytes FileMap::mut_bytes() noexcept {
    return state_->writable ? MutBytes(state_->pages.data(), state_->pages.size()) : MutBytes();
}

Result<> FileMap::grow(std::size_t to) {
    auto& s = *state_;
    if (!s.writable) return fail(Errc::unsupported, "grow", s.path);
    if (to <= size()) return {};
    WYE_TRY(s.pages, map(s.fd.get(), to, {{.writable = true}, s.prefault}, s.path));
    return {};
}

Result<> FileMap::flush(Flush how) {
    auto& s = *state_;
    if (s.pages.size() == 0) return {};
    const long r = sys::msync(s.pages.data(), s.pages.size(), how == Flush::on_disk ? MS_SYNC : MS_ASYNC);
    if (r < 0) return sys::fail(r, "msync", s.path);
    return {};
}

Result<bool> FileMap::retired() const { return sys::nameless(state_->fd.get()); }

Result<bool> FileMap::whole() const {
    struct stat s{};
    if (const long r = sys::fstat(state_->fd.get(), &s); r < 0) return sys::fail(r, "fstat", state_->path);
    return static_cast<std::size_t>(s.st_size) >= size();
}

}  // namespace wye
