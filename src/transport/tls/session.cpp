// OpenSSL, and nothing of sockets but one call each way.
#include "transport/tls/session.hpp"

#include "wye/os/fd.hpp"

#include "os/errno.hpp"
#include "os/object.hpp"
#include "transport/tls/openssl.hpp"

#include <algorithm>

namespace wye::tls {
namespace {

constexpr std::size_t largest_file = 1 << 20;
constexpr std::size_t most_before = 64 << 10;

std::string reason() {
    const auto code = ERR_get_error();
    ERR_clear_error();
    const char* text = code ? ERR_reason_error_string(code) : nullptr;
    return text ? text : "unknown";
}

// A file as it is, not the name of one: what is checked is what is read.
Result<std::string> read_file(const std::string& path, bool secret) {
    const long r = sys::open(path.c_str(), O_RDONLY | O_NOCTTY | O_NONBLOCK);
    if (r < 0) return sys::fail(r, "open", path);
    const Fd fd(static_cast<int>(r));
    struct stat s{};
    if (const long f = sys::fstat(fd.get(), &s); f < 0) return sys::fail(f, "fstat", path);
    if (!S_ISREG(s.st_mode) || static_cast<std::size_t>(s.st_size) > largest_file)
        return refuse(Errc::mismatch, path + ": no file with certificates or a key");
    if (secret && (s.st_mode & 077) != 0)
        return refuse(Errc::denied, path + ": others may read this key, or write it; chmod 600 " + path);
    if (secret && s.st_uid != sys::effective_user() && s.st_uid != 0)
        return refuse(Errc::denied, path + ": this key is another user's");
    std::string all(static_cast<std::size_t>(s.st_size), '\0');
    std::size_t have = 0;
    while (have < all.size()) {
        const long n = sys::read(fd.get(), all.data() + have, all.size() - have);
        if (n == -EINTR) continue;
        if (n < 0) return sys::fail(n, "read", path);
        if (n == 0) break;
        have += static_cast<std::size_t>(n);
    }
    all.resize(have);
    return all;
}

struct Free {
    void operator()(BIO* b) const noexcept { BIO_free(b); }
    void operator()(X509* x) const noexcept { X509_free(x); }
    void operator()(EVP_PKEY* k) const noexcept { EVP_PKEY_free(k); }
    void operator()(SSL_CTX* c) const noexcept { SSL_CTX_free(c); }
};
using Text = std::unique_ptr<BIO, Free>;
Text text_bio(const std::string& s) { return Text(BIO_new_mem_buf(s.data(), static_cast<int>(s.size()))); }
int no_password(char*, int, int, void*) { return 0; }

std::unexpected<Error> unusable(const std::string& path, std::string_view what) {
    return refuse(Errc::mismatch, path + ": " + std::string(what) + ": " + reason());
}

Result<> take_ca(SSL_CTX* c, const std::string& path) {
    WYE_TRY(const auto pem, read_file(path, false));
    const auto bio = text_bio(pem);
    unsigned n = 0;
    while (const auto x = std::unique_ptr<X509, Free>(PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr))) {
        if (X509_STORE_add_cert(SSL_CTX_get_cert_store(c), x.get()) != 1) return unusable(path, "a certificate");
        ++n;
    }
    if (n == 0) return unusable(path, "no certificate of an authority");
    ERR_clear_error();
    return {};
}

Result<> take_cert(SSL_CTX* c, const std::string& path) {
    WYE_TRY(const auto pem, read_file(path, false));
    const auto bio = text_bio(pem);
    const auto own = std::unique_ptr<X509, Free>(PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr));
    if (!own || SSL_CTX_use_certificate(c, own.get()) != 1) return unusable(path, "no certificate");
    while (auto* x = PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr))
        if (SSL_CTX_add0_chain_cert(c, x) != 1) {
            X509_free(x);
            return unusable(path, "a certificate");
        }
    ERR_clear_error();
    return {};
}

Result<> take_key(SSL_CTX* c, const std::string& path) {
    WYE_TRY(auto pem, read_file(path, true));
    const auto bio = text_bio(pem);
    const auto key = std::unique_ptr<EVP_PKEY, Free>(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
    OPENSSL_cleanse(pem.data(), pem.size());
    if (!key) return unusable(path, "no key that can be read without a password");
    if (SSL_CTX_use_PrivateKey(c, key.get()) != 1 || SSL_CTX_check_private_key(c) != 1)
        return unusable(path, "not the certificate's key");
    return {};
}

void set_rules(SSL_CTX* c) {
    SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION);
    SSL_CTX_set_options(c, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_num_tickets(c, 0);
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_max_cert_list(c, static_cast<long>(most_before));
    SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    // Certificates here are for both roles: a purpose that they name is looked at, and none is asked for.
    SSL_CTX_set_verify_depth(c, 8);
}

}  // namespace

