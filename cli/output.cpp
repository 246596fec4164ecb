#include "output.hpp"

#include <unistd.h>

namespace wye::cli {
namespace {

constexpr char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
std::string base64(Bytes b) {
    std::string out;
    for (std::size_t i = 0; i < b.size(); i += 3) {
        std::uint32_t v = 0;
        for (std::size_t k = 0; k < 3; ++k)
            v = v << 8 | (i + k < b.size() ? std::to_integer<std::uint32_t>(b[i + k]) : 0);
        for (std::size_t k = 0; k < 4; ++k) out += i + k <= b.size() ? base64_digits[v >> (18 - 6 * k) & 63] : '=';
    }
    return out;
}

std::string json_line(Bytes message, Json j) {
    j["text"] = std::string(text_of(message));
    try {
        return j.dump() + "\n";
    } catch (const Json::exception&) {  // not UTF-8
        j.erase("text");
        j["base64"] = base64(message);
        return j.dump() + "\n";
    }
}

}  // namespace

void Form::define(Arguments& app, const char* json_help) {
    auto* l = app.add_flag("--lines", lines, "a newline after each message");
    auto* n = app.add_flag("-0,--nul", nul, "a zero byte after each message, for xargs -0")->excludes(l);
    app.add_flag("--json", json, json_help)->excludes(l)->excludes(n);
}

MessageOutput::MessageOutput(Form f)
    : form_(f), out_(Fd(), Fd(::dup(1)), {.framing = Framing::raw, .max_message = SIZE_MAX}) {}

Result<> MessageOutput::write(Bytes message, const Json& about) {
    if (form_.json) return out_.send(bytes_of(json_line(message, about)));
    if (!message.empty()) WYE_CHECK(out_.send(message));
    if (form_.lines) return out_.send(bytes_of(std::string_view("\n")));
    if (form_.nul) return out_.send(bytes_of(std::string_view("\0", 1)));
    return {};
}

}  // namespace wye::cli
