#include "wire/shard_scan.h"

#include "base/assert.h"

static bool is_digits(struct kh_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9') {
            return false;
        }
    }
    return text.n > 0;
}

static bool is_shard_id(struct kh_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '.' && c != '-') {
            return false;
        }
    }
    return text.n > 0;
}

/* What a member may hold, and what to say when it does not. */
struct kind {
    bool (*is_good)(struct kh_str text);
    const char *expected;
};

static const struct kind shard_id = {is_shard_id, "a shard id"};
static const struct kind hash_key = {is_digits, "a hash key"};
static const struct kind seqno = {is_digits, "a sequence number"};

/* One string into an array of ours; null gives "". */
static void take_bounded(struct kh_scan *scan, struct kh_arena *arena, const struct kind *kind,
                         char *to, size_t to_bytes)
{
    struct kh_scan_text text;

    to[0] = '\0';
    (void)kh_scan_peek(scan);
    const char *at = scan->at;
    if (!kh_scan_optional(scan, &text) || text.raw.p == NULL) {
        return;
    }
    struct kh_str value = kh_scan_unescape(&text, arena);
    if (!kind->is_good(value) || !kh_str_copy(to, to_bytes, value)) {
        (void)kh_scan_refuse(scan, at, kind->expected);
    }
}

static void take_hash_range(struct kh_scan *scan, struct kh_arena *arena,
                            struct kh_hash_range *range)
{
    struct kh_scan_text name;

    *range = (struct kh_hash_range){0};
    if (kh_scan_null(scan) || !kh_scan_open(scan, '{')) {
        return;
    }
    for (bool first = true; kh_scan_member(scan, &first, &name);) {
        if (kh_scan_text_is(&name, "StartingHashKey")) {
            take_bounded(scan, arena, &hash_key, range->start, sizeof(range->start));
        } else if (kh_scan_text_is(&name, "EndingHashKey")) {
            take_bounded(scan, arena, &hash_key, range->end, sizeof(range->end));
        } else {
            (void)kh_scan_skip(scan, NULL);
        }
    }
}

static void take_seq_range(struct kh_scan *scan, struct kh_arena *arena, struct kh_shard *shard)
{
    struct kh_scan_text name;
    char ending[KH_SEQNO_DIGITS_MAX + 1] = "";

    shard->start_seq[0] = '\0';
    shard->open = true;
    if (kh_scan_null(scan) || !kh_scan_open(scan, '{')) {
        return;
    }
    for (bool first = true; kh_scan_member(scan, &first, &name);) {
        if (kh_scan_text_is(&name, "StartingSequenceNumber")) {
            take_bounded(scan, arena, &seqno, shard->start_seq, sizeof(shard->start_seq));
        } else if (kh_scan_text_is(&name, "EndingSequenceNumber")) {
            take_bounded(scan, arena, &seqno, ending, sizeof(ending));
        } else {
            (void)kh_scan_skip(scan, NULL);
        }
    }
    shard->open = ending[0] == '\0';
}

static void take_parents(struct kh_scan *scan, struct kh_arena *arena, struct kh_shard *shard)
{
    shard->parents_n = 0;
    if (kh_scan_null(scan) || !kh_scan_open(scan, '[')) {
        return;
    }
    for (bool first = true; kh_scan_item(scan, &first);) {
        (void)kh_scan_peek(scan);
        const char *at = scan->at;
        if (shard->parents_n == KH_PARENTS_MAX) {
            (void)kh_scan_refuse(scan, at, "at most two parents");
            break;
        }
        char *parent = shard->parents[shard->parents_n];
        take_bounded(scan, arena, &shard_id, parent, sizeof(shard->parents[0]));
        shard->parents_n += parent[0] != '\0' ? 1 : 0;
    }
}

/* A parent of a shard from ListShards. */
static void add_parent(struct kh_shard *shard, const char *parent)
{
    if (parent[0] != '\0' && shard->parents_n < KH_PARENTS_MAX) {
        bool fits = kh_str_copy(shard->parents[shard->parents_n], sizeof(shard->parents[0]),
                                kh_str(parent));
        kh_assert(fits);
        shard->parents_n++;
    }
}

bool kh_shard_scan(struct kh_scan *scan, struct kh_arena *arena, struct kh_shard *shard)
{
    struct kh_scan_text name;
    char parent[KH_SHARD_ID_MAX + 1] = "";
    char adjacent[KH_SHARD_ID_MAX + 1] = "";

    *shard = (struct kh_shard){.open = true};
    (void)kh_scan_peek(scan);
    const char *at = scan->at;
    if (!kh_scan_open(scan, '{')) {
        return false;
    }
    for (bool first = true; kh_scan_member(scan, &first, &name);) {
        if (kh_scan_text_is(&name, "ShardId")) {
            take_bounded(scan, arena, &shard_id, shard->id, sizeof(shard->id));
        } else if (kh_scan_text_is(&name, "ParentShardId")) {
            take_bounded(scan, arena, &shard_id, parent, sizeof(parent));
        } else if (kh_scan_text_is(&name, "AdjacentParentShardId")) {
            take_bounded(scan, arena, &shard_id, adjacent, sizeof(adjacent));
        } else if (kh_scan_text_is(&name, "ParentShards")) {
            take_parents(scan, arena, shard);
        } else if (kh_scan_text_is(&name, "HashKeyRange")) {
            take_hash_range(scan, arena, &shard->range);
        } else if (kh_scan_text_is(&name, "SequenceNumberRange")) {
            take_seq_range(scan, arena, shard);
        } else {
            (void)kh_scan_skip(scan, NULL);
        }
    }
    if (kh_scan_failed(scan)) {
        return false;
    }
    if (shard->id[0] == '\0') {
        return kh_scan_refuse(scan, at, "a shard with a ShardId");
    }
    if (shard->parents_n == 0) {
        add_parent(shard, parent);
        add_parent(shard, adjacent);
    }
    return true;
}
