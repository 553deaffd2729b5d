#include "wire/properties.h"

#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "wire/utf8.h"

struct reader {
    struct kh_str text;
    size_t at;
    unsigned line; /* of the byte at `at` */
    char *logical; /* the line being put together: room for the whole text */
    size_t logical_n;
    unsigned begun_line; /* where it began */
};

/* A value or key while its escapes are resolved. */
struct piece {
    char *p; /* room for as many bytes as the raw text has: no escape is shorter than what it stands
                for */
    size_t n;
    uint32_t high; /* first half of a surrogate pair, waiting for the second; 0 if none */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\f';
}

static bool is_line_end(char c)
{
    return c == '\n' || c == '\r';
}

/* Take one byte; a line end counts once, however it is written. */
static char take(struct reader *reader)
{
    kh_assert(reader->at < reader->text.n);
    char c = reader->text.p[reader->at++];

    if (is_line_end(c)) {
        reader->line++;
        if (c == '\r' && reader->at < reader->text.n && reader->text.p[reader->at] == '\n') {
            reader->at++;
        }
    }
    return c;
}

static void skip_to_line_end(struct reader *reader)
{
    while (reader->at < reader->text.n && !is_line_end(reader->text.p[reader->at])) {
        reader->at++;
    }
}

static void skip_blanks(struct reader *reader)
{
    while (reader->at < reader->text.n && is_blank(reader->text.p[reader->at])) {
        reader->at++;
    }
}

/* Put the next logical line together, without blanks before it, comments, and the backslashes that
 * continue it; false at the end of the text. */
static bool next_line(struct reader *reader)
{
    bool backslash = false; /* an odd number of them came last */

    reader->logical_n = 0;
    skip_blanks(reader);
    while (reader->at < reader->text.n) {
        unsigned line = reader->line;
        char c = take(reader);

        if (reader->logical_n == 0) {
            if (c == '#' || c == '!') {
                skip_to_line_end(reader);
                continue;
            }
            reader->begun_line = line;
        }
        if (!is_line_end(c)) {
            reader->logical[reader->logical_n++] = c;
            backslash = c == '\\' && !backslash;
            continue;
        }
        if (reader->logical_n > 0 && !backslash) {
            return true;
        }
        if (backslash) {
            reader->logical_n--;
            backslash = false;
        }
        skip_blanks(reader);
    }
    if (backslash) {
        reader->logical_n--;
    }
    return reader->logical_n > 0;
}

/* Up to the first separator that no backslash takes away. */
static size_t key_bytes(struct kh_str line)
{
    bool backslash = false;
    size_t i = 0;

    for (; i < line.n; i++) {
        char c = line.p[i];
        if (!backslash && (c == '=' || c == ':' || is_blank(c))) {
            break;
        }
        backslash = c == '\\' && !backslash;
    }
    return i;
}

static size_t value_start(struct kh_str line, size_t key_n)
{
    size_t i = key_n;

    while (i < line.n && is_blank(line.p[i])) {
        i++;
    }
    if (i < line.n && (line.p[i] == '=' || line.p[i] == ':')) {
        i++;
    }
    while (i < line.n && is_blank(line.p[i])) {
        i++;
    }
    return i;
}

/* Does a backslash make text.p[i] a plain character? */
static bool is_escaped(struct kh_str text, size_t i)
{
    size_t backslashes = 0;

    while (backslashes < i && text.p[i - backslashes - 1] == '\\') {
        backslashes++;
    }
    return backslashes % 2 == 1;
}

static struct kh_str without_blanks_at_end(struct kh_str text)
{
    while (text.n > 0 && is_blank(text.p[text.n - 1]) && !is_escaped(text, text.n - 1)) {
        text.n--;
    }
    return text;
}

/* Append one UTF-16 unit, as \u gives them. */
static void put_unit(struct piece *piece, uint32_t unit)
{
    bool is_high = unit >= 0xd800 && unit <= 0xdbff;
    bool is_low = unit >= 0xdc00 && unit <= 0xdfff;
    uint32_t high = piece->high;

    piece->high = 0;
    if (high != 0 && is_low) {
        unit = 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00);
    } else if (high != 0) {
        piece->n += kh_utf8_encode(KH_UTF8_REPLACEMENT, piece->p + piece->n);
    }
    if (is_high) {
        piece->high = unit;
        return;
    }
    piece->n += kh_utf8_encode(unit, piece->p + piece->n);
}

static void put_byte(struct piece *piece, char c)
{
    if (piece->high != 0) {
        piece->high = 0;
        piece->n += kh_utf8_encode(KH_UTF8_REPLACEMENT, piece->p + piece->n);
    }
    piece->p[piece->n++] = c;
}

