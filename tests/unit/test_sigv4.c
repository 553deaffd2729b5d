#include "aws/sigv4.h"

#include <check.h>
#include <string.h>

#include "tests/lib/suite.h"

/* 2026-01-02T03:04:05Z */
#define WALL_MS 1767323045000

static struct kh_cred cred;
static struct kh_sigv4_signer signer;
static struct kh_sigv4_signature signature;
static struct kh_sigv4_request request;

static void begin(void)
{
    memset(&cred, 0, sizeof(cred));
    cred.generation = 1;
    strcpy(cred.access_key_id, "AKIDEXAMPLE");
    kh_secret_set(&cred.secret_key, KH_STR("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"));
    kh_sigv4_init(&signer, "us-east-1", "kinesis");
    request = (struct kh_sigv4_request){
        .method = "POST",
        .host = KH_STR("kinesis.us-east-1.amazonaws.com"),
        .content_type = KH_STR("application/x-amz-json-1.1"),
        .target = KH_STR("Kinesis_20131202.ListShards"),
        .body = KH_STR("{\"StreamName\":\"s\"}"),
    };
}

static void end(void)
{
    kh_sigv4_fini(&signer);
    kh_secret_fini(&cred.secret_key);
    kh_secret_fini(&cred.session_token);
}

static const char PLAIN[] =
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/kinesis/aws4_request, "
    "SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
    "Signature=9872f2358122ff468db482924d607a663f1f70f2a2164b17e71cd2cf016a063c";

START_TEST(a_request_with_long_lived_keys_is_signed_as_botocore_does)
{
    kh_sigv4_sign(&signer, &cred, &request, WALL_MS, 0, &signature);
    ck_assert_str_eq(signature.time, "20260102T030405Z");
    ck_assert_str_eq(signature.canonical_sha256,
                     "05ad3d63a0f03922c4df052f022e79e6827d7fa6c1c8e1d4df6f8f52b75adacd");
    ck_assert_str_eq(signature.authorization, PLAIN);
}
END_TEST

START_TEST(the_signing_key_is_derived_as_botocore_does)
{
    static const unsigned char key[KH_SHA256_BYTES] = {
        0xce, 0x06, 0x11, 0x14, 0x21, 0x83, 0x46, 0x7c, 0x5c, 0xcb, 0xd4,
        0xcc, 0x3f, 0x94, 0xaa, 0xff, 0xd4, 0x88, 0x06, 0xa2, 0x8f, 0xcb,
        0x1f, 0xbc, 0xcb, 0xf9, 0x43, 0x68, 0x2e, 0x7d, 0x09, 0x46};

    kh_sigv4_sign(&signer, &cred, &request, WALL_MS, 0, &signature);
    ck_assert_mem_eq(signer.key, key, sizeof(key));
}
END_TEST

START_TEST(a_session_token_and_a_port_are_signed_as_botocore_does)
{
    kh_secret_set(&cred.session_token, KH_STR("TOKEN"));
    request.host = KH_STR("127.0.0.1:4567");
    kh_sigv4_sign(&signer, &cred, &request, WALL_MS, 0, &signature);
    ck_assert_str_eq(signature.canonical_sha256,
                     "5320970de4781c7670e827777f40a8b138074b8de28714eb5df0294fece4371a");
    ck_assert_str_eq(
        signature.authorization,
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/kinesis/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, "
        "Signature=5e85901ffccdb7d35e87f5692d9b78a02dd974eabf4e7ba65f3f07fb9d51098d");
}
END_TEST

START_TEST(a_clock_that_is_wrong_is_corrected_by_the_skew)
{
    kh_sigv4_sign(&signer, &cred, &request, WALL_MS + 86400000, -86400000, &signature);
    ck_assert_str_eq(signature.authorization, PLAIN);
}
END_TEST

START_TEST(the_remembered_key_gives_way_to_a_new_day_and_to_new_keys)
{
    kh_sigv4_sign(&signer, &cred, &request, WALL_MS + 86400000, 0, &signature);
    ck_assert_str_eq(signature.time, "20260103T030405Z");
    ck_assert_ptr_nonnull(strstr(signature.authorization, "/20260103/"));
    kh_sigv4_sign(&signer, &cred, &request, WALL_MS, 0, &signature);
    ck_assert_str_eq(signature.authorization, PLAIN);

    cred.generation = 2;
    kh_secret_set(&cred.secret_key, KH_STR("another"));
    kh_sigv4_sign(&signer, &cred, &request, WALL_MS, 0, &signature);
    ck_assert_str_ne(signature.authorization, PLAIN);
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("sigv4");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, a_request_with_long_lived_keys_is_signed_as_botocore_does);
    tcase_add_test(tcase, the_signing_key_is_derived_as_botocore_does);
    tcase_add_test(tcase, a_session_token_and_a_port_are_signed_as_botocore_does);
    tcase_add_test(tcase, a_clock_that_is_wrong_is_corrected_by_the_skew);
    tcase_add_test(tcase, the_remembered_key_gives_way_to_a_new_day_and_to_new_keys);
    return suite_run("sigv4", tcase);
}
