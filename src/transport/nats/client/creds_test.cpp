// .creds files against a server that knows its users by an operator's word alone (JWT and nkey).
#include "transport/nats/nats_test.hpp"

#ifdef WYE_TLS
#include <openssl/evp.h>
#include <sys/stat.h>

#include <array>
#include <fstream>

using namespace wye;
using namespace std::chrono_literals;
using namespace wye::test;

namespace {

using Raw = std::array<unsigned char, 32>;

std::string base32(const std::string& bytes) {
    constexpr char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    std::string out;
    unsigned held = 0, bits = 0;
    for (const char c : bytes) {
        held = held << 8 | static_cast<unsigned char>(c);
        for (bits += 8; bits >= 5; bits -= 5) out += letters[held >> (bits - 5) & 31];
    }
    if (bits > 0) out += letters[held << (5 - bits) & 31];
    return out;
}

std::string base64url(const std::string& bytes) {
    std::string out(bytes.size() * 4 / 3 + 4, '\0');
    out.resize(static_cast<std::size_t>(EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                                        reinterpret_cast<const unsigned char*>(bytes.data()),
                                                        static_cast<int>(bytes.size()))));
    for (char& c : out) c = c == '+' ? '-' : c == '/' ? '_' : c;
    return out.substr(0, out.find('='));
}

// What nkeys end in: CRC-16 (XMODEM), the low byte first.
std::string with_sum(std::string s) {
    unsigned sum = 0;
    for (const char c : s) {
        sum ^= static_cast<unsigned>(static_cast<unsigned char>(c)) << 8;
        for (int i = 0; i < 8; ++i) sum = (sum & 0x8000 ? sum << 1 ^ 0x1021 : sum << 1) & 0xffff;
    }
    return s += {static_cast<char>(sum & 255), static_cast<char>(sum >> 8)};
}

// An nkey: of an operator, an account or a user.
class Nkey {
public:
    Nkey(unsigned kind, unsigned char first) : kind_(kind << 3) {
        Raw raw;
        for (unsigned char& c : raw) c = first++;
        seed_.assign(raw.begin(), raw.end());
        key_.reset(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, raw.data(), raw.size()));
        std::size_t n = raw.size();
        if (EVP_PKEY_get_raw_public_key(key_.get(), raw.data(), &n) != 1) throw std::runtime_error("no ed25519");
        name = base32(with_sum(static_cast<char>(kind_) + std::string(raw.begin(), raw.end())));
    }
    std::string seed() const {
        constexpr unsigned is_seed = 18 << 3;
        return base32(
            with_sum(std::string{static_cast<char>(is_seed | kind_ >> 5), static_cast<char>(kind_ << 3)} + seed_));
    }
    std::string sign(const std::string& text) const {
        const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> c(EVP_MD_CTX_new(), EVP_MD_CTX_free);
        std::array<unsigned char, 64> out;
        std::size_t n = out.size();
        if (EVP_DigestSignInit(c.get(), nullptr, nullptr, nullptr, key_.get()) != 1 ||
            EVP_DigestSign(c.get(), out.data(), &n, reinterpret_cast<const unsigned char*>(text.data()), text.size()) !=
                1)
            throw std::runtime_error("no signature");
        return {out.begin(), out.end()};
    }
    std::string name;

private:
    unsigned kind_;
    std::string seed_;
    std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key_{nullptr, EVP_PKEY_free};
};

// `by` says of `whom` what `claims` says. `until`: seconds since 1970.
std::string jwt(const Nkey& by, const Nkey& whom, const std::string& claims, long until = 0) {
    const auto said =
        base64url(R"({"typ":"JWT","alg":"ed25519-nkey"})") + "." +
        base64url("{\"jti\":\"" + whom.name + "\",\"iat\":1700000000," +
                  (until ? "\"exp\":" + std::to_string(until) + "," : "") + "\"iss\":\"" + by.name +
                  "\",\"name\":\"test\",\"sub\":\"" + whom.name + "\",\"nats\":{" + claims + ",\"version\":2}}");
    return said + "." + base64url(by.sign(said));
}

