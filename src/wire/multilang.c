#include "wire/multilang.h"

#include <string.h>

#include "base/assert.h"
#include "wire/decimal.h"
#include "wire/json.h"
#include "wire/scan.h"
#include "wire/utf8.h"

/* What Jackson takes from a child: a line beyond it is not read any further. */
#define CHILD_DEPTH_MAX        1000
#define CHILD_STRING_BYTES_MAX 20000000

#define NUMBER_BYTES_MAX 20 /* of a 64-bit number */

static void begin_message(struct kh_json_writer *writer, struct kh_buf *out, const char *action)
{
    kh_json_begin_ascii(writer, out);
    kh_json_open_object(writer);
    kh_json_key(writer, "action");
    kh_json_put_str(writer, kh_str(action));
}

static enum kh_rc end_message(struct kh_json_writer *writer, struct kh_buf *out)
{
    kh_json_close_object(writer);
    enum kh_rc rc = kh_json_end(writer);
    if (rc == KH_OK) {
        rc = kh_buf_append_char(out, '\n');
    }
    if (rc != KH_OK) {
        out->n = writer->start; /* a line without its end must not stay */
    }
    return rc;
}

enum kh_rc kh_multilang_initialize(struct kh_buf *out, struct kh_str shard,
                                   const struct kh_extseq *checkpoint)
{
    struct kh_json_writer writer;

    begin_message(&writer, out, kh_action_name(KH_ACTION_INITIALIZE));
    kh_json_key(&writer, "shardId");
    kh_json_put_str(&writer, shard);
    kh_json_key(&writer, "sequenceNumber");
    if (kh_extseq_is_none(checkpoint)) {
        kh_json_put_null(&writer);
        kh_json_key(&writer, "subSequenceNumber");
        kh_json_put_null(&writer);
    } else {
        kh_json_put_str(&writer, kh_str(checkpoint->seq));
        kh_json_key(&writer, "subSequenceNumber");
        kh_json_put_i64(&writer, checkpoint->sub);
    }
    return end_message(&writer, out);
}

enum kh_rc kh_multilang_plain(struct kh_buf *out, enum kh_action action)
{
    struct kh_json_writer writer;

    kh_assert(action == KH_ACTION_LEASE_LOST || action == KH_ACTION_SHARD_ENDED ||
              action == KH_ACTION_SHUTDOWN_REQUESTED);
    begin_message(&writer, out, kh_action_name(action));
    return end_message(&writer, out);
}

enum kh_rc kh_multilang_shutdown(struct kh_buf *out, enum kh_action action)
{
    struct kh_json_writer writer;

    kh_assert(action == KH_ACTION_LEASE_LOST || action == KH_ACTION_SHARD_ENDED);
    begin_message(&writer, out, "shutdown");
    kh_json_key(&writer, "reason");
    kh_json_put_str(&writer,
                    action == KH_ACTION_SHARD_ENDED ? KH_STR("TERMINATE") : KH_STR("ZOMBIE"));
    return end_message(&writer, out);
}

enum kh_rc kh_multilang_ack(struct kh_buf *out, const struct kh_child_checkpoint *asked,
                            const char *error)
{
    struct kh_json_writer writer;

    begin_message(&writer, out, "checkpoint");
    kh_json_key(&writer, "sequenceNumber");
    if (asked->has_seq) {
        kh_json_put_str(&writer, asked->seq);
    } else {
        kh_json_put_null(&writer);
    }
    kh_json_key(&writer, "subSequenceNumber");
    if (asked->has_sub && !asked->sub_bad) {
        kh_json_put_i64(&writer, asked->sub);
    } else {
        kh_json_put_null(&writer);
    }
    kh_json_key(&writer, "error");
    if (error != NULL) {
        kh_json_put_str(&writer, kh_str(error));
    } else {
        kh_json_put_null(&writer);
    }
    return end_message(&writer, out);
}

/* processRecords is where all the bytes pass. Room for the whole line is made once, and then every
 * piece is copied to where the last one ended. */

static const struct kh_str lead_in = KH_STR("{\"action\":\"processRecords\",\"records\":[");
static const struct kh_str before_data = KH_STR("{\"data\":\"");
static const struct kh_str before_key = KH_STR("\",\"partitionKey\":\"");
static const struct kh_str before_seq = KH_STR("\",\"sequenceNumber\":\"");
static const struct kh_str before_arrival = KH_STR("\",\"approximateArrivalTimestamp\":");
static const struct kh_str before_sub = KH_STR(",\"subSequenceNumber\":");
static const struct kh_str after_record = KH_STR(",\"action\":\"record\"}");
static const struct kh_str before_millis = KH_STR("],\"millisBehindLatest\":");
static const struct kh_str lead_out = KH_STR("}\n");

