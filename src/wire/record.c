#include "wire/record.h"

#include "base/assert.h"
#include "base/mem.h"

#define BODY_BYTES_MAX ((size_t)256 << 20) /* above any answer's or any line's own limit */

struct kh_batch *kh_batch_new(void)
{
    struct kh_batch *batch = kh_mem_new(1, sizeof(*batch));

    kh_buf_init(&batch->body, BODY_BYTES_MAX);
    kh_arena_init(&batch->arena);
    return batch;
}

void kh_batch_free(struct kh_batch *batch)
{
    if (batch == NULL) {
        return;
    }
    kh_mem_free(batch->records);
    kh_arena_fini(&batch->arena);
    kh_buf_fini(&batch->body);
    kh_mem_free(batch);
}

size_t kh_batch_bytes(const struct kh_batch *batch)
{
    return sizeof(*batch) + batch->body.capacity + batch->arena.total_bytes +
           batch->records_capacity * sizeof(*batch->records);
}

uint64_t kh_batch_data_bytes(const struct kh_batch *batch)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < batch->records_n; i++) {
        const struct kh_str data = batch->records[i].data;
        size_t padding_n = 0;

        while (padding_n < 2 && padding_n < data.n && data.p[data.n - 1 - padding_n] == '=') {
            padding_n++;
        }
        bytes += data.n / 4 * 3 - padding_n;
    }
    return bytes;
}

void kh_batch_add(struct kh_batch *batch, const struct kh_record *record)
{
    if (batch->records_n == batch->records_capacity) {
        batch->records_capacity = kh_mem_grown(batch->records_capacity, batch->records_n + 1);
        batch->records =
            kh_mem_resize(batch->records, batch->records_capacity, sizeof(*batch->records));
    }
    batch->records[batch->records_n] = *record;
    batch->records_n++;
}

/* Is the record at or before pos? */
static bool is_behind(const struct kh_record *record, const struct kh_extseq *pos)
{
    int order = kh_seqno_cmp(record->seq, kh_str(pos->seq));

    return order < 0 || (order == 0 && record->sub <= pos->sub);
}

void kh_batch_skip(struct kh_batch *batch, const struct kh_extseq *skip_to)
{
    size_t kept = 0;

    if (!kh_extseq_is_digits(skip_to)) {
        return;
    }
    for (size_t i = 0; i < batch->records_n; i++) {
        if (!is_behind(&batch->records[i], skip_to)) {
            batch->records[kept] = batch->records[i];
            kept++;
        }
    }
    kh_assert(kept <= batch->records_n);
    batch->records_n = kept;
}
