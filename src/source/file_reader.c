#include "source/file_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/fd.h"
#include "base/mem.h"
#include "source/file_shards.h"
#include "wire/ndjson.h"

#define CHECK_BYTES ((size_t)4 << 10)

void kh_file_reader_init(struct kh_file_reader *reader, const char *dir, const char *shard_id,
                         bool closed)
{
    *reader = (struct kh_file_reader){.closed = closed, .fd = -1, .latest = -1};
    reader->path = kh_file_shards_path(dir, shard_id);
}

void kh_file_reader_fini(struct kh_file_reader *reader)
{
    kh_fd_close(&reader->fd);
    kh_mem_free(reader->path);
    reader->path = NULL;
}

/* A system call failed. Unless that passes, somebody has to act: a file that has gone is not a
 * shard that has. */
static enum kh_rc refuse(const struct kh_file_reader *reader, const char *what, struct kh_err *err)
{
    int errnum = errno;

    if (kh_fail_errno(err, errnum, "%s %s", what, reader->path) == KH_RETRY) {
        return KH_RETRY;
    }
    return kh_fail(err, KH_DENIED, "%s %s: %s", what, reader->path, strerror(errnum));
}

/* The file's size now; 0 while an open shard has no file yet. */
static enum kh_rc measure(struct kh_file_reader *reader, off_t *size, struct kh_err *err)
{
    struct stat status;

    *size = 0;
    if (reader->fd < 0) {
        /* Without blocking: of a pipe nobody would ever open the other end. */
        reader->fd = open(reader->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        if (reader->fd < 0 && errno == ENOENT && !reader->closed) {
            return KH_OK;
        }
        if (reader->fd < 0) {
            return refuse(reader, "open", err);
        }
    }
    if (fstat(reader->fd, &status) != 0) {
        return refuse(reader, "look at", err);
    }
    if (!S_ISREG(status.st_mode)) {
        return kh_fail(err, KH_DENIED, "%s is not a file", reader->path);
    }
    if (status.st_size < reader->offset) {
        return kh_fail(err, KH_DENIED,
                       "%s has become shorter than what was read of it (%lld bytes): a file of "
                       "records may only grow; put back what was there",
                       reader->path, (long long)reader->offset);
    }
    *size = status.st_size;
    return KH_OK;
}

/* Have the next `bytes` bytes of the file in text, or all there are. */
static enum kh_rc fill(struct kh_file_reader *reader, struct kh_buf *text, size_t bytes,
                       struct kh_err *err)
{
    enum kh_rc rc = kh_buf_reserve(text, bytes - text->n);

    kh_assert(rc == KH_OK);
    while (text->n < bytes) {
        ssize_t n =
            pread(reader->fd, text->p + text->n, bytes - text->n, reader->offset + (off_t)text->n);

        if (n < 0 && errno != EINTR) {
            return refuse(reader, "read", err);
        }
        if (n == 0) {
            break; /* it shrinks just now; the next look will say so */
        }
        kh_buf_added(text, n > 0 ? (size_t)n : 0);
    }
    return KH_OK;
}

static enum kh_rc too_long(const struct kh_file_reader *reader, struct kh_err *err)
{
    return kh_fail(err, KH_DENIED,
                   "%s line %llu is longer than %zu bytes: that is no record of Kinesis; correct "
                   "it, then start again",
                   reader->path, (unsigned long long)reader->lines + 1, KH_FILE_LINE_BYTES_MAX);
}

/* The whole lines from offset on, about `bytes` bytes of them but at least one line if there is
 * one. *rest: how much of the file lies behind them; 0 as well if there is none. */
static enum kh_rc load(struct kh_file_reader *reader, size_t bytes, struct kh_buf *text,
                       size_t *rest, struct kh_err *err)
{
    const char *end = NULL;
    off_t size;
    size_t left;
    enum kh_rc rc = measure(reader, &size, err);

    *rest = 0;
    if (rc != KH_OK || size <= reader->offset) {
        return rc;
    }
    left = (size_t)(size - reader->offset);
    for (; end == NULL; bytes *= 2) {
        size_t want = bytes < left ? bytes : left;
        size_t before = text->n;

        if (want > KH_FILE_LINE_BYTES_MAX) {
            return too_long(reader, err);
        }
        rc = fill(reader, text, want, err);
        if (rc != KH_OK) {
            return rc;
        }
        if (text->n > before) {
            end = memrchr(text->p + before, '\n', text->n - before);
        }
        if (text->n == left && reader->closed) {
            end = text->p + text->n - 1; /* the last line, with or without its end */
        }
        if (end == NULL && want == left) {
            text->n = 0; /* a line is being written */
            return KH_OK;
        }
    }
    text->n = (size_t)(end - text->p) + 1;
    *rest = left - text->n;
    return KH_OK;
}

/* Take the next line off text; it had `bytes` bytes with its end. */
static bool next_line(struct kh_str *text, struct kh_str *line, size_t *bytes)
{
    struct kh_str all = *text;

    if (all.n == 0) {
        return false;
    }
    if (!kh_str_cut(all, '\n', line, text)) {
        *line = all;
        *text = (struct kh_str){"", 0};
    }
    *bytes = all.n - text->n;
    return true;
}

static bool is_blank(struct kh_str line)
{
    return kh_str_trim(line).n == 0;
}

static enum kh_rc parse(const struct kh_file_reader *reader, struct kh_str line,
                        struct kh_arena *arena, struct kh_record *record, struct kh_err *err)
{
    unsigned long long number = (unsigned long long)reader->lines + 1;
    struct kh_err cause;

