#include "tests/fuzz/check.h"

#include <string.h>

#include "base/assert.h"
#include "wire/base64.h"
#include "wire/json.h"
#include "wire/multilang.h"
#include "wire/utf8.h"

#define LINE_BYTES_MAX ((size_t)64 << 20)

static void check_digits(struct kh_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        kh_assert(text.p[i] >= '0' && text.p[i] <= '9');
    }
}

void check_record(const struct kh_record *record)
{
    kh_assert(record->seq.n >= 1);
    kh_assert(record->seq.n <= KH_SEQNO_DIGITS_MAX);
    check_digits(record->seq);
    kh_assert(kh_base64_check(record->data, NULL));
    kh_assert(kh_utf8_valid(record->partition_key));
    kh_assert(record->sub == 0);
}

void check_shard(const struct kh_shard *shard)
{
    kh_assert(shard->id[0] != '\0');
    kh_assert(strchr(shard->id, '/') == NULL);
    kh_assert(shard->parents_n <= KH_PARENTS_MAX);
    for (unsigned i = 0; i < shard->parents_n; i++) {
        kh_assert(shard->parents[i][0] != '\0');
    }
    check_digits(kh_str(shard->range.start));
    check_digits(kh_str(shard->range.end));
    check_digits(kh_str(shard->start_seq));
}

void check_line(const struct kh_buf *line)
{
    struct kh_json *root = NULL;

    kh_assert(line->n > 0);
    kh_assert(line->p[line->n - 1] == '\n');
    kh_assert(memchr(line->p, '\n', line->n) == line->p + line->n - 1);
    kh_assert(kh_utf8_ascii_prefix(kh_buf_str(line)) == line->n);
    kh_assert(kh_json_parse(&root, kh_buf_str(line), NULL) == KH_OK);
    kh_assert(kh_json_is_object(root));
    kh_json_free(root);
}

void check_process_records(const struct kh_batch *batch)
{
    struct kh_buf line;

    for (size_t i = 0; i < batch->records_n; i++) {
        check_record(&batch->records[i]);
    }
    kh_buf_init(&line, LINE_BYTES_MAX);
    kh_assert(kh_multilang_process_records(&line, batch) == KH_OK);
    check_line(&line);
    kh_buf_fini(&line);
}
