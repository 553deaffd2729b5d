#include "wire/aws_error.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/suite.h"

static void assert_error(const char *body, const char *header, const char *code,
                         const char *message)
{
    struct kh_aws_error error;

    kh_aws_error_read(&error, kh_str(body), kh_str(header));
    ck_assert_str_eq(error.code, code);
    ck_assert_str_eq(error.message, message);
}

START_TEST(the_code_comes_from_the_body_without_its_namespace)
{
    assert_error("{\"__type\":\"ResourceNotFoundException\",\"message\":\"no such stream\"}", "",
                 "ResourceNotFoundException", "no such stream");
    assert_error("{\"__type\":\"com.amazonaws.kinesis.v20131202#ExpiredIteratorException\"}",
                 "Other", "ExpiredIteratorException", "");
    assert_error("{\"__type\":\"a#B:http://internal.amazon.com/coral/#c\"}", "", "B", "");
    assert_error("{\"__type\":\"SerializationException\",\"Message\":\"capital\"}", "",
                 "SerializationException", "capital");
}
END_TEST

START_TEST(the_header_helps_out)
{
    assert_error("", "ThrottlingException:http://internal.amazon.com/", "ThrottlingException", "");
    assert_error("{\"message\":\"m\",\"__type\":null}", "x#AccessDeniedException",
                 "AccessDeniedException", "m");
    assert_error("<html>502</html>", "", "", "");
    assert_error("{\"__type\":5,\"message\":{}}", " InternalFailure ", "InternalFailure", "");
}
END_TEST

START_TEST(a_message_is_one_line_and_bounded)
{
    char body[600];
    char expected[KH_AWS_MESSAGE_MAX + 1];

    assert_error("{\"__type\":\"A\",\"message\":\"one\\ttwo\\u0007\"}", "", "A", "one two ");
    memset(expected, 'x', KH_AWS_MESSAGE_MAX);
    expected[KH_AWS_MESSAGE_MAX] = '\0';
    (void)snprintf(body, sizeof(body), "{\"message\":\"%syyy\"}", expected);
    assert_error(body, "", "", expected);
}
END_TEST

START_TEST(what_should_have_been_signed_is_not_repeated)
{
    assert_error("{\"__type\":\"InvalidSignatureException\",\"message\":\"They differ.\\n\\n"
                 "The Canonical String should have been\\nx-amz-security-token:TOKEN\"}",
                 "", "InvalidSignatureException", "They differ.");
}
END_TEST

int main(void)
{
    TCase *tcase = tcase_create("aws_error");

    tcase_add_test(tcase, the_code_comes_from_the_body_without_its_namespace);
    tcase_add_test(tcase, the_header_helps_out);
    tcase_add_test(tcase, a_message_is_one_line_and_bounded);
    tcase_add_test(tcase, what_should_have_been_signed_is_not_repeated);
    return suite_run("aws_error", tcase);
}
