#include "wire/json.h"

#include <inttypes.h>
#include <string.h>

#include <json-c/json_object.h>
#include <json-c/json_object_iterator.h>
#include <json-c/json_tokener.h>
#include <json-c/linkhash.h>

#include "base/assert.h"
#include "base/mem.h"
#include "wire/scan.h"
#include "wire/utf8.h"

/* A struct kh_json is json-c's object by another name: nobody else sees what is in it. */
static struct json_object *theirs(const struct kh_json *value)
{
    return (struct json_object *)(uintptr_t)value;
}

static struct kh_json *ours(struct json_object *object)
{
    return (struct kh_json *)object;
}

static bool is_a(const struct kh_json *value, enum json_type type)
{
    return value != NULL && json_object_is_type(theirs(value), type) != 0;
}

/* json-c lets pass what no JSON is (control characters, bytes that are not UTF-8), each release
 * something else. So the project's one scanner judges first, and json-c only builds the tree. */
static enum kh_rc judge(struct kh_str text, struct kh_err *err)
{
    struct kh_scan scan;

    kh_scan_init(&scan, text, KH_JSON_DEPTH_MAX);
    if (!kh_scan_skip(&scan, NULL) || !kh_scan_end(&scan)) {
        return kh_scan_error(&scan, err, "JSON");
    }
    if (!kh_utf8_valid(text)) {
        return kh_fail(err, KH_INVALID, "JSON: a string is not UTF-8");
    }
    return KH_OK;
}

enum kh_rc kh_json_parse(struct kh_json **root, struct kh_str text, struct kh_err *err)
{
    enum kh_rc rc = KH_OK;
    struct json_tokener *tokener = NULL;
    struct json_object *object = NULL;
    char *copy = NULL;

    kh_assert(*root == NULL);
    if (text.n > KH_JSON_BYTES_MAX) {
        return kh_fail(err, KH_TOOBIG, "JSON: %zu bytes, more than %zu", text.n, KH_JSON_BYTES_MAX);
    }
    rc = judge(text, err);
    if (rc != KH_OK) {
        return rc;
    }
    copy = kh_mem_copy(
        text.p, text.n); /* json-c takes the terminator as the sign that a number is complete */
    tokener = json_tokener_new_ex(KH_JSON_DEPTH_MAX + 1);
    kh_assert(tokener != NULL);
    object = json_tokener_parse_ex(tokener, copy, (int)text.n + 1);
    if (json_tokener_get_error(tokener) != json_tokener_success) {
        rc = kh_fail(err, KH_INVALID, "JSON: %s at byte %zu",
                     json_tokener_error_desc(json_tokener_get_error(tokener)),
                     json_tokener_get_parse_end(tokener) + 1);
        goto out;
    }
    *root = ours(object);
    object = NULL;

out:
    (void)json_object_put(object);
    json_tokener_free(tokener);
    kh_mem_free(copy);
    return rc;
}

void kh_json_free(struct kh_json *root)
{
    (void)json_object_put(theirs(root));
}

const struct kh_json *kh_json_get(const struct kh_json *object, const char *name)
{
    struct json_object *value = NULL;

    if (is_a(object, json_type_object)) {
        (void)json_object_object_get_ex(theirs(object), name, &value);
    }
    return ours(value);
}

bool kh_json_str(const struct kh_json *value, struct kh_str *out)
{
    if (!is_a(value, json_type_string)) {
        return false;
    }
    *out = kh_str_of(json_object_get_string(theirs(value)),
                     (size_t)json_object_get_string_len(theirs(value)));
    return true;
}

bool kh_json_i64(const struct kh_json *value, int64_t *out)
{
    if (!is_a(value, json_type_int)) {
        return false;
    }
    int64_t number = json_object_get_int64(theirs(value));
    if (number == INT64_MIN || number == INT64_MAX) {
        return false; /* where json-c stops when a number does not fit */
    }
    *out = number;
    return true;
}

bool kh_json_double(const struct kh_json *value, double *out)
{
    if (!is_a(value, json_type_double) && !is_a(value, json_type_int)) {
        return false;
    }
    *out = json_object_get_double(theirs(value));
    return true;
}

bool kh_json_bool(const struct kh_json *value, bool *out)
{
    if (!is_a(value, json_type_boolean)) {
        return false;
    }
    *out = json_object_get_boolean(theirs(value)) != 0;
    return true;
}

bool kh_json_is_object(const struct kh_json *value)
{
    return is_a(value, json_type_object);
}

bool kh_json_is_array(const struct kh_json *value)
{
    return is_a(value, json_type_array);
}

size_t kh_json_length(const struct kh_json *array)
{
    return is_a(array, json_type_array) ? json_object_array_length(theirs(array)) : 0;
}

const struct kh_json *kh_json_at(const struct kh_json *array, size_t i)
{
    return i < kh_json_length(array) ? ours(json_object_array_get_idx(theirs(array), i)) : NULL;
}

bool kh_json_next(const struct kh_json *object, struct kh_json_member *member)
{
    if (!is_a(object, json_type_object)) {
        return false;
    }
    const struct lh_entry *entry = member->at;
    entry = entry == NULL ? lh_table_head(json_object_get_object(theirs(object)))
                          : lh_entry_next(entry);
    if (entry == NULL) {
        return false;
    }
    member->at = entry;
    member->name = kh_str(lh_entry_k(entry));
    member->value = lh_entry_v(entry);
    return true;
}

void kh_json_begin(struct kh_json_writer *writer, struct kh_buf *buf)
{
    *writer = (struct kh_json_writer){.buf = buf, .start = buf->n};
}

