#include "aws/endpoint.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "aws/region.h"
#include "tests/lib/suite.h"

static struct kh_endpoint_inputs inputs;
static struct kh_endpoint endpoint;
static struct kh_err err;

static void begin(void)
{
    inputs =
        (struct kh_endpoint_inputs){.service = "kinesis", .region = "us-east-1", .configured = ""};
    memset(&err, 0, sizeof(err));
    (void)unsetenv("AWS_REGION");
    (void)unsetenv("AWS_DEFAULT_REGION");
    (void)setenv("AWS_CONFIG_FILE", "/nonexistent", 1);
    (void)setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent", 1);
}

static const char *chosen(void)
{
    ck_assert_msg(kh_endpoint_choose(&inputs, &endpoint, &err) == KH_OK, "%s", err.text);
    return endpoint.url;
}

static const char *refused(void)
{
    ck_assert_int_eq(kh_endpoint_choose(&inputs, &endpoint, &err), KH_INVALID);
    return err.text;
}

START_TEST(without_settings_the_partition_tells_the_host)
{
    static const struct {
        const char *region;
        const char *url;
    } cases[] = {
        {"us-east-1", "https://kinesis.us-east-1.amazonaws.com"},
        {"mx-central-1", "https://kinesis.mx-central-1.amazonaws.com"},
        {"xx-nowhere-7", "https://kinesis.xx-nowhere-7.amazonaws.com"},
        {"cn-north-1", "https://kinesis.cn-north-1.amazonaws.com.cn"},
        {"us-gov-west-1", "https://kinesis.us-gov-west-1.amazonaws.com"},
        {"eusc-de-east-1", "https://kinesis.eusc-de-east-1.amazonaws.eu"},
        {"us-iso-east-1", "https://kinesis.us-iso-east-1.c2s.ic.gov"},
        {"us-isob-east-1", "https://kinesis.us-isob-east-1.sc2s.sgov.gov"},
        {"eu-isoe-west-1", "https://kinesis.eu-isoe-west-1.cloud.adc-e.uk"},
        {"us-isof-south-1", "https://kinesis.us-isof-south-1.csp.hci.ic.gov"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        inputs.region = cases[i].region;
        ck_assert_str_eq(chosen(), cases[i].url);
    }
}
END_TEST

START_TEST(fips_and_dual_stack_have_hosts_of_their_own)
{
    inputs.fips = true;
    ck_assert_str_eq(chosen(), "https://kinesis-fips.us-east-1.amazonaws.com");
    inputs.dual_stack = true;
    ck_assert_str_eq(chosen(), "https://kinesis-fips.us-east-1.api.aws");
    inputs.dual_stack = false;
    inputs.region = "us-gov-west-1";
    ck_assert_str_eq(chosen(), "https://kinesis.us-gov-west-1.amazonaws.com");
    inputs.service = "dynamodb";
    ck_assert_str_eq(chosen(), "https://dynamodb-fips.us-gov-west-1.amazonaws.com");
}
END_TEST

START_TEST(the_property_wins_over_the_services_variable_and_that_over_the_general_one)
{
    inputs.env_url = "http://general:1";
    ck_assert_str_eq(chosen(), "http://general:1");
    inputs.env_service_url = "http://service:2";
    ck_assert_str_eq(chosen(), "http://service:2");
    inputs.configured = "http://property:3";
    ck_assert_str_eq(chosen(), "http://property:3");
}
END_TEST

START_TEST(variables_can_be_ignored_but_not_the_property)
{
    inputs.env_url = "http://general:1";
    inputs.env_service_url = "http://service:2";
    inputs.ignore_env_urls = true;
    ck_assert_str_eq(chosen(), "https://kinesis.us-east-1.amazonaws.com");
    inputs.configured = "http://property:3";
    ck_assert_str_eq(chosen(), "http://property:3");
}
END_TEST

START_TEST(variables_set_to_nothing_are_not_set)
{
    inputs.env_url = "";
    inputs.env_service_url = "";
    ck_assert_str_eq(chosen(), "https://kinesis.us-east-1.amazonaws.com");
}
END_TEST

START_TEST(a_missing_scheme_is_https_and_a_slash_behind_is_dropped)
{
    inputs.configured = "localhost:4567";
    ck_assert_str_eq(chosen(), "https://localhost:4567");
    inputs.configured = " http://localhost:4567/ ";
    ck_assert_str_eq(chosen(), "http://localhost:4567");
}
END_TEST

START_TEST(what_is_no_endpoint_is_refused_with_its_origin)
{
    static const char *const urls[] = {"ftp://x",       "http://",          "http://a b",
                                       "http://a/path", "http://a?b",       "http://u@a",
                                       "http://a:0",    "http://a:x",       "http://a:70000",
                                       "http://a:",     "http://[::1]9000", "http://[::1"};

    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        inputs.configured = urls[i];
        ck_assert_ptr_nonnull(strstr(refused(), urls[i]));
        ck_assert_ptr_nonnull(strstr(err.text, "properties file"));
    }
    inputs.configured = "";
    inputs.env_url = "ftp://x";
    ck_assert_ptr_nonnull(strstr(refused(), "AWS_ENDPOINT_URL"));
}
END_TEST

