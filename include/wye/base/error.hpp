#pragma once
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace wye {

/// What went wrong, as the reaction it calls for. A caller compares with these; the errno beside it is for people.
enum class Errc : std::uint8_t {
    // Ordinary outcomes: a correct program meets these every day.
    timed_out = 1,  ///< the deadline passed; also what Deadline::now() answers when nothing is ready
    closed,         ///< the other end went away in an orderly way, and all it had sent was read
    peer_died,      ///< the other end went away in the middle of something
    // Refusals: the same call, unchanged, will not do better.
    not_found,       ///< no such object, or nobody listens there
    already_exists,  ///< asked to create exclusively, and it is there
    denied,          ///< permissions
    too_big,         ///< the message is larger than max_message(), or than the buffer given to recv()
    exhausted,       ///< a kernel limit was reached
    unsupported,     ///< this means cannot do that; its Traits say so
    bad_address,     ///< the URI does not parse; message() says which part and shows a right one
    mismatch,        ///< what is there is of another kind, layout or version
    corrupt,         ///< stored data is damaged; message() says where
    busy,            ///< someone else holds it
    unknown,         ///< it may or may not have happened (networks only)
    failed,          ///< anything else: see Error::sys()
};

/// The name of an outcome, as `wye --json` prints it: "timed_out".
std::string_view name(Errc) noexcept;

std::error_condition make_error_condition(Errc) noexcept;

/// One failed operation: the portable kind, the errno as the kernel gave it, the call, and what it was done to.
///
/// Three words, so that Result<> of a hot call stays small; ordinary outcomes carry no subject and allocate nothing.
class Error {
public:
    /// `op` must live for ever (a literal). `sys` is an errno, or 0 where no system call was at fault.
    explicit Error(Errc kind, const char* op = "", std::string_view subject = {}, int sys = 0) noexcept;

    /// An error whose message is exactly `text`: for refusals that need a sentence, such as a URI's.
    static Error saying(Errc kind, std::string_view text) noexcept;

    Error(const Error&) noexcept;
    Error(Error&& o) noexcept
        : sys_(o.sys_),
          kind_(o.kind_),
          verbatim_(o.verbatim_),
          op_(o.op_),
          subject_(std::exchange(o.subject_, nullptr)) {}
    Error& operator=(Error o) noexcept {
        sys_ = o.sys_;
        kind_ = o.kind_;
        verbatim_ = o.verbatim_;
        op_ = o.op_;
        std::swap(subject_, o.subject_);
        return *this;
    }
    ~Error() {
        if (subject_) drop();
    }

    Errc kind() const noexcept { return kind_; }
    bool is(Errc e) const noexcept { return kind_ == e; }
    int sys() const noexcept { return sys_; }
    std::string_view op() const noexcept { return op_; }
    std::string_view subject() const noexcept { return subject_ ? subject_ : ""; }

    /// For the standard library: the errno where there is one, else the condition's number.
    std::error_code code() const noexcept;

    /// `mq_open("/jobs"): Permission denied`. Control characters in the subject are escaped.
    std::string message() const;

private:
    void drop() noexcept;

    std::int32_t sys_;
    Errc kind_;
    bool verbatim_ = false;
    const char* op_;
    char* subject_ = nullptr;  // owned; null when empty or when memory was short
};
static_assert(sizeof(Error) <= 24);

template <class T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Errc kind, const char* op = "", std::string_view subject = {}) noexcept {
    return std::unexpected(Error(kind, op, subject));
}
inline std::unexpected<Error> refuse(Errc kind, std::string_view text) noexcept {
    return std::unexpected(Error::saying(kind, text));
}

/// Carries an Error for callers who prefer exceptions. The library itself never throws it but in or_throw().
class Exception : public std::system_error {
public:
    explicit Exception(Error e);
    const Error& error() const noexcept { return error_; }

private:
    Error error_;
};

[[noreturn]] void throw_error(Error);

/// The second door: the value, or an Exception with a message a user can read.
template <class T>
T or_throw(Result<T> r) {
    if (!r) throw_error(std::move(r).error());
    if constexpr (!std::is_void_v<T>) return std::move(*r);
}

// The only macros of the interface; standard C++, no statement expressions (GCC 12's expected has no and_then).
#define WYE_CAT_(a, b) a##b
#define WYE_CAT(a, b) WYE_CAT_(a, b)
/// WYE_TRY(auto x, expression): declares x from the value, or returns the error from the enclosing function.
#define WYE_TRY(decl, ...) WYE_TRY_(WYE_CAT(wye_result_, __LINE__), decl, (__VA_ARGS__))
#define WYE_TRY_(r, decl, expr)                           \
    auto r = expr;                                        \
    if (!r) return std::unexpected(std::move(r).error()); \
    decl = std::move(*r)
/// WYE_CHECK(expression): returns its error, if any, from the enclosing function.
#define WYE_CHECK(...) \
    if (auto wye_r = (__VA_ARGS__); !wye_r) return std::unexpected(std::move(wye_r).error())

}  // namespace wye

template <>
struct std::is_error_condition_enum<wye::Errc> : std::true_type {};
