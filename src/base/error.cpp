#include "wye/base/error.hpp"

#include "wye/base/text.hpp"

#include <cstring>
#include <new>

namespace wye {
namespace {

struct Word {
    std::string_view name;  // for programs
    std::string_view text;  // for people
};

// Indexed by Errc; [0] is no error.
constexpr Word words[] = {
    {"ok", "no error"},
    {"timed_out", "timed out"},
    {"closed", "the other end closed"},
    {"peer_died", "the other end went away in the middle of a message"},
    {"not_found", "not found"},
    {"already_exists", "already exists"},
    {"denied", "permission denied"},
    {"too_big", "message too big"},
    {"exhausted", "a limit is reached"},
    {"unsupported", "not supported by this means"},
    {"bad_address", "bad address"},
    {"mismatch", "something else is there"},
    {"corrupt", "the data is damaged"},
    {"busy", "in use by someone else"},
    {"unknown", "the outcome is unknown"},
    {"failed", "failed"},
};
static_assert(std::size(words) == std::to_underlying(Errc::failed) + 1);

const Word& word(Errc e) noexcept {
    const auto i = std::to_underlying(e);
    return words[i < std::size(words) ? i : 0];
}

class Category : public std::error_category {
public:
    const char* name() const noexcept override { return "wye"; }
    std::string message(int value) const override { return std::string(word(Errc(value)).text); }
};

const Category& category() {
    static const Category c;
    return c;
}

char* copy(std::string_view s) noexcept {
    if (s.empty()) return nullptr;
    auto* p = new (std::nothrow) char[s.size() + 1];
    if (!p) return nullptr;  // an error without its subject is still that error
    std::memcpy(p, s.data(), s.size());
    p[s.size()] = 0;
    return p;
}

}  // namespace

std::string_view name(Errc e) noexcept { return word(e).name; }
std::error_condition make_error_condition(Errc e) noexcept { return {static_cast<int>(e), category()}; }

Error::Error(Errc kind, const char* op, std::string_view subject, int sys) noexcept
    : sys_(sys), kind_(kind), op_(op), subject_(copy(subject)) {}

Error::Error(const Error& o) noexcept
    : sys_(o.sys_), kind_(o.kind_), verbatim_(o.verbatim_), op_(o.op_), subject_(copy(o.subject())) {}

Error Error::saying(Errc kind, std::string_view text) noexcept {
    Error e(kind, "", text);
    e.verbatim_ = true;
    return e;
}

void Error::drop() noexcept { delete[] subject_; }

std::error_code Error::code() const noexcept {
    return sys_ != 0 ? std::error_code(sys_, std::generic_category())
                     : std::error_code(static_cast<int>(kind_), category());
}

std::string Error::message() const {
    if (verbatim_ && subject_) return escape(subject_);
    std::string s = op_;
    if (subject_) s += s.empty() ? escape(subject_) : "(\"" + escape(subject_) + "\")";
    if (!s.empty()) s += ": ";
    if (sys_ != 0)
        s += std::generic_category().message(sys_);
    else
        s += word(kind_).text;
    return s;
}

Exception::Exception(Error e) : std::system_error(e.code(), e.message()), error_(std::move(e)) {}

void throw_error(Error e) { throw Exception(std::move(e)); }

}  // namespace wye