START_TEST(an_endpoint_of_ones_own_excludes_fips)
{
    inputs.configured = "http://localhost:1";
    inputs.fips = true;
    ck_assert_ptr_nonnull(strstr(refused(), "AWS_USE_FIPS_ENDPOINT"));
}
END_TEST

START_TEST(the_host_header_leaves_out_the_schemes_own_port)
{
    static const struct {
        const char *url;
        const char *host;
    } cases[] = {
        {"http://a", "a"},          {"http://a:80", "a"},     {"http://a:443", "a:443"},
        {"https://a:443", "a"},     {"https://a:80", "a:80"}, {"http://[::1]:4567", "[::1]:4567"},
        {"https://[::1]", "[::1]"},
    };
    char host[KH_ENDPOINT_HOST_MAX + 1];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        ck_assert(kh_endpoint_host(cases[i].url, host));
        ck_assert_str_eq(host, cases[i].host);
    }
    ck_assert(!kh_endpoint_host("a:80", host));
}
END_TEST

START_TEST(the_environment_is_asked_under_the_services_name)
{
    (void)setenv("AWS_ENDPOINT_URL_CLOUDWATCH", "http://metrics:1", 1);
    ck_assert_int_eq(kh_endpoint_find("monitoring", "us-east-1", "", &endpoint, &err), KH_OK);
    ck_assert_str_eq(endpoint.url, "http://metrics:1");
    ck_assert_int_eq(kh_endpoint_find("sts", "us-east-1", "", &endpoint, &err), KH_OK);
    ck_assert_str_eq(endpoint.url, "https://sts.us-east-1.amazonaws.com");
    (void)unsetenv("AWS_ENDPOINT_URL_CLOUDWATCH");
}
END_TEST

START_TEST(a_region_comes_from_the_property_else_the_environment)
{
    char region[KH_REGION_MAX + 1];

    (void)setenv("AWS_DEFAULT_REGION", "eu-west-3", 1);
    ck_assert_int_eq(kh_region_find("", region, &err), KH_OK);
    ck_assert_str_eq(region, "eu-west-3");
    (void)setenv("AWS_REGION", "eu-west-2", 1);
    ck_assert_int_eq(kh_region_find("", region, &err), KH_OK);
    ck_assert_str_eq(region, "eu-west-2");
    ck_assert_int_eq(kh_region_find("eu-west-1", region, &err), KH_OK);
    ck_assert_str_eq(region, "eu-west-1");
}
END_TEST

START_TEST(no_region_and_a_bad_one_say_what_to_do)
{
    char region[KH_REGION_MAX + 1];

    ck_assert_int_eq(kh_region_find("", region, &err), KH_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "set regionName"));
    ck_assert_int_eq(kh_region_find("US East", region, &err), KH_INVALID);
    ck_assert_str_eq(err.text, "region \"US East\" (from regionName) cannot be one: it should look "
                               "like us-east-1");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("endpoint");

    tcase_add_checked_fixture(tcase, begin, NULL);
    tcase_add_test(tcase, without_settings_the_partition_tells_the_host);
    tcase_add_test(tcase, fips_and_dual_stack_have_hosts_of_their_own);
    tcase_add_test(tcase,
                   the_property_wins_over_the_services_variable_and_that_over_the_general_one);
    tcase_add_test(tcase, variables_can_be_ignored_but_not_the_property);
    tcase_add_test(tcase, variables_set_to_nothing_are_not_set);
    tcase_add_test(tcase, a_missing_scheme_is_https_and_a_slash_behind_is_dropped);
    tcase_add_test(tcase, what_is_no_endpoint_is_refused_with_its_origin);
    tcase_add_test(tcase, an_endpoint_of_ones_own_excludes_fips);
    tcase_add_test(tcase, the_host_header_leaves_out_the_schemes_own_port);
    tcase_add_test(tcase, the_environment_is_asked_under_the_services_name);
    tcase_add_test(tcase, a_region_comes_from_the_property_else_the_environment);
    tcase_add_test(tcase, no_region_and_a_bad_one_say_what_to_do);
    return suite_run("endpoint", tcase);
}