    if (kh_ndjson_record(line, arena, record, &cause) != KH_OK) {
        return kh_fail(err, KH_DENIED,
                       "%s line %llu is no record: %s; correct the line, then start again",
                       reader->path, number, cause.text);
    }
    if (!kh_extseq_is_none(&reader->last) &&
        kh_seqno_cmp(record->seq, kh_str(reader->last.seq)) <= 0) {
        return kh_fail(err, KH_DENIED,
                       "%s line %llu: sequence number %.*s is not above that of the record before "
                       "it; sort the file and take out repeats, then start again",
                       reader->path, number, KH_STR_ARG(record->seq));
    }
    return KH_OK;
}

static void pass(struct kh_file_reader *reader, size_t bytes, const struct kh_record *record)
{
    reader->offset += (off_t)bytes;
    reader->lines++;
    if (record != NULL) {
        bool fits = kh_extseq_set(&reader->last, record->seq, record->sub);

        kh_assert(fits);
        reader->last_arrival_ms = record->arrival_ms;
    }
}

/* Does reading begin at this record? */
static bool is_wanted(const struct kh_record *record, const struct kh_position *position)
{
    switch (position->type) {
    case KH_POSITION_TRIM_HORIZON:
        return true;
    case KH_POSITION_LATEST:
        return false;
    case KH_POSITION_AT_TIMESTAMP:
        return record->arrival_ms >= position->wall_ms;
    case KH_POSITION_AT_SEQUENCE:
        return kh_seqno_cmp(record->seq, kh_str(position->seq)) >= 0;
    case KH_POSITION_AFTER_SEQUENCE:
        return kh_seqno_cmp(record->seq, kh_str(position->seq)) > 0;
    }
    kh_assert(false);
    return false;
}

/* Pass over the lines of text that come before position. */
static enum kh_rc pass_lines(struct kh_file_reader *reader, const struct kh_position *position,
                             struct kh_str text, bool *there, struct kh_err *err)
{
    struct kh_arena arena;
    struct kh_str line;
    size_t bytes;
    enum kh_rc rc = KH_OK;

