// Any text is a URI or one sentence that says why not.
#include "wye/core/mechanism.hpp"
#include "wye/core/uri.hpp"

#include <cstdint>
#include <cstdlib>

using namespace wye;

namespace {

void must(bool ok) {
    if (!ok) std::abort();
}

// An error is one printable line with something in it.
void check_message(const Error& e) {
    must(e.is(Errc::bad_address));
    const auto m = e.message();
    must(!m.empty());
    for (const char c : m) must(!(c >= 0 && c < 0x20) && c != 0x7f);
}

void check_parsed(const Uri& u, std::string_view text) {
    must(u.text() == text);
    must(!u.scheme().empty());
    must(u.address().find('\0') == std::string_view::npos);
    must(percent_decode(u.raw_address()) == u.address());
    must(percent_decode(percent_encode(u.address())) == u.address());
    constexpr Param known[] = {{"framing", "", ""}, {"max", "", ""}, {"listen", "", ""}};
    constexpr std::string_view choices[] = {"frame", "lines"};
    if (auto r = u.check(known, "x:"); !r) check_message(r.error());
    if (auto r = u.size("max", 0); !r) check_message(r.error());
    if (auto r = u.number("max", 0); !r) check_message(r.error());
    if (auto r = u.choice("framing", choices); !r) check_message(r.error());
    if (auto r = u.flag("listen"); !r) check_message(r.error());
    if (auto r = parse_host_port(u, "tcp://h:1"); !r) check_message(r.error());
    // One more parameter keeps it a URI, unless it has that one or ends in an empty query.
    if (!u.has("zz")) must(Uri::parse(with_param(text, "zz")).has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const auto u = Uri::parse(text))
        check_parsed(*u, text);
    else
        check_message(u.error());
    return 0;
}