static char *put(char *to, struct kh_str piece)
{
    if (piece.n > 0) {
        memcpy(to, piece.p, piece.n);
    }
    return to + piece.n;
}

static char *put_number(char *to, int64_t value)
{
    char digits[NUMBER_BYTES_MAX];
    size_t at = sizeof(digits);
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do {
        at--;
        digits[at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0) {
        at--;
        digits[at] = '-';
    }
    return put(to, kh_str_of(digits + at, sizeof(digits) - at));
}

/* The key is the inside of a JSON string already; what is left to do is to make it ASCII. */
static char *put_key(char *to, struct kh_str key)
{
    while (key.n > 0) {
        size_t taken = kh_utf8_ascii_prefix(key);
        to = put(to, kh_str_of(key.p, taken));
        if (taken == 0) {
            uint32_t character = KH_UTF8_REPLACEMENT;
            taken = kh_utf8_decode(key, &character);
            taken = taken > 0 ? taken : 1;
            to += kh_utf8_escape(character, to);
        }
        key = kh_str_of(key.p + taken, key.n - taken);
    }
    return to;
}

/* No byte of a key becomes more than one "\uXXXX". */
static size_t key_bytes_max(struct kh_str key)
{
    return kh_utf8_ascii_prefix(key) == key.n ? key.n : 6 * key.n;
}

static size_t record_bytes_max(const struct kh_record *record)
{
    return before_data.n + record->data.n + before_key.n + key_bytes_max(record->partition_key) +
           before_seq.n + record->seq.n + before_arrival.n + NUMBER_BYTES_MAX + before_sub.n +
           NUMBER_BYTES_MAX + after_record.n + 1;
}

static char *put_record(char *to, const struct kh_record *record)
{
    to = put(to, before_data);
    to = put(to, record->data);
    to = put(to, before_key);
    to = put_key(to, record->partition_key);
    to = put(to, before_seq);
    to = put(to, record->seq);
    to = put(to, before_arrival);
    to = put_number(to, record->arrival_ms);
    to = put(to, before_sub);
    to = put_number(to, record->sub);
    return put(to, after_record);
}

enum kh_rc kh_multilang_process_records(struct kh_buf *out, const struct kh_batch *batch)
{
    const size_t records_n = batch != NULL ? batch->records_n : 0;
    size_t most = lead_in.n + before_millis.n + NUMBER_BYTES_MAX + lead_out.n;

    for (size_t i = 0; i < records_n; i++) {
        most += record_bytes_max(&batch->records[i]);
    }
    enum kh_rc rc = kh_buf_reserve(out, most);
    if (rc != KH_OK) {
        return rc;
    }
    char *start = out->p + out->n;
    char *to = put(start, lead_in);
    for (size_t i = 0; i < records_n; i++) {
        if (i > 0) {
            to = put(to, KH_STR(","));
        }
        to = put_record(to, &batch->records[i]);
    }
    to = put(to, before_millis);
    if (batch != NULL && batch->has_millis_behind) {
        to = put_number(to, batch->millis_behind);
    } else {
        to = put(to, KH_STR("null"));
    }
    to = put(to, lead_out);
    kh_assert((size_t)(to - start) <= most);
    kh_buf_added(out, (size_t)(to - start));
    return KH_OK;
}

/* What a child wrote as one member's value. */
struct told {
    enum kh_scan_type type;
    struct kh_str
        text; /* a string's, its escapes resolved; otherwise the value as it stands there */
};

static struct told take_told(struct kh_scan *scan, struct kh_arena *scratch)
{
    struct told told = {.type = kh_scan_peek(scan)};
    struct kh_scan_text text;

    if (told.type != KH_SCAN_STRING) {
        (void)kh_scan_skip(scan, &told.text);
    } else if (kh_scan_string(scan, &text)) {
        told.text = kh_scan_unescape(&text, scratch);
    }
    return told;
}

/* subSequenceNumber, as leniently as Java takes it. What Java would drop the line for is noted as
 * bad instead: the child waits for an answer. */
static void judge_sub(struct kh_child_checkpoint *checkpoint, const struct told *told)
{
    struct kh_str text = told->text;
    bool good = false;

    checkpoint->has_sub = true;
    checkpoint->sub_bad = false;
    checkpoint->sub = 0;
    if (told->type == KH_SCAN_NUMBER) {
        good = kh_decimal_scaled(text, 0, KH_DECIMAL_TOWARDS_ZERO, &checkpoint->sub);
    } else if (told->type == KH_SCAN_STRING) {
        text = kh_str_trim(text);
        checkpoint->has_sub = text.n > 0;
        good = text.n == 0 || kh_str_i64(text, &checkpoint->sub);
    } else if (told->type == KH_SCAN_NULL) {
        checkpoint->has_sub = false;
        good = true;
    }
    checkpoint->sub_bad = !good;
}

/* The members that mean something to us, of any message; of two with one name the last one. */
struct told_message {
    struct told action;
    struct told response_for;
    struct told seq;
    struct told seq_alias; /* "checkpoint", as the oldest protocol texts have it */
    struct told sub;
};

static void take_message(struct kh_scan *scan, struct kh_arena *scratch,
                         struct told_message *message)
{
    const struct told nothing = {.type = KH_SCAN_NULL};
    struct kh_scan_text name;

    *message = (struct told_message){nothing, nothing, nothing, nothing, nothing};
    (void)kh_scan_open(scan, '{');
    for (bool first = true; kh_scan_member(scan, &first, &name);) {
        if (kh_scan_text_is(&name, "action")) {
            message->action = take_told(scan, scratch);
        } else if (kh_scan_text_is(&name, "responseFor")) {
            message->response_for = take_told(scan, scratch);
        } else if (kh_scan_text_is(&name, "sequenceNumber")) {
            message->seq = take_told(scan, scratch);
        } else if (kh_scan_text_is(&name, "checkpoint")) {
            message->seq_alias = take_told(scan, scratch);
        } else if (kh_scan_text_is(&name, "subSequenceNumber")) {
            message->sub = take_told(scan, scratch);
        } else {
            (void)kh_scan_skip(scan, NULL);
        }
    }
}

static void skip(struct kh_line *judged, const char *why)
{
    judged->type = KH_LINE_SKIPPED;
    judged->why = why;
}

static void judge_status(const struct told_message *message, struct kh_line *judged)
{
    enum kh_scan_type type = message->response_for.type;

    if (type == KH_SCAN_OBJECT || type == KH_SCAN_ARRAY) {
        skip(judged, "responseFor is no text");
        return;
    }
    judged->type = KH_LINE_STATUS;
    if (type != KH_SCAN_NULL) {
        judged->response_for = message->response_for.text;
    }
}

static void judge_checkpoint(const struct told_message *message, struct kh_line *judged)
{
    struct kh_child_checkpoint *checkpoint = &judged->checkpoint;
    const struct told *seq = &message->seq;

    if (seq->type == KH_SCAN_NULL) {
        seq = &message->seq_alias;
    }
    judged->type = KH_LINE_CHECKPOINT;
    checkpoint->has_seq = seq->type != KH_SCAN_NULL;
    if (checkpoint->has_seq) {
        checkpoint->seq = seq->text; /* an array or an object too: refused later, but answered */
    }
    judge_sub(checkpoint, &message->sub);
}

static bool is_ours(struct kh_str action)
{
    static const char *const ours[] = {"initialize", "processRecords", "shutdown",
                                       "leaseLost",  "shardEnded",     "shutdownRequested"};

    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        if (kh_str_eq(action, kh_str(ours[i]))) {
            return true;
        }
    }
    return false;
}

void kh_multilang_judge(struct kh_str line, struct kh_arena *scratch, struct kh_line *judged)
{
    struct kh_scan scan;
    struct told_message message;

    *judged = (struct kh_line){.type = KH_LINE_SKIPPED};
    kh_scan_init(&scan, line, CHILD_DEPTH_MAX);
    scan.string_bytes_max = CHILD_STRING_BYTES_MAX;
    if (kh_scan_peek(&scan) != KH_SCAN_OBJECT) {
        skip(judged, "no JSON object");
        return;
    }
    take_message(&scan, scratch, &message);
    if (kh_scan_failed(&scan)) {
        skip(judged, "broken JSON, or over a limit");
        return;
    }
    (void)kh_scan_peek(&scan); /* blanks are nothing */
    judged->rest_dropped = scan.at < scan.end;

    struct kh_str action = message.action.text;
    if (message.action.type != KH_SCAN_STRING) {
        skip(judged, "no action");
    } else if (kh_str_eq(action, KH_STR("status"))) {
        judge_status(&message, judged);
    } else if (kh_str_eq(action, KH_STR("checkpoint"))) {
        judge_checkpoint(&message, judged);
    } else {
        skip(judged, is_ours(action) ? "a message for children" : "unknown action");
    }
}
