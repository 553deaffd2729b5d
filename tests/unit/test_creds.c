#include "aws/creds.h"

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aws/region.h"
#include "io/java_property.h"
#include "tests/lib/suite.h"

static char folder[] = "/tmp/kh-test-creds-XXXXXX";
static char config_path[64];
static char credentials_path[64];
static struct kh_loop *loop;
static struct kh_creds *creds;
static struct kh_err err;

static void begin(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(config_path, sizeof(config_path), "%s/config", folder);
    (void)snprintf(credentials_path, sizeof(credentials_path), "%s/credentials", folder);
    (void)setenv("AWS_CONFIG_FILE", config_path, 1);
    (void)setenv("AWS_SHARED_CREDENTIALS_FILE", credentials_path, 1);
    (void)unsetenv("AWS_ACCESS_KEY_ID");
    (void)unsetenv("AWS_SECRET_ACCESS_KEY");
    (void)unsetenv("AWS_SESSION_TOKEN");
    (void)unsetenv("AWS_PROFILE");
    (void)unsetenv("AWS_REGION");
    (void)unsetenv("AWS_DEFAULT_REGION");
    ck_assert_int_eq(kh_loop_new(&loop, NULL), KH_OK);
    creds = NULL;
    memset(&err, 0, sizeof(err));
}

static void end(void)
{
    for (int i = 0; i < KH_JAVA_PROPERTIES; i++) {
        kh_java_property_set((enum kh_java_property)i, NULL);
    }
    kh_creds_free(creds);
    kh_loop_free(loop);
    (void)unlink(config_path);
    (void)unlink(credentials_path);
    (void)rmdir(folder);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs(text, file), 0);
    ck_assert_int_eq(fclose(file), 0);
}

static void set_keys(const char *id, const char *secret)
{
    (void)setenv("AWS_ACCESS_KEY_ID", id, 1);
    (void)setenv("AWS_SECRET_ACCESS_KEY", secret, 1);
}

/* What kh_creds_get answered last, as "id/secret/token"; "" after a failure. */
static char got[256];
static uint64_t generation;

static void on_ready(void *arg, const struct kh_cred *cred, const struct kh_err *failure)
{
    (void)arg;
    got[0] = '\0';
    if (failure != NULL) {
        ck_assert_ptr_null(cred);
        err = *failure;
        return;
    }
    generation = cred->generation;
    (void)snprintf(got, sizeof(got), "%s/%.*s/%.*s", cred->access_key_id,
                   KH_STR_ARG(kh_secret_text(&cred->secret_key)),
                   KH_STR_ARG(kh_secret_text(&cred->session_token)));
}

static const char *get(void)
{
    kh_creds_get(creds, on_ready, NULL);
    return got;
}

static const char *get_from(const char *provider)
{
    kh_creds_free(creds);
    creds = NULL;
    ck_assert_msg(kh_creds_new(&creds, loop, provider, &err) == KH_OK, "%s", err.text);
    return get();
}

START_TEST(the_environment_comes_first)
{
    set_keys(" AKID ", "secret");
    (void)setenv("AWS_SESSION_TOKEN", "token", 1);
    write_file(credentials_path, "[default]\naws_access_key_id=P\naws_secret_access_key=profile\n");
    ck_assert_str_eq(get_from("DefaultCredentialsProvider"), "AKID/secret/token");
    ck_assert_str_eq(get_from("EnvironmentVariableCredentialsProvider"), "AKID/secret/token");
    ck_assert_str_eq(get_from("ProfileCredentialsProvider"), "P/profile/");
}
END_TEST

START_TEST(half_a_key_in_the_environment_leads_on_to_the_profile)
{
    set_keys("AKID", " ");
    write_file(credentials_path, "[default]\naws_access_key_id=P\naws_secret_access_key=profile\n");
    ck_assert_str_eq(get_from("DefaultCredentialsProvider"), "P/profile/");
}
END_TEST