void kh_json_begin_ascii(struct kh_json_writer *writer, struct kh_buf *buf)
{
    *writer = (struct kh_json_writer){.buf = buf, .start = buf->n, .ascii = true};
}

/* One piece of text; a comma before it where one is due. Afterwards one is due iff `comma`. */
static void put(struct kh_json_writer *writer, struct kh_str piece, bool comma)
{
    if (writer->rc == KH_OK && writer->comma) {
        writer->rc = kh_buf_append_char(writer->buf, ',');
    }
    if (writer->rc == KH_OK) {
        writer->rc = kh_buf_append_str(writer->buf, piece);
    }
    writer->comma = comma;
}

static void close_one(struct kh_json_writer *writer, struct kh_str bracket)
{
    kh_assert(writer->depth > 0);
    writer->depth--;
    writer->comma = false; /* none before a closing bracket */
    put(writer, bracket, true);
}

void kh_json_open_object(struct kh_json_writer *writer)
{
    writer->depth++;
    put(writer, KH_STR("{"), false);
}

void kh_json_close_object(struct kh_json_writer *writer)
{
    close_one(writer, KH_STR("}"));
}

void kh_json_open_array(struct kh_json_writer *writer)
{
    writer->depth++;
    put(writer, KH_STR("["), false);
}

void kh_json_close_array(struct kh_json_writer *writer)
{
    close_one(writer, KH_STR("]"));
}

void kh_json_put_str(struct kh_json_writer *writer, struct kh_str value)
{
    put(writer, KH_STR(""), true);
    if (writer->rc == KH_OK) {
        writer->rc = writer->ascii ? kh_json_append_ascii(writer->buf, value)
                                   : kh_json_append_string(writer->buf, value);
    }
}

void kh_json_key_str(struct kh_json_writer *writer, struct kh_str name)
{
    kh_assert(writer->depth > 0);
    kh_json_put_str(writer, name);
    writer->comma = false;
    put(writer, KH_STR(":"), false);
}

void kh_json_key(struct kh_json_writer *writer, const char *name)
{
    kh_json_key_str(writer, kh_str(name));
}

void kh_json_put_i64(struct kh_json_writer *writer, int64_t value)
{
    put(writer, KH_STR(""), true);
    if (writer->rc == KH_OK) {
        writer->rc = kh_buf_appendf(writer->buf, "%" PRId64, value);
    }
}

void kh_json_put_u64(struct kh_json_writer *writer, uint64_t value)
{
    put(writer, KH_STR(""), true);
    if (writer->rc == KH_OK) {
        writer->rc = kh_buf_appendf(writer->buf, "%" PRIu64, value);
    }
}

void kh_json_put_bool(struct kh_json_writer *writer, bool value)
{
    put(writer, value ? KH_STR("true") : KH_STR("false"), true);
}

void kh_json_put_null(struct kh_json_writer *writer)
{
    put(writer, KH_STR("null"), true);
}

void kh_json_put_raw(struct kh_json_writer *writer, struct kh_str value)
{
    put(writer, value, true);
}

enum kh_rc kh_json_end(struct kh_json_writer *writer)
{
    kh_assert(writer->depth == 0);
    if (writer->rc != KH_OK) {
        writer->buf->n = writer->start;
    }
    return writer->rc;
}

enum charset { UTF8, ASCII };

/* A JSON escape or the character itself; returns its bytes. */
static size_t spell(uint32_t character, enum charset charset, char bytes[KH_UTF8_ESCAPE_MAX])
{
    static const char plain[] = "\"\\\b\t\n\f\r"; /* as Jackson: the other controls as \u00XX */
    static const char names[] = "\"\\btnfr";
    const char *found = character < 0x80 && character != 0 ? strchr(plain, (int)character) : NULL;

    if (found != NULL) {
        bytes[0] = '\\';
        bytes[1] = names[found - plain];
        return 2;
    }
    if (character >= 0x20 && (character < 0x80 || charset == UTF8)) {
        return kh_utf8_encode(character, bytes);
    }
    return kh_utf8_escape(character, bytes);
}

/* How many bytes at the start of s stand for themselves. */
static size_t plain_prefix(struct kh_str s)
{
    size_t n = 0;

    while (n < s.n && (signed char)s.p[n] >= 0x20 && s.p[n] != '"' &&
           s.p[n] != '\\') { /* not ASCII is negative: it stops too */
        n++;
    }
    return n;
}

static enum kh_rc append(struct kh_buf *buf, struct kh_str s, enum charset charset)
{
    const size_t before = buf->n;
    char bytes[KH_UTF8_ESCAPE_MAX];

    enum kh_rc rc = kh_buf_append_char(buf, '"');
    while (rc == KH_OK && s.n > 0) {
        size_t taken = plain_prefix(s);
        if (taken > 0) {
            rc = kh_buf_append(buf, s.p, taken);
        } else {
            uint32_t character = KH_UTF8_REPLACEMENT;
            taken = kh_utf8_decode(s, &character);
            taken = taken > 0 ? taken : 1; /* the byte that is not UTF-8 */
            rc = kh_buf_append(buf, bytes, spell(character, charset, bytes));
        }
        s = kh_str_of(s.p + taken, s.n - taken);
    }
    if (rc == KH_OK) {
        rc = kh_buf_append_char(buf, '"');
    }
    if (rc != KH_OK) {
        buf->n = before; /* nothing half written stays */
    }
    return rc;
}

enum kh_rc kh_json_append_string(struct kh_buf *buf, struct kh_str s)
{
    return append(buf, s, UTF8);
}

enum kh_rc kh_json_append_ascii(struct kh_buf *buf, struct kh_str s)
{
    return append(buf, s, ASCII);
}
