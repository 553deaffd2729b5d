#include "wire/attribute.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

#define DOUBLE_MAX 1e15 /* so that every value is a plain decimal */

static void put_typed(struct kh_json_writer *writer, const char *type, struct kh_str value)
{
    kh_json_open_object(writer);
    kh_json_key(writer, type);
    kh_json_put_str(writer, value);
    kh_json_close_object(writer);
}

void kh_attribute_put_text(struct kh_json_writer *writer, struct kh_str value)
{
    put_typed(writer, "S", value);
}

void kh_attribute_put_i64(struct kh_json_writer *writer, int64_t value)
{
    char digits[24];

    (void)snprintf(digits, sizeof(digits), "%lld", (long long)value);
    put_typed(writer, "N", kh_str(digits));
}

void kh_attribute_put_u64(struct kh_json_writer *writer, uint64_t value)
{
    char digits[24];

    (void)snprintf(digits, sizeof(digits), "%llu", (unsigned long long)value);
    put_typed(writer, "N", kh_str(digits));
}

void kh_attribute_put_double(struct kh_json_writer *writer, double value)
{
    char text[40];
    size_t n;

    kh_assert(value >= -DOUBLE_MAX);
    kh_assert(value <= DOUBLE_MAX);
    n = (size_t)snprintf(text, sizeof(text), "%.6f", value);
    kh_assert(n < sizeof(text));
    while (text[n - 1] == '0') {
        n--;
    }
    if (text[n - 1] == '.') {
        n--;
    }
    put_typed(writer, "N", kh_str_of(text, n));
}

void kh_attribute_put_member(struct kh_json_writer *writer, const char *name, const char *value)
{
    kh_json_key(writer, name);
    kh_json_put_str(writer, kh_str(value));
}

void kh_attribute_put_key(struct kh_json_writer *writer, const char *name, const char *attribute,
                          struct kh_str key)
{
    kh_json_key(writer, name);
    kh_json_open_object(writer);
    kh_json_key(writer, attribute);
    put_typed(writer, "S", key);
    kh_json_close_object(writer);
}

void kh_attribute_put_alias(struct kh_json_writer *writer, const char *name)
{
    char alias[64];

    (void)snprintf(alias, sizeof(alias), "#%s", name);
    kh_json_key(writer, alias);
    kh_json_put_str(writer, kh_str(name));
}

void kh_attribute_refuse(struct kh_attribute_reader *reader, const char *name, const char *what)
{
    if (reader->rc == KH_OK) {
        reader->rc =
            kh_fail(reader->err, KH_INVALID, "%s %s: %s %s", reader->what, reader->key, name, what);
    }
}

const struct kh_json *kh_attribute_find(struct kh_attribute_reader *reader, const char *name,
                                        const char *type)
{
    const struct kh_json *attribute = kh_json_get(reader->item, name);
    const struct kh_json *value = kh_json_get(attribute, type);

    if (attribute != NULL && value == NULL) {
        char what[40];

        (void)snprintf(what, sizeof(what), "is not of type %s", type);
        kh_attribute_refuse(reader, name, what);
    }
    return value;
}

bool kh_attribute_is_plain(struct kh_str text)
{
    return text.n > 0 && memchr(text.p, '\0', text.n) == NULL;
}

void kh_attribute_text(struct kh_attribute_reader *reader, const char *name, char *dst,
                       size_t dst_bytes)
{
    const struct kh_json *value = kh_attribute_find(reader, name, "S");
    struct kh_str text;

    if (value == NULL) {
        return;
    }
    if (!kh_json_str(value, &text) || !kh_attribute_is_plain(text)) {
        kh_attribute_refuse(reader, name, "is empty or not text");
    } else if (!kh_str_copy(dst, dst_bytes, text)) {
        kh_attribute_refuse(reader, name, "is too long");
    }
}

bool kh_attribute_i64(struct kh_attribute_reader *reader, const char *name, int64_t *number)
{
    const struct kh_json *value = kh_attribute_find(reader, name, "N");
    struct kh_str text;

    if (value == NULL) {
        return false;
    }
    if (!kh_json_str(value, &text) || !kh_str_i64(text, number)) {
        kh_attribute_refuse(reader, name, "is not a whole number of 64 bits");
    }
    return true;
}

bool kh_attribute_double(const struct kh_json *value, double *number)
{
    char copy[64];
    char *end = copy;
    struct kh_str text;
    double read = 0;

    if (!kh_json_str(value, &text) || !kh_attribute_is_plain(text) ||
        !kh_str_copy(copy, sizeof(copy), text)) {
        return false;
    }
    read = strtod(copy, &end);
    if (end == copy || *end != '\0' || !(read >= -DOUBLE_MAX) || read > DOUBLE_MAX) {
        return false;
    }
    *number = read;
    return true;
}