START_TEST(a_profile_is_chosen_by_name_else_by_the_environment)
{
    write_file(credentials_path, "[default]\naws_access_key_id=D\naws_secret_access_key=d\n"
                                 "[one]\naws_access_key_id=1\naws_secret_access_key=o\n"
                                 "[two]\naws_access_key_id=2\naws_secret_access_key=t\n");
    (void)setenv("AWS_PROFILE", "one", 1);
    ck_assert_str_eq(get_from("ProfileCredentialsProvider"), "1/o/");
    ck_assert_str_eq(get_from("ProfileCredentialsProvider|two"), "2/t/");
    ck_assert_str_eq(get_from("ProfileCredentialsProvider | two "), "2/t/");
}
END_TEST

START_TEST(both_files_make_one_profile_and_the_credentials_win)
{
    write_file(config_path, "# about me\n"
                            "[profile p]\n"
                            "AWS_ACCESS_KEY_ID = from-config\n"
                            "aws_session_token = token ; mine\n"
                            "region = eu-central-1 # near\n"
                            "s3 =\n"
                            "  aws_secret_access_key = nested\n"
                            "[p]\n"
                            "aws_secret_access_key = no-section-of-ours\n");
    write_file(credentials_path, "[p]\r\n"
                                 "aws_access_key_id=first\r\n"
                                 "aws_access_key_id=second\r\n"
                                 ";aws_secret_access_key=comment\r\n"
                                 "nonsense\r\n"
                                 "aws_secret_access_key=a#b=c");
    ck_assert_str_eq(get_from("ProfileCredentialsProvider|p"), "second/a#b=c/token");
}
END_TEST

START_TEST(keys_may_stand_in_the_config_file_alone)
{
    char region[KH_REGION_MAX + 1];

    write_file(config_path, "[default]\naws_access_key_id=C\naws_secret_access_key=c\n"
                            "region=ap-south-2\n");
    ck_assert_str_eq(get_from("DefaultCredentialsProvider"), "C/c/");
    ck_assert_int_eq(kh_region_find("", region, &err), KH_OK);
    ck_assert_str_eq(region, "ap-south-2");
}
END_TEST

START_TEST(properties_of_a_java_command_line_come_before_the_environment)
{
    char region[KH_REGION_MAX + 1];

    set_keys("AKID", "secret");
    (void)setenv("AWS_SESSION_TOKEN", "token", 1);
    (void)setenv("AWS_REGION", "eu-west-1", 1);
    kh_java_property_set(KH_JAVA_REGION, "eu-north-1");
    kh_java_property_set(KH_JAVA_ACCESS_KEY_ID, "JID");
    ck_assert_str_eq(get_from("DefaultCredentialsProvider"), "AKID/secret/token");
    kh_java_property_set(KH_JAVA_SECRET_ACCESS_KEY, "java");
    ck_assert_str_eq(get_from("DefaultCredentialsProvider"), "JID/java/");
    ck_assert_str_eq(get_from("SystemPropertyCredentialsProvider"), "JID/java/");
    ck_assert_str_eq(get_from("EnvironmentVariableCredentialsProvider"), "AKID/secret/token");
    kh_java_property_set(KH_JAVA_SESSION_TOKEN, "more");
    ck_assert_str_eq(get_from("SystemPropertiesCredentialsProvider"), "JID/java/more");
    ck_assert_int_eq(kh_region_find("", region, &err), KH_OK);
    ck_assert_str_eq(region, "eu-north-1");
    ck_assert_int_eq(kh_region_find("us-west-2", region, &err), KH_OK);
    ck_assert_str_eq(region, "us-west-2");
}
END_TEST

START_TEST(properties_of_a_java_command_line_choose_files_and_profile)
{
    write_file(credentials_path, "[default]\naws_access_key_id=D\naws_secret_access_key=d\n"
                                 "[one]\naws_access_key_id=1\naws_secret_access_key=o\n");
    (void)setenv("AWS_PROFILE", "default", 1);
    (void)setenv("AWS_CONFIG_FILE", "/nowhere", 1);
    (void)setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere", 1);
    kh_java_property_set(KH_JAVA_PROFILE, "one");
    kh_java_property_set(KH_JAVA_CREDENTIALS_FILE, credentials_path);
    ck_assert_str_eq(get_from("ProfileCredentialsProvider"), "1/o/");
    ck_assert_str_eq(get_from("ProfileCredentialsProvider|default"), "D/d/");
    kh_java_property_set(KH_JAVA_CREDENTIALS_FILE, "");
    kh_java_property_set(KH_JAVA_CONFIG_FILE, config_path);
    write_file(config_path, "[profile one]\naws_access_key_id=C\naws_secret_access_key=c\n");
    ck_assert_str_eq(get_from("ProfileCredentialsProvider"), "C/c/");
}
END_TEST

