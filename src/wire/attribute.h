/* attribute: values of DynamoDB items, written and read.
 *
 * Shape   one writer a type, {"S":"text"} and the like. A reader walks one item; each function
 *         leaves rc alone while its attribute is in order, so that an item is read without a test
 *         after every line.
 * Units   none.
 * Errors  reading: the first fault is told, "<what> <key>: <attribute> …", as KH_INVALID. An
 *         attribute that is absent is none.
 * Memory  borrows everything.
 * Truth   DynamoDB's AttributeValue: a number is a string of decimal digits.
 */
#ifndef KH_WIRE_ATTRIBUTE_H
#define KH_WIRE_ATTRIBUTE_H

#include "base/err.h"
#include "wire/json.h"

void kh_attribute_put_text(struct kh_json_writer *writer, struct kh_str value);
void kh_attribute_put_i64(struct kh_json_writer *writer, int64_t value);
void kh_attribute_put_u64(struct kh_json_writer *writer, uint64_t value);
/* To six decimals, as KCL rounds; no exponent and no comma, so that every reader takes it. Within
 * ±1e15 (asserted). */
void kh_attribute_put_double(struct kh_json_writer *writer, double value);

/* An item's members beside its values: "name":"value", and "name":{"attribute":{"S":"key"}}. */
void kh_attribute_put_member(struct kh_json_writer *writer, const char *name, const char *value);
void kh_attribute_put_key(struct kh_json_writer *writer, const char *name, const char *attribute,
                          struct kh_str key);
/* "#name":"name" */
void kh_attribute_put_alias(struct kh_json_writer *writer, const char *name);

struct kh_attribute_reader {
    const struct kh_json *item;
    const char *what; /* for the sentence: "lease" */
    const char *key;
    enum kh_rc rc;
    struct kh_err *err; /* may be NULL */
};

void kh_attribute_refuse(struct kh_attribute_reader *reader, const char *name, const char *what);

/* The attribute's value of the type wanted; NULL if it is absent, or refused. */
const struct kh_json *kh_attribute_find(struct kh_attribute_reader *reader, const char *name,
                                        const char *type);

/* Text that is not empty and has no NUL; dst stays as it is when it is absent. */
void kh_attribute_text(struct kh_attribute_reader *reader, const char *name, char *dst,
                       size_t dst_bytes);
bool kh_attribute_is_plain(struct kh_str text);

/* A whole number that fits Java's long; false if it is absent. */
bool kh_attribute_i64(struct kh_attribute_reader *reader, const char *name, int64_t *number);

/* What stands behind "N": a finite number within ±1e15. */
bool kh_attribute_double(const struct kh_json *value, double *number) KH_MUST_USE;

#endif
