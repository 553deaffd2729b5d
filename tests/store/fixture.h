/* fixture: one lease store of each kind, and talking to it as if it answered at once.
 *
 * Shape   `kind` is the store under test. side_open gives a store on this test's own table; two
 *         sides are two workers. run submits and waits; submit and wait_for do the two separately.
 * Units   ms.
 * Errors  the test fails.
 * Memory  sides are the caller's; answers and lists are copies that live as long as their side.
 * Truth   src/store/store.h.
 */
#ifndef KH_TESTS_STORE_FIXTURE_H
#define KH_TESTS_STORE_FIXTURE_H

#include <check.h>

#include "base/buf.h"
#include "base/time.h"
#include "store/store.h"

#define ANSWER_MS_MAX KH_SECONDS(60)
#define ANSWERS_MAX   512

enum kind { KIND_MEMORY, KIND_SQLITE, KIND_DYNAMODB };

extern enum kind kind;
extern struct kh_loop *loop;
extern char sqlite_path[128]; /* KIND_SQLITE: the file, in a folder of its own */
extern char table_name[64];   /* this test's own table */
extern char state_name[96];   /* and the names of those of KCL 3.0 to 3.4 beside it */
extern char stats_name[96];
extern struct kh_aws_client *dynamodb; /* KIND_DYNAMODB */

void fixture_setup(void);
void fixture_teardown(void);

/* Instead of both, for a helper process of a test: that test's own file and table. */
void fixture_attach(const char *path, const char *table);

struct side {
    struct kh_store *store;
    bool ensured;
    struct kh_err ensure_err;
    struct kh_lease_answer answers[ANSWERS_MAX]; /* in order of arrival */
    size_t answers_n;
    size_t awaited_n;             /* loop runs until so many have come */
    struct kh_lease *leases;      /* owned; of the newest LIST */
    struct kh_coord_answer coord; /* the newest; its lists are owned */
    bool coord_answered;
};

/* Open without ensure; the caller changes config first if it wants to. */
struct kh_store_config side_config(struct side *side);
enum kh_rc side_try(struct side *side, const struct kh_store_config *config, struct kh_err *err);
enum kh_rc side_ensure(struct side *side);

/* Open, create the table if it is missing. */
void side_open(struct side *side);
void side_close(struct side *side);

void submit(struct side *side, const struct kh_lease_op *op);
/* Until n answers have come since the side was opened or reset. */
void wait_for(struct side *side, size_t n);
const struct kh_lease_answer *run(struct side *side, const struct kh_lease_op *op);

/* The same for what the fleet stores; the answer lives until the next one. */
const struct kh_coord_answer *run_coord(struct side *side, const struct kh_coord_op *op);

struct kh_lease_op get_op(const char *key);
struct kh_lease_op create_op(const struct kh_lease *lease);
struct kh_lease_op update_op(const char *key);
struct kh_lease_op delete_op(const char *key);

void create(struct side *side, const struct kh_lease *lease);
struct kh_lease get(struct side *side, const char *key); /* it is there */
const struct kh_lease_answer *list(struct side *side);

/* Put something into the table behind the store's back. False: this kind cannot hold such a
 * thing. */
bool plant_attribute(const char *key); /* one that no KCL knows, beside a lease's own */
bool has_planted_attribute(const char *key);
bool plant_malformed(const char *key); /* a row without a usable checkpoint */
bool plant_foreign(const char *key);   /* an item of another kind */
bool plant_item(const char *item);     /* {"leaseKey":{"S":"…"},…} as it stands there */

/* KIND_DYNAMODB: one request, its body and the answer's, status 2xx (asserted). */
void dynamodb_call(const char *operation, const char *body, struct kh_buf *answer);
/* KIND_SQLITE: statements on the file. */
void sqlite_exec(const char *sql);

#endif