constexpr auto user_claims = R"("pub":{},"sub":{},"subs":-1,"data":-1,"payload":-1,"type":"user")";
constexpr auto account_claims =
    R"("limits":{"subs":-1,"data":-1,"payload":-1,"imports":-1,"exports":-1,"wildcards":true,"conn":-1,"leaf":-1},)"
    R"("default_permissions":{"pub":{},"sub":{}},"type":"account")";

class NatsCreds : public testing::Test {
protected:
    void SetUp() override {
        WYE_NEEDS_NATS();
        NatsServerOptions o{.streams = false, .login = false};
        o.more = {"operator: " + jwt(boss, boss, R"("type":"operator")"), "resolver: MEMORY",
                  "resolver_preload: {\n  " + account.name + ": " + jwt(boss, account, account_claims) + "\n}"};
        server = or_throw(NatsServer::start(o));
    }
    std::string file(const char* name, const std::string& jwt, const Nkey& whose, unsigned mode = 0600) {
        std::ofstream(place / name) << "-----BEGIN NATS USER JWT-----\n"
                                    << jwt
                                    << "\n------END NATS USER JWT------\n\nIMPORTANT: what follows is a secret.\n\n"
                                       "-----BEGIN USER NKEY SEED-----\n"
                                    << whose.seed() << "\n------END USER NKEY SEED------\n";
        ::chmod((place / name).c_str(), mode);
        return place / name;
    }
    auto connect(const std::string& creds) {
        return connect_to("nats://" + server->address() + "/x" + (creds.empty() ? "" : "?creds=" + creds));
    }

    const Nkey boss{14, 1}, account{0, 41}, stranger{0, 81}, user{20, 121}, other{20, 161};
    const TempDir place;
    std::optional<NatsServer> server;
};

TEST_F(NatsCreds, let_in_whom_the_operator_vouches_for) {
    auto e = or_throw(connect(file("good", jwt(account, user, user_claims), user)));
    auto in = or_throw(e->subscribe("creds", {}));
    const auto round_trip = [&]() -> Result<> {
        WYE_CHECK(e->publish({.subject = "creds", .bytes = bytes_of("between us")}, 2s));
        WYE_TRY(const auto m, in->next(2s));
        return text_of(m.bytes) == "between us" ? Result<>() : refuse(Errc::mismatch, "another message came");
    };
    WYE_ASSERT_OK(round_trip());
    // It signs anew what another server life asks.
    WYE_ASSERT_OK(server->restart());
    Result<> again = fail(Errc::failed);
    for (int i = 0; i < 50 && !again; ++i) again = round_trip();
    WYE_ASSERT_OK(again);
}

TEST_F(NatsCreds, that_others_can_read_are_refused_with_the_reason) {
    const auto r = connect(file("open", jwt(account, user, user_claims), user, 0644));
    WYE_EXPECT_ERRC(Errc::denied, r);
    ASSERT_FALSE(r);
    EXPECT_NE(r.error().message().find("chmod 600"), std::string::npos) << r.error().message();
    EXPECT_NE(r.error().message().find("/open"), std::string::npos) << r.error().message();
}

TEST_F(NatsCreds, that_are_wrong_are_denied) {
    WYE_EXPECT_ERRC(Errc::denied, connect(""));
    // Another's seed, another's word, a word that was changed, one that is over.
    WYE_EXPECT_ERRC(Errc::denied, connect(file("seed", jwt(account, user, user_claims), other)));
    WYE_EXPECT_ERRC(Errc::denied, connect(file("stranger", jwt(stranger, user, user_claims), user)));
    auto changed = jwt(account, user, user_claims);
    changed.back() = changed.back() == 'A' ? 'Q' : 'A';
    WYE_EXPECT_ERRC(Errc::denied, connect(file("changed", changed, user)));
    WYE_EXPECT_ERRC(Errc::denied, connect(file("over", jwt(account, user, user_claims, 1700000060), user)));
    const auto none = connect(place / "none");
    EXPECT_FALSE(none);
    std::ofstream(place / "words") << "no creds\n";
    ::chmod((place / "words").c_str(), 0600);
    WYE_EXPECT_ERRC(Errc::mismatch, connect(place / "words"));
}

}  // namespace
#endif