START_TEST(names_of_the_old_sdk_mean_the_same)
{
    set_keys("AKID", "secret");
    write_file(credentials_path, "[p]\naws_access_key_id=P\naws_secret_access_key=profile\n");
    ck_assert_str_eq(get_from("DefaultAWSCredentialsProviderChain"), "AKID/secret/");
    ck_assert_str_eq(get_from("com.amazonaws.auth.DefaultAWSCredentialsProviderChain"),
                     "AKID/secret/");
    ck_assert_str_eq(get_from("com.amazonaws.auth.profile.ProfileCredentialsProvider|p"),
                     "P/profile/");
    ck_assert_str_eq(get_from("software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider"),
                     "AKID/secret/");
}
END_TEST

START_TEST(a_list_is_asked_from_left_to_right)
{
    set_keys("AKID", "secret");
    ck_assert_str_eq(get_from("ProfileCredentialsProvider|none , ContainerCredentialsProvider,"
                              "EnvironmentVariableCredentialsProvider"),
                     "AKID/secret/");
}
END_TEST

START_TEST(an_unknown_name_is_passed_over_as_long_as_another_works)
{
    set_keys("AKID", "secret");
    ck_assert_str_eq(get_from("org.acme.Vault,EnvironmentVariableCredentialsProvider"),
                     "AKID/secret/");
}
END_TEST

START_TEST(anonymous_requests_have_no_key)
{
    ck_assert_str_eq(get_from("AnonymousCredentialsProvider"), "//");
    ck_assert_uint_ne(generation, 0);
}
END_TEST

START_TEST(a_value_that_names_nobody_is_invalid)
{
    ck_assert_int_eq(kh_creds_new(&creds, loop, "org.acme.Vault", &err), KH_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "org.acme.Vault"));
    ck_assert_int_eq(kh_creds_new(&creds, loop, " , ", &err), KH_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "no credentials provider is named"));
    ck_assert_int_eq(kh_creds_new(&creds, loop, "ProfileCredentialsProvider|a|secret", &err),
                     KH_INVALID);
    ck_assert_str_eq(err.text,
                     "AwsCredentialsProvider: ProfileCredentialsProvider: takes at most 1 "
                     "parameters behind |, not 2");
    ck_assert_ptr_null(creds);
}
END_TEST

START_TEST(without_keys_everybody_asked_is_named)
{
    static const char *const parts[] = {"environment: AWS_ACCESS_KEY_ID is not set",
                                        "web identity: not supported yet",
                                        "profile: neither /",
                                        "has profile default",
                                        "container: not supported yet",
                                        "instance metadata: not supported yet"};

    ck_assert_str_eq(get_from("DefaultCredentialsProvider"), "");
    ck_assert_int_eq(err.rc, KH_DENIED);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        ck_assert_msg(strstr(err.text, parts[i]) != NULL, "%s: %s", parts[i], err.text);
    }
    ck_assert_str_eq(get_from("StsAssumeRoleCredentialsProvider|arn|me|externalId=1"), "");
    ck_assert_ptr_nonnull(strstr(err.text, "assumed role: not supported yet"));
}
END_TEST

START_TEST(a_profile_that_needs_more_than_keys_says_so)
{
    write_file(config_path, "[default]\ncredential_process=/bin/x\n");
    ck_assert_str_eq(get_from("ProfileCredentialsProvider"), "");
    ck_assert_ptr_nonnull(strstr(err.text, "credential_process, which is not supported yet"));
}
END_TEST

