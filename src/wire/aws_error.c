#include "wire/aws_error.h"

#include <string.h>

#include "wire/json.h"

/* Copy what fits, in one line: an error goes into logs. */
static void copy_line(char *to, size_t to_bytes, struct kh_str text)
{
    size_t n = text.n < to_bytes ? text.n : to_bytes - 1;

    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        to[i] = c < 0x20 || c == 0x7f ? ' ' : text.p[i];
    }
    to[n] = '\0';
}

/* "com.amazonaws.kinesis.v20131202#ResourceNotFoundException:http://…" to the name alone. */
static struct kh_str clean(struct kh_str code)
{
    struct kh_str head;
    struct kh_str tail;

    (void)kh_str_cut(code, ':', &head, &tail);
    while (kh_str_cut(head, '#', &code, &tail)) { /* each round is shorter */
        head = tail;
    }
    return kh_str_trim(head);
}

void kh_aws_error_read(struct kh_aws_error *error, struct kh_str body, struct kh_str type_header)
{
    struct kh_json *root = NULL;
    struct kh_str code = {0};
    struct kh_str message = {0};

    if (kh_json_parse(&root, body, NULL) == KH_OK) {
        (void)!kh_json_str(kh_json_get(root, "__type"), &code);
        if (!kh_json_str(kh_json_get(root, "message"), &message)) {
            (void)!kh_json_str(kh_json_get(root, "Message"), &message);
        }
    }
    code = clean(code);
    if (code.n == 0) {
        code = clean(type_header);
    }
    copy_line(error->code, sizeof(error->code), code);
    /* The lines below the first repeat what should have been signed, the session token with it. */
    copy_line(error->message, sizeof(error->message),
              kh_str_of(message.p, kh_str_find(message, '\n')));
    kh_json_free(root);
}