    kh_arena_init(&arena);
    while (!*there && rc == KH_OK && next_line(&text, &line, &bytes)) {
        struct kh_record record;
        bool blank = is_blank(line);

        if (position->type == KH_POSITION_LATEST &&
            reader->offset + (off_t)bytes > reader->latest) {
            *there = true;
            break;
        }
        rc = blank ? KH_OK : parse(reader, line, &arena, &record, err);
        *there = rc == KH_OK && !blank && is_wanted(&record, position);
        if (rc == KH_OK && !*there) {
            pass(reader, bytes, blank ? NULL : &record);
        }
    }
    kh_arena_fini(&arena);
    return rc;
}

enum kh_rc kh_file_reader_seek(struct kh_file_reader *reader, const struct kh_position *position,
                               bool *there, struct kh_err *err)
{
    struct kh_buf text;
    size_t rest;
    enum kh_rc rc = KH_OK;

    *there = position->type == KH_POSITION_TRIM_HORIZON;
    if (position->type == KH_POSITION_LATEST && reader->latest < 0) {
        rc = measure(reader, &reader->latest, err);
    }
    if (rc != KH_OK || *there) {
        return rc;
    }
    kh_buf_init(&text, KH_FILE_LINE_BYTES_MAX);
    rc = load(reader, KH_FILE_BATCH_BYTES_MAX, &text, &rest, err);
    if (rc == KH_OK && text.n == 0) {
        *there = true;
    } else if (rc == KH_OK) {
        rc = pass_lines(reader, position, kh_buf_str(&text), there, err);
    }
    kh_buf_fini(&text);
    return rc;
}

/* The first limit lines that are not blank. */
static struct kh_str cut_lines(struct kh_str text, uint32_t limit)
{
    struct kh_str rest = text;
    struct kh_str line;
    size_t bytes;
    uint32_t n = 0;

    while (n < limit && next_line(&rest, &line, &bytes)) {
        n += is_blank(line) ? 0 : 1;
    }
    text.n -= rest.n;
    return text;
}

static enum kh_rc take_lines(struct kh_file_reader *reader, struct kh_batch *batch,
                             struct kh_err *err)
{
    struct kh_str text = kh_buf_str(&batch->body);
    struct kh_str line;
    size_t bytes;

    while (next_line(&text, &line, &bytes)) {
        struct kh_record record;
        bool blank = is_blank(line);

        if (!blank) {
            enum kh_rc rc = parse(reader, line, &batch->arena, &record, err);

            if (rc != KH_OK) {
                return rc;
            }
            kh_batch_add(batch, &record);
        }
        pass(reader, bytes, blank ? NULL : &record);
    }
    return KH_OK;
}

enum kh_rc kh_file_reader_read(struct kh_file_reader *reader, uint32_t limit,
                               struct kh_batch *batch, bool *at_end, struct kh_err *err)
{
    struct kh_buf text;
    struct kh_str lines;
    size_t rest;
    enum kh_rc rc;

    kh_assert(limit > 0);
    kh_assert(batch->body.n == 0);
    *at_end = false;
    kh_buf_init(&text, KH_FILE_LINE_BYTES_MAX);
    rc = load(reader, KH_FILE_BATCH_BYTES_MAX, &text, &rest, err);
    if (rc != KH_OK) {
        goto out;
    }
    /* The batch keeps what it needs and not a whole piece of the file, which may hold many more
     * records. */
    lines = cut_lines(kh_buf_str(&text), limit);
    rc = kh_buf_append_str(&batch->body, lines);
    kh_assert(rc == KH_OK);
    rc = take_lines(reader, batch, err);
    if (rc != KH_OK && batch->records_n > 0) {
        rc = KH_OK; /* what came before goes out first; the same line fails the next read */
        goto out;
    }
    *at_end = rc == KH_OK && lines.n == text.n && rest == 0;

out:
    kh_buf_fini(&text);
    return rc;
}

enum kh_rc kh_file_reader_check(struct kh_file_reader *reader, struct kh_err *err)
{
    struct kh_arena arena;
    struct kh_record record;
    struct kh_buf text;
    struct kh_str all;
    struct kh_str line;
    size_t bytes;
    size_t rest;
    enum kh_rc rc;

    kh_assert(reader->offset == 0);
    kh_arena_init(&arena);
    kh_buf_init(&text, KH_FILE_LINE_BYTES_MAX);
    rc = load(reader, CHECK_BYTES, &text, &rest, err);
    all = kh_buf_str(&text);
    if (rc == KH_OK && next_line(&all, &line, &bytes) && !is_blank(line)) {
        rc = parse(reader, line, &arena, &record, err) == KH_OK ? KH_OK : KH_INVALID;
    }
    kh_buf_fini(&text);
    kh_arena_fini(&arena);
    return rc;
}