START_TEST(files_that_cannot_be_read_are_named)
{
    FILE *file = fopen(config_path, "w");

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fseek(file, 1 << 20, SEEK_SET), 0);
    ck_assert_int_eq(fputc('x', file), 'x');
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_str_eq(get_from("ProfileCredentialsProvider"), "");
    ck_assert_ptr_nonnull(strstr(err.text, "config: longer than 1048576 bytes"));

    (void)setenv("AWS_CONFIG_FILE", folder, 1);
    ck_assert_str_eq(get_from("ProfileCredentialsProvider"), "");
    ck_assert_ptr_nonnull(strstr(err.text, "Is a directory"));
}
END_TEST

START_TEST(keys_that_cannot_go_into_a_header_are_refused)
{
    set_keys("AKID", "two words");
    ck_assert_str_eq(get_from("EnvironmentVariableCredentialsProvider"), "");
    ck_assert_ptr_nonnull(strstr(err.text, "odd characters"));
    ck_assert_ptr_null(strstr(err.text, "two words"));
}
END_TEST

START_TEST(refused_keys_are_asked_for_again_and_count_as_new)
{
    uint64_t before;

    set_keys("AKID", "old");
    ck_assert_str_eq(get_from("EnvironmentVariableCredentialsProvider"), "AKID/old/");
    before = generation;
    set_keys("AKID", "new");
    kh_creds_refused(creds, before + 1);
    ck_assert_str_eq(get(), "AKID/old/"); /* others were refused, not these */
    kh_creds_refused(creds, before);
    ck_assert_str_eq(get(), "AKID/new/");
    ck_assert_uint_ne(generation, before);
}
END_TEST

START_TEST(a_provider_is_not_asked_again_and_again)
{
    set_keys("AKID", "old");
    ck_assert_str_eq(get_from("EnvironmentVariableCredentialsProvider"), "AKID/old/");
    kh_creds_refused(creds, generation);
    ck_assert_str_eq(get(), "AKID/old/");
    set_keys("AKID", "new");
    kh_creds_refused(creds, generation); /* less than ten seconds later */
    ck_assert_str_eq(get(), "AKID/old/");
}
END_TEST

START_TEST(old_keys_stay_when_there_are_no_others)
{
    set_keys("AKID", "old");
    ck_assert_str_eq(get_from("EnvironmentVariableCredentialsProvider"), "AKID/old/");
    (void)unsetenv("AWS_ACCESS_KEY_ID");
    kh_creds_refused(creds, generation);
    ck_assert_str_eq(get(), "AKID/old/");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("creds");

    tcase_add_checked_fixture(tcase, begin, end);
    tcase_add_test(tcase, the_environment_comes_first);
    tcase_add_test(tcase, half_a_key_in_the_environment_leads_on_to_the_profile);
    tcase_add_test(tcase, a_profile_is_chosen_by_name_else_by_the_environment);
    tcase_add_test(tcase, both_files_make_one_profile_and_the_credentials_win);
    tcase_add_test(tcase, keys_may_stand_in_the_config_file_alone);
    tcase_add_test(tcase, properties_of_a_java_command_line_come_before_the_environment);
    tcase_add_test(tcase, properties_of_a_java_command_line_choose_files_and_profile);
    tcase_add_test(tcase, names_of_the_old_sdk_mean_the_same);
    tcase_add_test(tcase, a_list_is_asked_from_left_to_right);
    tcase_add_test(tcase, an_unknown_name_is_passed_over_as_long_as_another_works);
    tcase_add_test(tcase, anonymous_requests_have_no_key);
    tcase_add_test(tcase, a_value_that_names_nobody_is_invalid);
    tcase_add_test(tcase, without_keys_everybody_asked_is_named);
    tcase_add_test(tcase, a_profile_that_needs_more_than_keys_says_so);
    tcase_add_test(tcase, files_that_cannot_be_read_are_named);
    tcase_add_test(tcase, keys_that_cannot_go_into_a_header_are_refused);
    tcase_add_test(tcase, refused_keys_are_asked_for_again_and_count_as_new);
    tcase_add_test(tcase, a_provider_is_not_asked_again_and_again);
    tcase_add_test(tcase, old_keys_stay_when_there_are_no_others);
    return suite_run("creds", tcase);
}
