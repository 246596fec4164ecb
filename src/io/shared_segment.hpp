// A named file of shared pages: never seen half made, never of another kind, and gone for all when it is removed.
#pragma once
#include "wye/core/endpoint.hpp"
#include "wye/core/mechanism.hpp"
#include "wye/os/fd.hpp"

#include "os/memory.hpp"
#include "os/unforked.hpp"

#include <functional>
#include <string>
#include <vector>

namespace wye {

/// Files in /dev/shm/wye-UID, a directory of this user's alone (0700). Made without a name, filled, and then given one
/// (O_TMPFILE, linkat): who opens it finds all of it, and who is killed while making it leaves nothing. Its pages are
/// there from the beginning: a full /dev/shm is Errc::exhausted when it is made, never SIGBUS when it is used.
class SharedSegment {
public:
    static constexpr std::size_t head = 64;  ///< bytes before the content

    struct Geometry {
        std::uint64_t magic = 0;
        std::uint32_t layout = 0;  // of header and content; another number with each change
        char kind[12] = {};
        std::uint64_t size = 0;
        std::uint32_t participants = 0, capacity = 0;  // what the kind makes of them
        std::int32_t creator = 0;
    };

    static constexpr std::uint32_t any_layout = 0;
    struct Shape {
        std::string_view kind;     ///< up to 11 characters; the file is KIND.NAME
        std::uint32_t layout = 1;  ///< any_layout, to remove: whoever made it
        std::uint32_t participants = 0, capacity = 0;
        std::uint64_t size = 0;  ///< head and content; zeroed
    };
    using Fill = std::function<void(std::byte* content)>;

    /// What exists is opened as it is, whatever size `shape` has: look at geometry(). `layout` and `kind` must be right
    /// (Errc::mismatch), the owner we (Errc::denied).
    static Result<SharedSegment> open(const std::string& name, const Shape&, Create, const Fill&);

    /// Errc::not_found when it is not there. What another version made goes too. `told(segment)` runs after it was
    /// marked as retired, and before its name goes: to wake who waits (if it is of the layout that the caller knows),
    /// and to take away what lies beside it. When that fails, so does this, and can be called again. Of several who
    /// remove it at once, none takes away what somebody made since under that name.
    static Result<> remove(const std::string& name, const Shape&, const RemoveOptions&,
                           const std::function<Result<>(SharedSegment&)>& told);

    static Result<> list(std::string_view kind, const std::string& scheme, Visit<Object>&);

    /// What belongs to a segment and lies beside it: KIND.NAME.NUMBER.
    static std::string beside(std::string_view kind, const std::string& name, std::uint32_t number);
    /// The paths of all of that kind that are there.
    static Result<std::vector<std::string>> all_beside(std::string_view kind, const std::string& name);
    /// Removes them; and the directory, if nobody else lies there.
    static Result<> remove_beside(std::string_view kind, const std::string& name);

    /// As it was found and checked at the beginning: what lies in the pages is a stranger's to change.
    const Geometry& geometry() const noexcept { return geometry_; }
    /// By this handle, just now: what fails afterwards should take it away again.
    bool made() const noexcept { return made_; }
    /// Removed by its name: nobody new will come.
    bool retired() const noexcept { return shared().retired.load(std::memory_order_seq_cst) != 0; }
    std::byte* content() const noexcept { return pages_.data() + head; }
    /// The description that is this handle's own: where its locks lie.
    const sys::Unforked& file() const noexcept { return fd_; }

private:
    struct Header {
        Geometry geometry;
        std::atomic<std::uint32_t> retired;
    };
    static_assert(sizeof(Header) <= head);
    Header& shared() const noexcept { return *reinterpret_cast<Header*>(pages_.data()); }
    static Result<SharedSegment> make(int directory, const std::string& file, const Shape&, const Fill&);
    static Result<SharedSegment> attach(int directory, const std::string& file, const Shape&);
    Result<> map(int fd, const std::string& file, const Shape&);
    Result<> hold(int fd, const std::string& file);
    Result<> unlink(int directory, const std::string& file, bool first) const;

    sys::Unforked fd_;
    sys::Mapping pages_;
    Geometry geometry_;
    bool made_ = false;
};

}  // namespace wye