Result<std::shared_ptr<Context>> Context::make(const TlsIdentity& who, bool listens) {
    WYE_CHECK(load_openssl());
    std::unique_ptr<SSL_CTX, Free> c(SSL_CTX_new(listens ? TLS_server_method() : TLS_client_method()));
    if (!c) return refuse(Errc::exhausted, "tls: " + reason());
    set_rules(c.get());
    WYE_CHECK(take_ca(c.get(), who.ca));
    WYE_CHECK(take_cert(c.get(), who.cert));
    WYE_CHECK(take_key(c.get(), who.key));
    return std::shared_ptr<Context>(new Context(c.release(), listens));
}

Context::~Context() { SSL_CTX_free(ctx_); }

// ---------------------------------------------------------------- the wire

// OpenSSL's own would raise SIGPIPE, and wait.
struct Session::Wire {
    static Session& of(BIO* b) { return *static_cast<Session*>(BIO_get_data(b)); }
    static int read(BIO* b, char* to, int n) {
        auto& s = of(b);
        BIO_clear_retry_flags(b);
        if (!s.shaken_ && s.before_ >= most_before) return -1;
        long r;
        do r = sys::recvfrom(s.fd_, to, static_cast<std::size_t>(n), MSG_DONTWAIT, nullptr, nullptr);
        while (r == -EINTR);
        if (r == -EAGAIN) BIO_set_retry_read(b);
        if (r == 0) BIO_set_flags(b, BIO_FLAGS_IN_EOF);
        if (r > 0 && !s.shaken_) s.before_ += static_cast<std::size_t>(r);
        return r < 0 ? -1 : static_cast<int>(r);
    }
    static int write(BIO* b, const char* from, int n) {
        BIO_clear_retry_flags(b);
        long r;
        do r = sys::sendto(of(b).fd_, from, static_cast<std::size_t>(n), MSG_DONTWAIT, nullptr, 0);
        while (r == -EINTR);
        if (r == -EAGAIN) BIO_set_retry_write(b);
        return r < 0 ? -1 : static_cast<int>(r);
    }
    static long control(BIO* b, int what, long, void*) {
        if (what == BIO_CTRL_EOF) return BIO_test_flags(b, BIO_FLAGS_IN_EOF) ? 1 : 0;
        return what == BIO_CTRL_FLUSH ? 1 : 0;
    }
    static BIO_METHOD* method() {
        static BIO_METHOD* const m = [] {
            auto* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
            BIO_meth_set_read(made, read);
            BIO_meth_set_write(made, write);
            BIO_meth_set_ctrl(made, control);
            return made;
        }();
        return m;
    }
};

Result<std::unique_ptr<Session>> Session::make(std::shared_ptr<Context> c, int fd, const std::string& name) {
    auto* ssl = SSL_new(c->get());
    if (!ssl) return refuse(Errc::exhausted, "tls: " + reason());
    const bool listens = c->listens();
    std::unique_ptr<Session> s(new Session(std::move(c), ssl, fd));
    auto* wire = BIO_new(Wire::method());
    if (!wire) return refuse(Errc::exhausted, "tls: " + reason());
    BIO_set_data(wire, s.get());
    BIO_set_init(wire, 1);
    SSL_set_bio(ssl, wire, wire);
    auto* rules = SSL_get0_param(ssl);
    if (!name.empty() && X509_VERIFY_PARAM_set1_ip_asc(rules, name.c_str()) != 1) {
        X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
        if (SSL_set1_host(ssl, name.c_str()) != 1) return refuse(Errc::bad_address, "tls: no host name: " + name);
        if (!listens) SSL_set_tlsext_host_name(ssl, name.c_str());
    }
    ERR_clear_error();
    if (listens)
        SSL_set_accept_state(ssl);
    else
        SSL_set_connect_state(ssl);
    return s;
}

Session::~Session() { SSL_free(ssl_); }

// ---------------------------------------------------------------- work

