// Who may talk to a server, and who on the way may read along.
#include "transport/nats/nats_test.hpp"
#ifdef WYE_TLS
#include "transport/tls/scratch.hpp"
#endif

#include <sys/stat.h>

#include <fstream>

using namespace wye;
using namespace std::chrono_literals;
using namespace wye::test;

namespace {

// A user's nkey of the bytes 1 to 32: everybody has its seed.
constexpr auto known_key = "UB43KVROR7TFJ6KAPCYRF2FJROTZAH4FHLTJLPWX4DRZCC5NASLGJBFE";
constexpr auto known_seed = "SUAACAQDAQCQMBYIBEFAWDANBYHRAEISCMKBKFQXDAMRUGY4DUPB6IC5CQ";

std::string secret(const TempDir& d, const char* name, const std::string& text) {
    std::ofstream(d / name) << text;
    ::chmod((d / name).c_str(), 0600);
    return d / name;
}

Result<> round_trip(engine::Engine& e) {
    WYE_TRY(auto in, e.subscribe("secure", {}));
    WYE_CHECK(e.publish({.subject = "secure", .bytes = bytes_of("between us")}, 2s));
    WYE_TRY(const auto m, in->next(2s));
    return text_of(m.bytes) == "between us" ? Result<>() : refuse(Errc::mismatch, "another message came");
}

}  // namespace

TEST(NatsSecure, an_nkey_lets_in_who_has_its_seed) {
    WYE_NEEDS_NATS();
    const TempDir d;
    auto server = or_throw(NatsServer::start(
        {.login = false, .more = {std::string("authorization { users = [ { nkey: ") + known_key + " } ] }"}}));
    const std::vector<HostPort> at{{"127.0.0.1", std::to_string(server.port())}};
    auto e =
        or_throw(nats_connect(at, {.nkey = known_key, .seed = secret(d, "seed", std::string(known_seed) + "\n")}, 5s));
    WYE_ASSERT_OK(round_trip(*e));
    // It signs anew what another server life asks.
    WYE_ASSERT_OK(server.restart());
    Result<> again = fail(Errc::failed);
    for (int i = 0; i < 50 && !again; ++i) again = round_trip(*e);
    WYE_ASSERT_OK(again);
    WYE_EXPECT_ERRC(Errc::denied, nats_connect(at, {}, 5s));
    auto wrong = std::string(known_seed);
    std::swap(wrong[10], wrong[11]);
    EXPECT_FALSE(nats_connect(at, {.nkey = known_key, .seed = secret(d, "wrong", wrong + "\n")}, 5s));
    EXPECT_FALSE(nats_connect(at, {.nkey = known_key, .seed = secret(d, "none", "\n")}, 5s));
}

#ifdef WYE_TLS

class NatsTls : public testing::Test {
protected:
    void SetUp() override {
        WYE_NEEDS_NATS();
        if (under_tsan) GTEST_SKIP() << "libcrypto, uninstrumented, frees at the end what libnats' thread had locked";
        good = or_throw(tls::make_files(place.path(), "good-"));
        other = or_throw(tls::make_files(place.path(), "other-"));
        server = or_throw(NatsServer::start({.tls_cert = good.cert, .tls_key = good.key, .tls_ca = good.ca}));
    }
    auto connect(const std::string& words, const std::string& host = "localhost") {
        return connect_to("nats://" + host + ":" + std::to_string(server->port()) + "/x?login=" + server->login_file() +
                          words);
    }
    static std::string as(const TlsIdentity& who) { return "&cert=" + who.cert + "&key=" + who.key; }
    TempDir place;
    TlsIdentity good, other;
    std::optional<NatsServer> server;
};

TEST_F(NatsTls, messages_go_over_it_and_go_on_after_the_server_came_back) {
    auto e = or_throw(connect("&tls&ca=" + good.ca + as(good)));
    WYE_ASSERT_OK(round_trip(*e));
    WYE_ASSERT_OK(server->restart());
    Result<> again = fail(Errc::failed);
    for (int i = 0; i < 50 && !again; ++i) again = round_trip(*e);
    WYE_ASSERT_OK(again);
}

TEST_F(NatsTls, nobody_is_let_in_or_believed_without_the_right_certificate) {
    const auto plain = connect("");
    ASSERT_FALSE(plain);
    EXPECT_NE(plain.error().message().find("TLS"), std::string::npos) << plain.error().message();
    EXPECT_FALSE(connect("&tls&ca=" + other.ca + as(good))) << "a server that another authority vouches for";
    EXPECT_FALSE(connect("&tls" + as(good))) << "a server that no public authority vouches for";
    EXPECT_FALSE(connect("&tls&ca=" + good.ca + as(other))) << "a client that another authority vouches for";
    EXPECT_FALSE(connect("&tls&ca=" + good.ca)) << "a client without a certificate";
}

TEST_F(NatsTls, the_certificate_must_be_that_hosts) {
    // It says localhost and 127.0.0.1, and 127.0.0.2 leads to nobody of that name.
    auto elsewhere = or_throw(
        NatsServer::start({.host = "127.0.0.2", .tls_cert = good.cert, .tls_key = good.key, .tls_ca = good.ca}));
    EXPECT_FALSE(connect_to("nats://" + elsewhere.address() + "/x?login=" + elsewhere.login_file() +
                            "&tls&ca=" + good.ca + as(good)));
}

#endif
