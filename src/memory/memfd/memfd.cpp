// Memory without a name, sealed, known by a descriptor.
#include "wye/memory/memfd.hpp"

#include "os/errno.hpp"
#include "os/file_pages.hpp"
#include "os/syscall.hpp"

#include <cstdio>

namespace wye {

static_assert(Seals::seal == F_SEAL_SEAL && Seals::shrink == F_SEAL_SHRINK && Seals::grow == F_SEAL_GROW &&
              Seals::write == F_SEAL_WRITE && Seals::future_write == F_SEAL_FUTURE_WRITE);

struct Memfd::State {
    Fd fd;
    sys::Mapping pages;
    bool writable;
};

Memfd::Memfd(std::unique_ptr<State> s) noexcept : state_(std::move(s)) {}
Memfd::Memfd(Memfd&&) noexcept = default;
Memfd& Memfd::operator=(Memfd&&) noexcept = default;
Memfd::~Memfd() = default;

// ---------------------------------------------------------------- the maker

Result<Memfd> Memfd::make(const MemfdOptions& o) {
    if (o.size == 0) return refuse(Errc::bad_address, "memfd: what is made needs a size");
    const long r = sys::sealable_memfd(o.name.c_str());
    if (r < 0) return sys::fail(r, "memfd_create", o.name);
    auto state = std::make_unique<State>(Fd(static_cast<int>(r)), sys::Mapping(), true);
    WYE_CHECK(sys::give_room(state->fd.get(), 0, o.size, o.name));
    WYE_TRY(state->pages, sys::Mapping::of(state->fd.get(), o.size));
    WYE_CHECK(sys::prefault(state->pages, true, o.name));
    return Memfd(std::move(state));
}

Result<> Memfd::seal(unsigned seals) {
    auto& s = *state_;
    const bool freezes = (seals & Seals::write) != 0;
    const auto n = size();
    // The kernel grants it only where nobody can write any more, we included.
    if (freezes) s.pages = {}, s.writable = false;
    const long r = sys::fcntl(s.fd.get(), F_ADD_SEALS, static_cast<long>(seals));
    if (freezes) {
        auto view = r < 0 ? sys::Mapping::of(s.fd.get(), n) : sys::Mapping::of_sealed(s.fd.get(), n);
        if (!view && r < 0) view = sys::Mapping::of(s.fd.get(), n, false);  // sealed by another
        if (!view) return std::unexpected(std::move(view).error());
        s.pages = std::move(*view);
        s.writable = r < 0;
    }
    if (r < 0) return sys::fail(r, "fcntl(F_ADD_SEALS)");
    return {};
}

// ---------------------------------------------------------------- the receiver

namespace {

std::string list_of(unsigned seals) {
    static constexpr std::pair<unsigned, const char*> names[] = {{Seals::seal, "seal"},
                                                                 {Seals::shrink, "shrink"},
                                                                 {Seals::grow, "grow"},
                                                                 {Seals::write, "write"},
                                                                 {Seals::future_write, "future_write"}};
    std::string all;
    for (const auto& [bit, text] : names)
        if (seals & bit) all += (all.empty() ? "" : "|") + std::string(text);
    return all.empty() ? "none" : all;
}

std::unexpected<Error> wrong(const std::string& what) { return refuse(Errc::mismatch, "the descriptor " + what); }

// Its size, when everything is as expected. Nothing is read from it, and nothing mapped.
Result<std::size_t> check(int fd, const MemfdExpect& e) {
    struct stat s{};
    if (const long r = sys::fstat(fd, &s); r < 0) return sys::fail(r, "fstat");
    if (!S_ISREG(s.st_mode)) return wrong("is no memfd, and no file at all");
    const long access = sys::fcntl(fd, F_GETFL);
    if (access < 0 || (access & O_PATH) || (access & O_ACCMODE) == O_WRONLY) return wrong("cannot be read");
    const long got = sys::seals_of(fd);
    if (got < 0) return wrong("is a file that has no seals, and no memfd");
    const auto seals = static_cast<unsigned>(got);
    if (seals != e.seals) return wrong("has the seals " + list_of(seals) + ", not " + list_of(e.seals));
    const auto size = static_cast<std::size_t>(s.st_size);
    if (e.size != 0 && size != e.size)
        return wrong("has " + std::to_string(size) + " bytes, not " + std::to_string(e.size));
    if (size == 0 || size > e.most)
        return wrong("has " + std::to_string(size) + " bytes, which is not from 1 to " + std::to_string(e.most));
    return size;
}

}  // namespace

Result<Memfd> Memfd::accept(Fd fd, MemfdExpect e) {
    constexpr unsigned no_writing = Seals::write | Seals::future_write;
    if ((e.seals & Seals::fixed_size) != Seals::fixed_size)
        return refuse(Errc::unsupported, "a memfd that its maker can still cut off is not mapped: expect fixed_size");
    WYE_TRY(const auto size, check(fd.get(), e));
    const long access = sys::fcntl(fd.get(), F_GETFL);
    const bool writable = (e.seals & no_writing) == 0 && (access & O_ACCMODE) == O_RDWR;
    WYE_TRY(auto pages, e.seals& Seals::write ? sys::Mapping::of_sealed(fd.get(), size)
                                              : sys::Mapping::of(fd.get(), size, writable));
    WYE_CHECK(sys::prefault(pages, writable, "memfd"));
    return Memfd(std::make_unique<State>(std::move(fd), std::move(pages), writable));
}

// ---------------------------------------------------------------- both

Result<unsigned> Memfd::seals() const {
    const long r = sys::fcntl(state_->fd.get(), F_GET_SEALS);
    if (r < 0) return sys::fail(r, "fcntl(F_GET_SEALS)");
    return static_cast<unsigned>(r);
}

Bytes Memfd::bytes() const noexcept { return {state_->pages.data(), state_->pages.size()}; }
MutBytes Memfd::mut_bytes() noexcept {
    return state_->writable ? MutBytes(state_->pages.data(), state_->pages.size()) : MutBytes();
}
int Memfd::native_handle() const noexcept { return state_->fd.get(); }

}  // namespace wye
