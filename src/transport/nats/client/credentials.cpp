#include "transport/nats/client/credentials.hpp"

#include "os/secret_file.hpp"

#include <cstring>

namespace wye::nats {
namespace {

std::string_view trimmed(std::string_view s) noexcept {
    constexpr std::string_view blank = " \t\r\n";
    const auto from = s.find_first_not_of(blank);
    return from == s.npos ? std::string_view() : s.substr(from, s.find_last_not_of(blank) - from + 1);
}

natsStatus say(char** to, const std::string& why) {
    *to = ::strdup(why.c_str());
    return NATS_ERR;
}

natsStatus sign(const std::string& seed, char** why, unsigned char** signature, int* size, const char* nonce) {
    if (seed.empty()) return say(why, "no nkey seed there");
    return lib().nats_Sign(seed.c_str(), nonce, signature, size);
}

natsStatus give_jwt(char** jwt, char** why, void* closure) {
    const auto& o = *static_cast<const NatsOptions*>(closure);
    const auto text = sys::read_secret(o.creds);
    if (!text) return say(why, text.error().message());
    *jwt = ::strdup(std::string(section_of(*text, "NATS USER JWT")).c_str());
    return *jwt ? NATS_OK : NATS_NO_MEMORY;
}

natsStatus sign_by_creds(char** why, unsigned char** signature, int* size, const char* nonce, void* closure) {
    const auto& o = *static_cast<const NatsOptions*>(closure);
    const auto text = sys::read_secret(o.creds);
    return text ? sign(std::string(section_of(*text, "USER NKEY SEED")), why, signature, size, nonce)
                : say(why, text.error().message());
}

natsStatus sign_by_seed(char** why, unsigned char** signature, int* size, const char* nonce, void* closure) {
    const auto& o = *static_cast<const NatsOptions*>(closure);
    const auto text = sys::read_secret(o.seed);
    return text ? sign(std::string(trimmed(*text)), why, signature, size, nonce) : say(why, text.error().message());
}

Result<> set_login(natsOptions* to, const std::string& file) {
    WYE_TRY(const auto text, sys::read_secret(file));
    const auto line = trimmed(text);
    const auto colon = line.find(':');
    if (colon == 0 || colon == line.npos || line.find('\n') != line.npos)
        return refuse(Errc::mismatch, file + ": must hold one line, USER:PASSWORD");
    const auto s = lib().natsOptions_SetUserInfo(to, std::string(line.substr(0, colon)).c_str(),
                                                 std::string(line.substr(colon + 1)).c_str());
    return s == NATS_OK ? Result<>() : fail(s, "natsOptions_SetUserInfo");
}

}  // namespace

std::string_view section_of(std::string_view creds, std::string_view name) noexcept {
    const auto mark = creds.find("BEGIN " + std::string(name) + "-");
    const auto from = mark == creds.npos ? mark : creds.find('\n', mark);
    if (from == creds.npos) return {};
    const auto rest = creds.substr(from);
    return trimmed(rest.substr(0, rest.find("\n---")));
}

Result<> set_credentials(natsOptions* to, const NatsOptions& o) {
    auto* closure = const_cast<NatsOptions*>(&o);
    if (!o.login.empty()) return set_login(to, o.login);
    natsStatus s = NATS_OK;
    if (!o.creds.empty()) {
        WYE_TRY(const auto text, sys::read_secret(o.creds));
        if (section_of(text, "NATS USER JWT").empty() || section_of(text, "USER NKEY SEED").empty())
            return refuse(Errc::mismatch, o.creds + ": no .creds file: it must hold a USER JWT and a USER NKEY SEED");
        s = lib().natsOptions_SetUserCredentialsCallbacks(to, give_jwt, closure, sign_by_creds, closure);
    } else if (!o.nkey.empty()) {
        WYE_CHECK(sys::read_secret(o.seed));
        s = lib().natsOptions_SetNKey(to, o.nkey.c_str(), sign_by_seed, closure);
    }
    return s == NATS_OK ? Result<>() : fail(s, "credentials");
}

}  // namespace wye::nats
