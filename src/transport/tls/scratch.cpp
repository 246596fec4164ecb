#include "transport/tls/scratch.hpp"

#include "wye/os/replace_file.hpp"
#include "wye/os/temp_dir.hpp"

#include "os/dir_calls.hpp"
#include "os/fork.hpp"
#include "transport/tls/openssl.hpp"

namespace wye::tls {
namespace {

struct Free {
    void operator()(EVP_PKEY* k) const noexcept { EVP_PKEY_free(k); }
    void operator()(X509* x) const noexcept { X509_free(x); }
    void operator()(BIO* b) const noexcept { BIO_free(b); }
    void operator()(X509_EXTENSION* e) const noexcept { X509_EXTENSION_free(e); }
};
using Key = std::unique_ptr<EVP_PKEY, Free>;
using Cert = std::unique_ptr<X509, Free>;

void add(X509* x, X509* issuer, int kind, const char* value) {
    X509V3_CTX about;
    X509V3_set_ctx(&about, issuer, x, nullptr, nullptr, 0);
    const std::unique_ptr<X509_EXTENSION, Free> e(X509V3_EXT_conf_nid(nullptr, &about, kind, value));
    if (e) X509_add_ext(x, e.get(), -1);
}

Cert make(const Key& key, const char* name, X509* authority, const Key& signer) {
    Cert x(X509_new());
    std::uint64_t number = 0;
    RAND_bytes(reinterpret_cast<unsigned char*>(&number), sizeof number);
    X509_set_version(x.get(), 2);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(x.get()), number >> 1 | 1);
    X509_gmtime_adj(X509_getm_notBefore(x.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x.get()), 24 * 3600);
    X509_set_pubkey(x.get(), key.get());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x.get()), "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
    auto* issuer = authority ? authority : x.get();
    X509_set_issuer_name(x.get(), X509_get_subject_name(issuer));
    add(x.get(), issuer, NID_basic_constraints, authority ? "critical,CA:FALSE" : "critical,CA:TRUE");
    add(x.get(), issuer, NID_key_usage, authority ? "critical,digitalSignature" : "critical,keyCertSign");
    add(x.get(), issuer, NID_subject_key_identifier, "hash");
    if (authority) add(x.get(), issuer, NID_subject_alt_name, "IP:127.0.0.1,IP:::1,DNS:localhost");
    if (X509_sign(x.get(), signer.get(), EVP_sha256()) == 0) return nullptr;
    return x;
}

template <class Write>
Result<> store(const std::string& path, Write&& write) {
    const std::unique_ptr<BIO, Free> b(BIO_new(BIO_s_mem()));
    char* text = nullptr;
    if (!b || write(b.get()) != 1) return refuse(Errc::failed, path + ": OpenSSL could not write it");
    const auto n = BIO_get_mem_data(b.get(), &text);
    return replace_file(path, bytes_of(std::string_view(text, static_cast<std::size_t>(n))),
                        {.permissions = 0600, .durable = false});
}

}  // namespace

Result<TlsIdentity> make_files(const std::string& directory, const std::string& prefix) {
    WYE_CHECK(load_openssl());
    const Key authority_key(EVP_EC_gen("P-256")), key(EVP_EC_gen("P-256"));
    if (!authority_key || !key) return refuse(Errc::failed, "OpenSSL made no key");
    const auto authority = make(authority_key, "an authority for a day", nullptr, authority_key);
    if (!authority) return refuse(Errc::failed, "OpenSSL made no certificate");
    const auto cert = make(key, "localhost", authority.get(), authority_key);
    if (!cert) return refuse(Errc::failed, "OpenSSL made no certificate");
    const auto at = directory + "/" + prefix;
    TlsIdentity who{.ca = at + "ca.pem", .cert = at + "cert.pem", .key = at + "key.pem", .name = {}};
    WYE_CHECK(store(who.ca, [&](BIO* b) { return PEM_write_bio_X509(b, authority.get()); }));
    WYE_CHECK(store(who.cert, [&](BIO* b) { return PEM_write_bio_X509(b, cert.get()); }));
    WYE_CHECK(store(who.key, [&](BIO* b) {
        return PEM_write_bio_PrivateKey(b, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    }));
    return who;
}

std::optional<TlsIdentity> throw_away_files() {
    // By name only: who counts descriptors finds none of ours.
    struct Made {
        std::string place;
        std::optional<TlsIdentity> files;
        std::uint64_t generation = sys::fork_generation();

        Made() {
            auto made = TempDir::make("wye-tls");
            if (!made) return;
            made->keep();
            place = made->path();
            if (auto all = make_files(place)) files = std::move(*all);
        }
        ~Made() {
            if (place.empty() || generation != sys::fork_generation()) return;
            if (files)
                for (const auto* f : {&files->ca, &files->cert, &files->key}) (void)sys::unlink(f->c_str());
            (void)sys::rmdirat(AT_FDCWD, place.c_str());
        }
    };
    static const Made made;
    return made.files;
}

}  // namespace wye::tls
