#include "core/assign.h"

#include <string.h>

#include "base/mem.h"

void kh_wishes_init(struct kh_wishes *wishes)
{
    *wishes = (struct kh_wishes){0};
}

void kh_wishes_fini(struct kh_wishes *wishes)
{
    kh_mem_free(wishes->items);
    *wishes = (struct kh_wishes){0};
}

void kh_wishes_add(struct kh_wishes *wishes, struct kh_wish wish)
{
    if (wishes->n == wishes->capacity) {
        wishes->capacity = kh_mem_grown(wishes->capacity, wishes->n + 1);
        wishes->items = kh_mem_resize(wishes->items, wishes->capacity, sizeof(*wishes->items));
    }
    wishes->items[wishes->n++] = wish;
}

bool kh_assign_is_busy(const struct kh_assign_self *self, const struct kh_table_row *row)
{
    return row->taking || kh_map_get(self->held, kh_str(row->lease.key)) != NULL;
}

bool kh_assign_is_shunned(const struct kh_assign_self *self, const struct kh_table_row *row)
{
    return self->seen_at_ms < row->shunned_until_ms;
}

bool kh_assign_is_ours(const struct kh_assign_self *self, const struct kh_table_row *row)
{
    return kh_assign_is_busy(self, row) ||
           strcmp(row->lease.owner, self->ctx->config.worker_id) == 0;
}

/* "1/3"; false if it is none. */
static bool parse_share(struct kh_str text, uint64_t *share, uint64_t *of_n)
{
    struct kh_str first;
    struct kh_str rest;

    return kh_str_cut(text, '/', &first, &rest) && kh_str_u64(first, share) &&
           kh_str_u64(rest, of_n);
}

static enum kh_rc pin_init(struct kh_assignment *assignment, const char *text, struct kh_err *err)
{
    uint64_t share;
    uint64_t of_n;
    enum kh_rc rc;

    if (parse_share(kh_str(text), &share, &of_n)) {
        if (share < 1 || share > of_n || of_n > UINT32_MAX) {
            return kh_fail(err, KH_INVALID,
                           "\"%s\" is no share: write 1/3, 2/3 or 3/3 for one third", text);
        }
        assignment->pin.share = (uint32_t)share;
        assignment->pin.of_n = (uint32_t)of_n;
        return KH_OK;
    }
    if (text[0] == '\0') {
        return kh_fail(err, KH_INVALID,
                       "\"pinned:\" names nothing: add a regular expression for "
                       "shard ids, or a share such as 1/3");
    }
    rc = kh_pattern_init(&assignment->pin.pattern, text, err);
    assignment->has_pattern = rc == KH_OK;
    return rc;
}

enum kh_rc kh_assignment_init(struct kh_assignment *assignment, const char *setting,
                              struct kh_err *err)
{
    static const struct {
        const char *name; /* with a colon: more follows */
        kh_assign_policy *taking;
        kh_assign_policy *leading;
    } policies[] = {
        {"", kh_assign_balanced, kh_assign_utilization},
        {"balanced", kh_assign_balanced, kh_assign_counted},
        {"utilization", kh_assign_balanced, kh_assign_utilization},
        {"pinned:", kh_assign_pinned, NULL},
        {"none", kh_assign_none, NULL},
    };

    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
        const struct kh_str name = kh_str(policies[i].name);
        const bool more = kh_str_ends(name, KH_STR(":"));

        if (more ? !kh_str_starts(kh_str(setting), name) : !kh_str_eq(kh_str(setting), name)) {
            continue;
        }
        *assignment =
            (struct kh_assignment){.taking = policies[i].taking, .leading = policies[i].leading};
        return more ? pin_init(assignment, setting + name.n, err) : KH_OK;
    }
    return kh_fail(err, KH_INVALID,
                   "\"%s\" is no assignment: write balanced, utilization, pinned:PATTERN or none",
                   setting);
}

void kh_assignment_fini(struct kh_assignment *assignment)
{
    if (assignment->has_pattern) {
        kh_pattern_fini(&assignment->pin.pattern);
    }
}
