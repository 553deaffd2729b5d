/* aws_error: what an AWS service says when it refuses.
 *
 * Shape   body and header in, code and message out; never fails.
 * Units   none.
 * Errors  none: whatever cannot be read leaves "" (the HTTP status is then all there is).
 * Memory  plain values; longer texts are cut.
 * Truth   the SDKs' JSON error parsers: __type of the body, then the header x-amzn-ErrorType; from
 *         the first ':' on it is dropped, then up to the last '#'. The message is `message` or
 *         `Message`. Bodies may be empty, XML, or a proxy's HTML.
 */
#ifndef KH_WIRE_AWS_ERROR_H
#define KH_WIRE_AWS_ERROR_H

#include "base/str.h"

#define KH_AWS_CODE_MAX    95
#define KH_AWS_MESSAGE_MAX 255

struct kh_aws_error {
    char code[KH_AWS_CODE_MAX + 1]; /* "ProvisionedThroughputExceededException"; "" if not told */
    char message[KH_AWS_MESSAGE_MAX + 1]; /* one line; "" if not told */
};

/* type_header: value of x-amzn-ErrorType, empty if there was none. */
void kh_aws_error_read(struct kh_aws_error *error, struct kh_str body, struct kh_str type_header);

#endif