/* The four digits after \u; false if they are not four. */
static bool read_unit(struct kh_str digits, uint32_t *unit)
{
    *unit = 0;
    if (digits.n < 4) {
        return false;
    }
    for (size_t i = 0; i < 4; i++) {
        char c = digits.p[i];
        uint32_t digit;
        if (c >= '0' && c <= '9') {
            digit = (uint32_t)(c - '0');
        } else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) {
            digit = (uint32_t)((c | 0x20) - 'a') + 10;
        } else {
            return false;
        }
        *unit = *unit << 4 | digit;
    }
    return true;
}

static char plain_escape(char c)
{
    switch (c) {
    case 't':
        return '\t';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 'f':
        return '\f';
    default:
        return c;
    }
}

/* Resolve the escapes of raw; false at a malformed \u. */
static bool resolve(struct kh_str raw, struct kh_arena *arena, struct kh_str *resolved)
{
    struct piece piece = {.p = kh_arena_new(arena, raw.n + KH_UTF8_BYTES_MAX)};

    for (size_t i = 0; i < raw.n; i++) {
        uint32_t unit;
        if (raw.p[i] != '\\' || i + 1 == raw.n) {
            put_byte(&piece, raw.p[i]);
            continue;
        }
        i++;
        if (raw.p[i] != 'u') {
            put_byte(&piece, plain_escape(raw.p[i]));
            continue;
        }
        if (!read_unit(kh_str_of(raw.p + i + 1, raw.n - i - 1), &unit)) {
            return false;
        }
        put_unit(&piece, unit);
        i += 4;
    }
    if (piece.high != 0) {
        piece.n += kh_utf8_encode(KH_UTF8_REPLACEMENT, piece.p + piece.n);
    }
    kh_assert(piece.n <= raw.n);
    *resolved = kh_str_of(piece.p, piece.n);
    return true;
}

static bool read_entry(const struct reader *reader, struct kh_arena *arena,
                       struct kh_property *property)
{
    struct kh_str line = kh_str_of(reader->logical, reader->logical_n);
    size_t key_n = key_bytes(line);
    size_t start = value_start(line, key_n);
    struct kh_str raw = kh_str_of(line.p + start, line.n - start);
    struct kh_str value = without_blanks_at_end(raw);

    property->line = reader->begun_line;
    property->trimmed = value.n < raw.n;
    return resolve(kh_str_of(line.p, key_n), arena, &property->key) &&
           resolve(value, arena, &property->value);
}

static void append(struct kh_properties *properties, size_t *capacity, struct kh_arena *arena,
                   const struct kh_property *property)
{
    if (properties->n == *capacity) {
        size_t grown = kh_mem_grown(*capacity, properties->n + 1);
        struct kh_property *items = kh_arena_new(arena, grown * sizeof(*items));
        if (properties->n > 0) {
            memcpy(items, properties->items, properties->n * sizeof(*items));
        }
        properties->items = items;
        *capacity = grown;
    }
    properties->items[properties->n++] = *property;
}

static struct kh_str utf8_from_latin1(struct kh_str text, struct kh_arena *arena)
{
    char *p = kh_arena_new(arena, 2 * text.n + KH_UTF8_BYTES_MAX);
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++) {
        n += kh_utf8_encode((unsigned char)text.p[i], p + n);
    }
    kh_assert(n <= 2 * text.n);
    return kh_str_of(p, n);
}

enum kh_rc kh_properties_parse(struct kh_properties *properties, struct kh_str text,
                               struct kh_arena *arena, struct kh_err *err)
{
    const struct kh_str byte_order_mark = KH_STR("\xef\xbb\xbf");
    size_t capacity = 0;

    *properties = (struct kh_properties){0};
    if (text.n > KH_PROPERTIES_BYTES_MAX) {
        return kh_fail(err, KH_TOOBIG,
                       "has more than the %zu bytes that a properties file may have",
                       KH_PROPERTIES_BYTES_MAX);
    }
    if (kh_str_starts(text, byte_order_mark)) {
        text = kh_str_of(text.p + byte_order_mark.n, text.n - byte_order_mark.n);
    }
    if (!kh_utf8_valid(text)) {
        properties->latin1 = true;
        text = utf8_from_latin1(text, arena);
    }
    struct reader reader = {.text = text, .line = 1, .logical = kh_arena_new(arena, text.n + 1)};
    while (next_line(&reader)) {
        struct kh_property property;
        if (!read_entry(&reader, arena, &property)) {
            properties->bad_line = reader.begun_line;
            return kh_fail(err, KH_INVALID, "\\u is not followed by four hexadecimal digits");
        }
        append(properties, &capacity, arena, &property);
    }
    return KH_OK;
}
