// Contents on their way to the store and back. Holes stay holes.
#pragma once
#include "wye/base/bytes.hpp"
#include "wye/base/error.hpp"
#include "wye/os/fd.hpp"

#include <cstdint>
#include <string>

namespace wye::sys {

/// A file of the store that is there only when it is whole: it has another name until done().
class Keeping {
public:
    static Result<Keeping> begin(int store, const std::string& name);
    Keeping(Keeping&&) = default;
    ~Keeping();
    int fd() const noexcept { return file_.get(); }
    Result<> done();

private:
    Keeping(int store, std::string name, Fd file) : store_(store), name_(std::move(name)), file_(std::move(file)) {}
    int store_;
    std::string name_;
    Fd file_;
};

Result<> write_at(int fd, Bytes, std::uint64_t at);
Result<> read_at(int fd, MutBytes, std::uint64_t at);

/// The first `size` bytes, without touching the holes.
Result<> copy_contents(int from, int to, std::uint64_t size);

/// Errc::exhausted where the store's file system has not `bytes` to spare.
Result<> room_for(int store, std::uint64_t bytes);

}  // namespace wye::sys
