/* An item of the lease table; one that is a lease is written and read again. */
#include <string.h>

#include "base/assert.h"
#include "tests/fuzz/fuzz.h"
#include "wire/lease_item.h"

#define ITEM_BYTES_MAX ((size_t)1 << 20)

const char *const fuzz_corpus = "lease_item";

static void check_lease(const struct kh_lease *lease)
{
    struct kh_lease again;
    struct kh_json_writer writer;
    struct kh_json *root = NULL;
    struct kh_buf text;
    struct kh_err err;

    kh_buf_init(&text, ITEM_BYTES_MAX);
    kh_json_begin(&writer, &text);
    kh_lease_item_write(&writer, lease);
    kh_assert(kh_json_end(&writer) == KH_OK);
    kh_assert(kh_json_parse(&root, kh_buf_str(&text), NULL) == KH_OK);
    kh_assert(kh_lease_item_read(root, &again, &err) == KH_ITEM_LEASE);
    kh_assert(strcmp(again.key, lease->key) == 0);
    kh_assert(strcmp(again.owner, lease->owner) == 0);
    kh_assert(again.counter == lease->counter);
    kh_assert(kh_extseq_same(&again.checkpoint, &lease->checkpoint));
    kh_assert(again.parents_n == lease->parents_n);
    kh_assert(again.children_n == lease->children_n);
    kh_json_free(root);
    kh_buf_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    struct kh_json *root = NULL;
    struct kh_lease lease;
    struct kh_err err;

    if (kh_json_parse(&root, kh_str_of((const char *)bytes, n), &err) == KH_OK) {
        if (kh_lease_item_read(root, &lease, &err) == KH_ITEM_LEASE) {
            check_lease(&lease);
        }
    }
    kh_json_free(root);
    return 0;
}