long Session::outcome(int r) noexcept {
    switch (SSL_get_error(ssl_, r)) {
        case SSL_ERROR_NONE:
            return 0;
        case SSL_ERROR_WANT_READ:
            return wants_ = POLLIN, -EAGAIN;
        case SSL_ERROR_WANT_WRITE:
            return wants_ = POLLOUT, -EAGAIN;
        case SSL_ERROR_ZERO_RETURN:
            return -EPIPE;
        case SSL_ERROR_SYSCALL:
            ERR_clear_error();
            return -ECONNRESET;
        default:
            break;
    }
    const auto code = ERR_peek_error();
    const int why = ERR_GET_REASON(code);
    const auto verified = SSL_get_verify_result(ssl_);
    if (why == SSL_R_UNEXPECTED_EOF_WHILE_READING) return ERR_clear_error(), -ECONNRESET;
    if (verified != X509_V_OK) {
        why_ = std::string("the peer's certificate: ") + X509_verify_cert_error_string(verified);
        return ERR_clear_error(), -EACCES;
    }
    why_ = reason();
    // From there on it is what the other end said; of what was changed on the way it says so by these.
    const bool said = why >= SSL_AD_REASON_OFFSET;
    const bool changed = why == SSL_R_SSLV3_ALERT_BAD_RECORD_MAC || why == SSL_R_TLSV1_ALERT_RECORD_OVERFLOW ||
                         why == SSL_R_TLSV1_ALERT_DECODE_ERROR || why == SSL_R_SSLV3_ALERT_UNEXPECTED_MESSAGE;
    if (why == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) return -EACCES;
    if (said && !changed && why != SSL_R_TLSV1_ALERT_PROTOCOL_VERSION) return -EACCES;
    return shaken_ ? -EBADMSG : -EPROTO;
}

long Session::shake() noexcept {
    if (shaken_) return 0;
    ERR_clear_error();
    const int r = SSL_do_handshake(ssl_);
    if (r != 1) {
        if (before_ >= most_before) return why_ = "too much before the certificates", -EPROTO;
        return outcome(r);
    }
    shaken_ = true;
    return 0;
}

long Session::handshake() noexcept {
    const std::lock_guard lock(mutex_);
    return shake();
}

long Session::read(MutBytes to) noexcept {
    const std::lock_guard lock(mutex_);
    if (const long h = shake(); h != 0) return h;
    ERR_clear_error();
    const int r = SSL_read(ssl_, to.data(), static_cast<int>(std::min<std::size_t>(to.size(), 1 << 30)));
    if (r > 0) return r;
    const long o = outcome(r);
    return o == -EPIPE ? 0 : o;
}

long Session::write(Bytes b) noexcept {
    const std::lock_guard lock(mutex_);
    if (closed_) return -EPIPE;
    if (const long h = shake(); h != 0) return h;
    ERR_clear_error();
    const int r = SSL_write(ssl_, b.data(), static_cast<int>(std::min<std::size_t>(b.size(), 1 << 30)));
    if (r > 0) return r;
    const long o = outcome(r);
    return o == -ECONNRESET ? -EPIPE : o;
}

void Session::close() noexcept {
    const std::lock_guard lock(mutex_);
    if (!shaken_ || std::exchange(closed_, true)) return;
    ERR_clear_error();
    (void)SSL_shutdown(ssl_);
    ERR_clear_error();
}

bool Session::holds() const noexcept {
    const std::lock_guard lock(mutex_);
    return SSL_has_pending(ssl_) != 0;
}

Error Session::error(long answer) const {
    const auto said = [&](Errc kind) {
        const std::lock_guard lock(mutex_);
        return Error::saying(kind, "tls: " + why_);
    };
    switch (-answer) {
        case EAGAIN:
            return Error(Errc::timed_out);
        case EACCES:
            return said(Errc::denied);
        case EPROTO:
            return said(Errc::mismatch);
        case EBADMSG:
            return said(Errc::corrupt);
        case ECONNRESET:
            return Error(Errc::peer_died, "tls", {}, ECONNRESET);
        case EPIPE:
            return Error(Errc::closed, "tls", {}, EPIPE);
        default:
            return sys::error(answer, "tls");
    }
}

TlsIdentity identity_of(const Uri& uri) {
    const auto of = [&](std::string_view p) { return std::string(uri.get(p).value_or("")); };
    return {.ca = of("ca"), .cert = of("cert"), .key = of("key"), .name = of("name")};
}

Result<> check_identity(const Uri& uri, std::string_view right) {
    for (const auto* p : {"ca", "cert", "key"})
        if (uri.get(p).value_or("").empty())
            return uri.refuse(std::string(p) + " is missing: both ends show a certificate and look at the other's",
                              right);
    return {};
}

}  // namespace wye::tls
