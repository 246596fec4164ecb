#include "limits_text.hpp"

#include "wye/base/text.hpp"

#include "os/usage/proc_text.hpp"
#include "user_name.hpp"

#include <fmt/format.h>

#include <csignal>
#include <cstring>

namespace wye::cli {
namespace {

std::string grouped(std::uint64_t n) {
    auto s = std::to_string(n);
    for (std::size_t i = s.size(); i > 3;) s.insert(i -= 3, ",");
    return s;
}

}  // namespace

std::string amount(sys::Unit unit, std::uint64_t n) {
    if (n == sys::no_ceiling) return "unlimited";
    if (n >= 1'000'000'000'000'000) return fmt::format("{:.1e}", static_cast<double>(n));  // as good as none
    return unit == sys::Unit::bytes && n >= 10240 ? human_size(static_cast<double>(n)) : grouped(n);
}

std::string place_of(const sys::Limit& l, const sys::Reading& r) {
    if (!r.where.empty()) return (l.scope == sys::Scope::cgroup ? "cgroup " : "") + escape(r.where);
    if (r.user) return "user " + user_name(*r.user);
    return std::string(name(l.scope));
}

std::string use_of(const sys::Limit& l, const sys::Reading& r) {
    const auto unit = l.unit == sys::Unit::bytes ? " bytes" : l.unit == sys::Unit::pages ? " pages" : "";
    const auto exact = [&](std::uint64_t n) { return n == sys::no_ceiling ? "unlimited" : grouped(n); };
    std::string s;
    if (r.used && r.ceiling) {
        s = fmt::format("{} of {}{} used", exact(*r.used), exact(*r.ceiling), unit);
    } else if (r.used) {
        s = fmt::format("{}{} used", exact(*r.used), unit);
    } else if (r.ceiling) {
        s = fmt::format("at most {}{}", exact(*r.ceiling), unit);
    }
    if (!s.empty()) s += fmt::format(" ({})", place_of(l, r));
    if (!r.used) s += fmt::format("{}{}", s.empty() ? "" : "; ", l.use);
    if (!r.note.empty()) s += fmt::format("; {}", escape(r.note));
    return s;
}

std::string errno_text(std::string_view name) {
    for (int e = 1; e < 200; ++e)
        if (const char* n = ::strerrorname_np(e); n && name == n) return ::strerrordesc_np(e);
    for (int s = 1; s < SIGRTMIN; ++s)
        if (const char* n = ::sigabbrev_np(s); n && name == std::string("SIG") + n) return ::sigdescr_np(s);
    return name == "EWOULDBLOCK" ? errno_text("EAGAIN") : "";
}

std::string given(std::string_view name) {
    return name.empty() ? "no error" : fmt::format("{} \"{}\"", name, errno_text(name));
}

Json json_of(const sys::Fault& f) {
    Json j{{"call", f.call}, {"error", nullptr}, {"text", nullptr}, {"remark", f.remark}, {"source", f.source}};
    if (*f.gives) j["error"] = f.gives, j["text"] = errno_text(f.gives);
    return j;
}

}  // namespace wye::cli
