#include "wire/scan.h"

#include <string.h>

#include "base/assert.h"
#include "wire/utf8.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int hex_value(char c)
{
    if (is_digit(c)) {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void skip_blanks(struct kh_scan *scan)
{
    while (scan->at < scan->end &&
           (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\r' || *scan->at == '\t')) {
        scan->at++;
    }
}

void kh_scan_init(struct kh_scan *scan, struct kh_str text, unsigned depth_max)
{
    const char *start = text.n > 0 ? text.p : "";

    kh_assert(depth_max <= KH_SCAN_DEPTH_MAX);
    *scan = (struct kh_scan){
        .start = start, .at = start, .end = start + text.n, .depth_max = depth_max};
}

bool kh_scan_failed(const struct kh_scan *scan)
{
    return scan->expected != NULL;
}

bool kh_scan_refuse(struct kh_scan *scan, const char *at, const char *expected)
{
    if (!kh_scan_failed(scan)) {
        kh_assert(at >= scan->start && at <= scan->end);
        scan->at = at;
        scan->expected = expected;
    }
    return false;
}

enum kh_rc kh_scan_error(const struct kh_scan *scan, struct kh_err *err, const char *what)
{
    kh_assert(kh_scan_failed(scan));
    return kh_fail(err, KH_INVALID, "%s: expected %s at byte %zu", what, scan->expected,
                   (size_t)(scan->at - scan->start) + 1);
}

enum kh_scan_type kh_scan_peek(struct kh_scan *scan)
{
    if (kh_scan_failed(scan)) {
        return KH_SCAN_NOTHING;
    }
    skip_blanks(scan);
    if (scan->at == scan->end) {
        return KH_SCAN_NOTHING;
    }
    switch (*scan->at) {
    case '"':
        return KH_SCAN_STRING;
    case '{':
        return KH_SCAN_OBJECT;
    case '[':
        return KH_SCAN_ARRAY;
    case 't':
        return KH_SCAN_TRUE;
    case 'f':
        return KH_SCAN_FALSE;
    case 'n':
        return KH_SCAN_NULL;
    default:
        return *scan->at == '-' || is_digit(*scan->at) ? KH_SCAN_NUMBER : KH_SCAN_NOTHING;
    }
}

/* Take c if it comes next, after blanks. */
static bool take(struct kh_scan *scan, char c)
{
    skip_blanks(scan);
    if (scan->at == scan->end || *scan->at != c) {
        return false;
    }
    scan->at++;
    return true;
}

bool kh_scan_open(struct kh_scan *scan, char bracket)
{
    kh_assert(bracket == '{' || bracket == '[');
    if (kh_scan_failed(scan)) {
        return false;
    }
    if (!take(scan, bracket)) {
        return kh_scan_refuse(scan, scan->at, bracket == '{' ? "an object" : "an array");
    }
    if (scan->depth == scan->depth_max) {
        return kh_scan_refuse(scan, scan->at - 1, "less nesting");
    }
    scan->depth++;
    return true;
}

/* Take the closing bracket, or what has to stand before the next piece: nothing, or a comma. */
static bool go_on(struct kh_scan *scan, bool *first, char bracket, const char *expected)
{
    if (kh_scan_failed(scan)) {
        return false;
    }
    kh_assert(scan->depth > 0);
    if (take(scan, bracket)) {
        scan->depth--;
        return false;
    }
    if (!*first && !take(scan, ',')) {
        return kh_scan_refuse(scan, scan->at, expected);
    }
    *first = false;
    return true;
}

bool kh_scan_member(struct kh_scan *scan, bool *first, struct kh_scan_text *name)
{
    struct kh_scan_text unwanted;

    if (!go_on(scan, first, '}', "',' or '}'")) {
        return false;
    }
    if (kh_scan_peek(scan) != KH_SCAN_STRING) {
        return kh_scan_refuse(scan, scan->at, "a member's name");
    }
    if (!kh_scan_string(scan, name != NULL ? name : &unwanted)) {
        return false;
    }
    return take(scan, ':') || kh_scan_refuse(scan, scan->at, "':'");
}

bool kh_scan_item(struct kh_scan *scan, bool *first)
{
    return go_on(scan, first, ']', "',' or ']'");
}

/* The first byte that a string does not simply go on with: '"', '\' or a control; or end. Eight
 * bytes at a time: this is where most bytes of a GetRecords answer pass. */
static const char *find_stop(const char *p, const char *end)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);

    for (uint64_t word = 0; (size_t)(end - p) >= sizeof(word); p += sizeof(word)) {
        memcpy(&word, p, sizeof(word));
        uint64_t quote = word ^ ones * '"';
        uint64_t backslash = word ^ ones * '\\';
        uint64_t found = ((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) |
                         ((backslash - ones) & ~backslash);
        if ((found & ones * 0x80) != 0) {
            break;
        }
    }
    while (p < end && *p != '"' && *p != '\\' && (unsigned char)*p >= 0x20) {
        p++;
    }
    return p;
}

/* One escape, scan->at on its '\'. */
static bool take_escape(struct kh_scan *scan)
{
    const char *p = scan->at + 1;

    if (p < scan->end && *p == 'u') {
        for (int i = 0; i < 4; i++) {
            p++;
            if (p == scan->end || hex_value(*p) < 0) {
                return kh_scan_refuse(scan, p, "a hex digit");
            }
        }
    } else if (p == scan->end || *p == '\0' || strchr("\"\\/bfnrt", *p) == NULL) {
        return kh_scan_refuse(scan, p, "a valid escape");
    }
    scan->at = p + 1;
    return true;
}

bool kh_scan_string(struct kh_scan *scan, struct kh_scan_text *text)
{
    if (kh_scan_failed(scan)) {
        return false;
    }
    if (!take(scan, '"')) {
        return kh_scan_refuse(scan, scan->at, "a string");
    }
    const char *inside = scan->at;
    bool escaped = false;
    for (;;) { /* each round takes at least one byte, or ends it */
        scan->at = find_stop(scan->at, scan->end);
        if (scan->at == scan->end) {
            return kh_scan_refuse(scan, scan->at, "the end of a string");
        }
        if (*scan->at == '"') {
            break;
        }
        if (*scan->at != '\\') {
            return kh_scan_refuse(scan, scan->at, "no control character in a string");
        }
        if (!take_escape(scan)) {
            return false;
        }
        escaped = true;
    }
    if (scan->string_bytes_max != 0 && (size_t)(scan->at - inside) > scan->string_bytes_max) {
        return kh_scan_refuse(scan, inside, "a shorter string");
    }
    *text = (struct kh_scan_text){kh_str_of(inside, (size_t)(scan->at - inside)), escaped};
    scan->at++;
    return true;
}

/* One or more digits. */
static bool take_digits(struct kh_scan *scan)
{
    const char *before = scan->at;

    while (scan->at < scan->end && is_digit(*scan->at)) {
        scan->at++;
    }
    return scan->at > before || kh_scan_refuse(scan, scan->at, "a digit");
}

static bool next_is(const struct kh_scan *scan, char a, char b)
{
    return scan->at < scan->end && (*scan->at == a || *scan->at == b);
}

bool kh_scan_number(struct kh_scan *scan, struct kh_str *token)
{
    if (kh_scan_failed(scan)) {
        return false;
    }
    if (kh_scan_peek(scan) != KH_SCAN_NUMBER) {
        return kh_scan_refuse(scan, scan->at, "a number");
    }
    const char *start = scan->at;
    if (next_is(scan, '-', '-')) {
        scan->at++;
    }
    if (next_is(scan, '0', '0')) {
        scan->at++;
    } else if (!take_digits(scan)) {
        return false;
    }
    if (next_is(scan, '.', '.')) {
        scan->at++;
        if (!take_digits(scan)) {
            return false;
        }
    }
    if (next_is(scan, 'e', 'E')) {
        scan->at++;
        if (next_is(scan, '+', '-')) {
            scan->at++;
        }
        if (!take_digits(scan)) {
            return false;
        }
    }
    *token = kh_str_of(start, (size_t)(scan->at - start));
    return true;
}

static bool take_word(struct kh_scan *scan, struct kh_str word)
{
    if (!kh_str_starts(kh_str_of(scan->at, (size_t)(scan->end - scan->at)), word)) {
        return kh_scan_refuse(scan, scan->at, "a value");
    }
    scan->at += word.n;
    return true;
}

bool kh_scan_null(struct kh_scan *scan)
{
    return kh_scan_peek(scan) == KH_SCAN_NULL && take_word(scan, KH_STR("null"));
}

bool kh_scan_optional(struct kh_scan *scan, struct kh_scan_text *text)
{
    *text = (struct kh_scan_text){0};
    return kh_scan_null(scan) || kh_scan_string(scan, text);
}

/* A whole scalar, or the beginning of an object or an array. */
static bool take_front(struct kh_scan *scan, enum kh_scan_type type)
{
    struct kh_scan_text text;
    struct kh_str token;

    switch (type) {
    case KH_SCAN_STRING:
        return kh_scan_string(scan, &text);
    case KH_SCAN_NUMBER:
        return kh_scan_number(scan, &token);
    case KH_SCAN_TRUE:
        return take_word(scan, KH_STR("true"));
    case KH_SCAN_FALSE:
        return take_word(scan, KH_STR("false"));
    case KH_SCAN_NULL:
        return take_word(scan, KH_STR("null"));
    case KH_SCAN_OBJECT:
        return kh_scan_open(scan, '{');
    case KH_SCAN_ARRAY:
        return kh_scan_open(scan, '[');
    case KH_SCAN_NOTHING:
        break;
    }
    return kh_scan_refuse(scan, scan->at, "a value");
}

/* One bit a level, for the levels that kh_scan_skip opened: is it an array? */
struct levels {
    uint64_t arrays[KH_SCAN_DEPTH_MAX / 64 + 1];
};

static void note_level(struct levels *levels, unsigned depth, bool is_array)
{
    uint64_t bit = UINT64_C(1) << depth % 64;
    uint64_t *word = &levels->arrays[depth / 64];

    *word = is_array ? *word | bit : *word & ~bit;
}

static bool level_is_array(const struct levels *levels, unsigned depth)
{
    return (levels->arrays[depth / 64] >> depth % 64 & 1) != 0;
}

bool kh_scan_skip(struct kh_scan *scan, struct kh_str *raw)
{
    const unsigned bottom = scan->depth;
    struct levels levels = {0};
    bool first = false;

    enum kh_scan_type type = kh_scan_peek(scan);
    const char *start = scan->at;
    while (take_front(scan, type)) { /* each round takes at least one byte */
        if (type == KH_SCAN_OBJECT || type == KH_SCAN_ARRAY) {
            note_level(&levels, scan->depth, type == KH_SCAN_ARRAY);
            first = true;
        }
        /* Close what ends here, until some level has another value to take. */
        while (scan->depth > bottom &&
               !(level_is_array(&levels, scan->depth) ? kh_scan_item(scan, &first)
                                                      : kh_scan_member(scan, &first, NULL))) {
            if (kh_scan_failed(scan)) {
                return false;
            }
            first = false;
        }
        if (scan->depth == bottom) {
            if (raw != NULL) {
                *raw = kh_str_of(start, (size_t)(scan->at - start));
            }
            return true;
        }
        type = kh_scan_peek(scan);
    }
    return false;
}

bool kh_scan_end(struct kh_scan *scan)
{
    if (kh_scan_failed(scan)) {
        return false;
    }
    skip_blanks(scan);
    return scan->at == scan->end || kh_scan_refuse(scan, scan->at, "nothing more");
}

/* The four digits of a \u escape, which the scanner has checked. */
static uint32_t hex4(const char *p)
{
    uint32_t value = 0;

    for (int i = 0; i < 4; i++) {
        value = value << 4 | (uint32_t)hex_value(p[i]);
    }
    return value;
}

/* Cut the first character off rest, which begins with a '\', and give its bytes. */
static size_t resolve_escape(struct kh_str *rest, char bytes[KH_UTF8_BYTES_MAX])
{
    static const char names[] = "bfnrt";
    static const char meanings[] = "\b\f\n\r\t";

    kh_assert(rest->n >= 2);
    if (rest->p[1] != 'u') {
        const char *name = strchr(names, rest->p[1]);
        bytes[0] = name != NULL ? meanings[name - names] : rest->p[1];
        *rest = kh_str_of(rest->p + 2, rest->n - 2);
        return 1;
    }
    kh_assert(rest->n >= 6);
    uint32_t character = hex4(rest->p + 2);
    size_t taken = 6;
    if (character >= 0xd800 && character <= 0xdbff && rest->n >= 12 && rest->p[6] == '\\' &&
        rest->p[7] == 'u') {
        uint32_t low = hex4(rest->p + 8);
        if (low >= 0xdc00 && low <= 0xdfff) {
            character = 0x10000 + ((character - 0xd800) << 10) + (low - 0xdc00);
            taken = 12;
        }
    }
    *rest = kh_str_of(rest->p + taken, rest->n - taken);
    return kh_utf8_encode(character, bytes);
}

/* Cut a piece without escapes, or one escape, off rest; the piece is in rest's own bytes or in
 * `bytes`. */
static struct kh_str next_piece(struct kh_str *rest, char bytes[KH_UTF8_BYTES_MAX])
{
    size_t plain = kh_str_find(*rest, '\\');

    if (plain == 0) {
        return kh_str_of(bytes, resolve_escape(rest, bytes));
    }
    struct kh_str piece = kh_str_of(rest->p, plain);
    *rest = kh_str_of(rest->p + plain, rest->n - plain);
    return piece;
}

bool kh_scan_text_is(const struct kh_scan_text *text, const char *literal)
{
    struct kh_str rest = text->raw;
    struct kh_str want = kh_str(literal);
    char bytes[KH_UTF8_BYTES_MAX];

    if (!text->escaped) {
        return kh_str_eq(rest, want);
    }
    while (rest.n > 0) {
        struct kh_str piece = next_piece(&rest, bytes);
        if (!kh_str_starts(want, piece)) {
            return false;
        }
        want = kh_str_of(want.p + piece.n, want.n - piece.n);
    }
    return want.n == 0;
}

struct kh_str kh_scan_unescape(const struct kh_scan_text *text, struct kh_arena *arena)
{
    struct kh_str rest = text->raw;
    char bytes[KH_UTF8_BYTES_MAX];
    size_t n = 0;

    if (!text->escaped) {
        return rest;
    }
    char *made = kh_arena_new(arena, rest.n); /* no escape is shorter than what it stands for */
    while (rest.n > 0) {
        struct kh_str piece = next_piece(&rest, bytes);
        memcpy(made + n, piece.p, piece.n);
        n += piece.n;
    }
    kh_assert(n <= text->raw.n);
    return kh_str_of(made, n);
}
