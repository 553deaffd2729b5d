#include "aws/sigv4.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/assert.h"

#define ALGORITHM  "AWS4-HMAC-SHA256"
#define SIGNED_MAX 96 /* names of all headers that are signed */
#define TO_SIGN_MAX \
    (sizeof(ALGORITHM) + KH_SIGV4_TIME_BYTES + KH_SIGV4_SCOPE_MAX + KH_SHA256_HEX_BYTES + 8)

static void hex_of(const unsigned char bytes[KH_SHA256_BYTES], char hex[KH_SHA256_HEX_BYTES])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < KH_SHA256_BYTES; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 0x0f];
    }
    hex[2 * KH_SHA256_BYTES] = '\0';
}

static void hmac(struct kh_str key, struct kh_str text, unsigned char out[KH_SHA256_BYTES])
{
    unsigned n = 0;
    const unsigned char *made =
        HMAC(EVP_sha256(), key.p, (int)key.n, (const unsigned char *)text.p, text.n, out, &n);

    kh_assert(made != NULL);
    kh_assert(n == KH_SHA256_BYTES);
}

static struct kh_str digest(const unsigned char bytes[KH_SHA256_BYTES])
{
    return kh_str_of((const char *)bytes, KH_SHA256_BYTES);
}

/* A running SHA-256, so that no canonical request has to be written out. */
static EVP_MD_CTX *sha_begin(void)
{
    EVP_MD_CTX *sha = EVP_MD_CTX_new();
    int ok = EVP_DigestInit_ex(sha, EVP_sha256(), NULL);

    kh_assert(ok == 1); /* out of memory */
    return sha;
}

static void sha_add(EVP_MD_CTX *sha, struct kh_str text)
{
    int ok = EVP_DigestUpdate(sha, text.p, text.n);

    kh_assert(ok == 1);
}

static void sha_end(EVP_MD_CTX *sha, char hex[KH_SHA256_HEX_BYTES])
{
    unsigned char bytes[KH_SHA256_BYTES];
    unsigned n = 0;
    int ok = EVP_DigestFinal_ex(sha, bytes, &n);

    kh_assert(ok == 1);
    kh_assert(n == KH_SHA256_BYTES);
    EVP_MD_CTX_free(sha);
    hex_of(bytes, hex);
}

void kh_sigv4_init(struct kh_sigv4_signer *signer, const char *region, const char *service)
{
    bool fits;

    memset(signer, 0, sizeof(*signer));
    fits = kh_str_copy(signer->region, sizeof(signer->region), kh_str(region));
    kh_assert(fits);
    fits = kh_str_copy(signer->service, sizeof(signer->service), kh_str(service));
    kh_assert(fits);
}

void kh_sigv4_fini(struct kh_sigv4_signer *signer)
{
    OPENSSL_cleanse(signer, sizeof(*signer));
}

/* Derived anew once a day and whenever the credentials change. */
static void refresh_key(struct kh_sigv4_signer *signer, const struct kh_cred *cred, const char *day)
{
    char start[4 + KH_SECRET_KEY_MAX] = {'A', 'W', 'S', '4'};
    struct kh_str secret = kh_secret_text(&cred->secret_key);
    unsigned char a[KH_SHA256_BYTES];
    unsigned char b[KH_SHA256_BYTES];

    if (strcmp(signer->day, day) == 0 && signer->generation == cred->generation) {
        return;
    }
    kh_assert(secret.n <= KH_SECRET_KEY_MAX); /* aws/creds.c refuses longer ones */
    memcpy(start + 4, secret.p, secret.n);
    hmac(kh_str_of(start, 4 + secret.n), kh_str(day), a);
    hmac(digest(a), kh_str(signer->region), b);
    hmac(digest(b), kh_str(signer->service), a);
    hmac(digest(a), KH_STR("aws4_request"), signer->key);
    OPENSSL_cleanse(start, sizeof(start));
    OPENSSL_cleanse(a, sizeof(a));
    OPENSSL_cleanse(b, sizeof(b));
    memcpy(signer->day, day, KH_SIGV4_DAY_BYTES);
    signer->generation = cred->generation;
}

