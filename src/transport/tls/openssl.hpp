// OpenSSL, loaded by who opens tls://: that takes a millisecond, a third of what every other start of a program costs.
#pragma once
#include "wye/base/error.hpp"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace wye::tls {

/// Once a process, before any other of these. Errc::unsupported where it is not there.
Result<> load_openssl();

// Every function of it that is used here; what its headers call a function and is a macro comes down to these. In this
// namespace they hide those of the headers, so that none is linked.
// clang-format off
#define WYE_OPENSSL_CALLS(X) \
    X(ASN1_INTEGER_set_uint64) X(BIO_clear_flags) X(BIO_ctrl) X(BIO_free) X(BIO_get_data) X(BIO_get_new_index) \
    X(BIO_meth_new) X(BIO_meth_set_ctrl) X(BIO_meth_set_read) X(BIO_meth_set_write) X(BIO_new) X(BIO_new_mem_buf) \
    X(BIO_s_mem) X(BIO_set_data) X(BIO_set_flags) X(BIO_set_init) X(BIO_test_flags) X(ERR_clear_error) \
    X(ERR_get_error) X(ERR_peek_error) X(ERR_reason_error_string) X(EVP_PKEY_Q_keygen) X(EVP_PKEY_free) \
    X(EVP_sha256) X(OPENSSL_cleanse) X(PEM_read_bio_PrivateKey) X(PEM_read_bio_X509) X(PEM_write_bio_PrivateKey) \
    X(PEM_write_bio_X509) X(RAND_bytes) X(SSL_CTX_check_private_key) X(SSL_CTX_ctrl) X(SSL_CTX_free) \
    X(SSL_CTX_get_cert_store) X(SSL_CTX_new) X(SSL_CTX_set_num_tickets) X(SSL_CTX_set_options) \
    X(SSL_CTX_set_verify) X(SSL_CTX_set_verify_depth) X(SSL_CTX_use_PrivateKey) X(SSL_CTX_use_certificate) \
    X(SSL_ctrl) X(SSL_do_handshake) X(SSL_free) X(SSL_get0_param) X(SSL_get_error) X(SSL_get_verify_result) \
    X(SSL_has_pending) X(SSL_new) X(SSL_read) X(SSL_set1_host) X(SSL_set_accept_state) X(SSL_set_bio) \
    X(SSL_set_connect_state) X(SSL_shutdown) X(SSL_write) X(TLS_client_method) X(TLS_server_method) \
    X(X509V3_EXT_conf_nid) X(X509V3_set_ctx) X(X509_EXTENSION_free) X(X509_NAME_add_entry_by_txt) \
    X(X509_STORE_add_cert) X(X509_VERIFY_PARAM_set1_ip_asc) X(X509_VERIFY_PARAM_set_hostflags) X(X509_add_ext) \
    X(X509_free) X(X509_get_serialNumber) X(X509_get_subject_name) X(X509_getm_notAfter) X(X509_getm_notBefore) \
    X(X509_gmtime_adj) X(X509_new) X(X509_set_issuer_name) X(X509_set_pubkey) X(X509_set_version) X(X509_sign) \
    X(X509_verify_cert_error_string)
// clang-format on
#define WYE_OPENSSL_DECLARE(name) inline decltype(&::name) name = nullptr;
WYE_OPENSSL_CALLS(WYE_OPENSSL_DECLARE)
#undef WYE_OPENSSL_DECLARE

}  // namespace wye::tls