static void add_header(EVP_MD_CTX *sha, const char *name, struct kh_str value)
{
    sha_add(sha, kh_str(name));
    sha_add(sha, KH_STR(":"));
    sha_add(sha, value);
    sha_add(sha, KH_STR("\n"));
}

/* The headers come in the order of their names, which is what the standard asks for. */
static void hash_canonical(const struct kh_sigv4_request *request, const char *time,
                           struct kh_str token, const char *names, char hex[KH_SHA256_HEX_BYTES])
{
    char body_hex[KH_SHA256_HEX_BYTES];
    EVP_MD_CTX *sha = sha_begin();

    sha_add(sha, request->body);
    sha_end(sha, body_hex);

    sha = sha_begin();
    sha_add(sha, kh_str(request->method));
    sha_add(sha, KH_STR("\n/\n\n")); /* path, and no query */
    add_header(sha, "content-type", request->content_type);
    add_header(sha, "host", request->host);
    add_header(sha, "x-amz-date", kh_str(time));
    if (token.n > 0) {
        add_header(sha, "x-amz-security-token", token);
    }
    if (request->target.n > 0) {
        add_header(sha, "x-amz-target", request->target);
    }
    sha_add(sha, KH_STR("\n"));
    sha_add(sha, kh_str(names));
    sha_add(sha, KH_STR("\n"));
    sha_add(sha, kh_str(body_hex));
    sha_end(sha, hex);
}

static void format_time(int64_t wall_ms, char time[KH_SIGV4_TIME_BYTES])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm utc;
    const struct tm *made = gmtime_r(&seconds, &utc);
    size_t n;

    kh_assert(made != NULL);
    n = strftime(time, KH_SIGV4_TIME_BYTES, "%Y%m%dT%H%M%SZ", &utc);
    kh_assert(n == KH_SIGV4_TIME_BYTES - 1);
}

void kh_sigv4_sign(struct kh_sigv4_signer *signer, const struct kh_cred *cred,
                   const struct kh_sigv4_request *request, int64_t wall_ms, int64_t skew_ms,
                   struct kh_sigv4_signature *signature)
{
    struct kh_str token = kh_secret_text(&cred->session_token);
    char day[KH_SIGV4_DAY_BYTES] = "";
    char scope[KH_SIGV4_SCOPE_MAX + 1];
    char names[SIGNED_MAX + 1];
    char to_sign[TO_SIGN_MAX + 1];
    unsigned char mac[KH_SHA256_BYTES];
    char mac_hex[KH_SHA256_HEX_BYTES];
    int n;

    format_time(wall_ms + skew_ms, signature->time);
    memcpy(day, signature->time, KH_SIGV4_DAY_BYTES - 1);
    refresh_key(signer, cred, day);

    n = snprintf(names, sizeof(names), "content-type;host;x-amz-date%s%s",
                 token.n > 0 ? ";x-amz-security-token" : "",
                 request->target.n > 0 ? ";x-amz-target" : "");
    kh_assert((size_t)n < sizeof(names));
    hash_canonical(request, signature->time, token, names, signature->canonical_sha256);

    n = snprintf(scope, sizeof(scope), "%s/%s/%s/aws4_request", day, signer->region,
                 signer->service);
    kh_assert((size_t)n < sizeof(scope));
    n = snprintf(to_sign, sizeof(to_sign), ALGORITHM "\n%s\n%s\n%s", signature->time, scope,
                 signature->canonical_sha256);
    kh_assert((size_t)n < sizeof(to_sign));
    hmac(digest(signer->key), kh_str_of(to_sign, (size_t)n), mac);
    hex_of(mac, mac_hex);

    n = snprintf(signature->authorization, sizeof(signature->authorization),
                 ALGORITHM " Credential=%s/%s, SignedHeaders=%s, Signature=%s", cred->access_key_id,
                 scope, names, mac_hex);
    kh_assert((size_t)n < sizeof(signature->authorization));
}
