#include "source/source.h"

#include "base/assert.h"
#include "source/drivers.h"

static const struct kh_source_driver *const DRIVERS[] = {
    &kh_source_kinesis,
    &kh_source_file,
};

#define DRIVERS_N (sizeof(DRIVERS) / sizeof(DRIVERS[0]))

enum kh_rc kh_source_open(struct kh_source **source, const struct kh_source_config *config,
                          struct kh_err *err)
{
    struct kh_str scheme;
    struct kh_str rest;

    kh_assert(config->where != NULL);
    kh_assert(config->loop != NULL);
    if (!kh_str_cut(kh_str(config->where), ':', &scheme, &rest)) {
        rest = (struct kh_str){"", 0};
    }
    for (size_t i = 0; i < DRIVERS_N; i++) {
        if (kh_str_eq(scheme, kh_str(DRIVERS[i]->scheme))) {
            enum kh_rc rc = DRIVERS[i]->open(source, config, rest, err);

            kh_assert(rc != KH_OK || (*source)->driver == DRIVERS[i]);
            return rc;
        }
    }
    return kh_fail(err, KH_INVALID, "source %s: unknown kind; known are kinesis and file:DIR",
                   config->where);
}

bool kh_source_identify(struct kh_source *source, kh_source_identified *identified, void *arg)
{
    kh_assert(identified != NULL);
    if (source->driver->identify == NULL) {
        return false;
    }
    source->driver->identify(source, identified, arg);
    return true;
}

void kh_source_list(struct kh_source *source, uint64_t ticket, enum kh_shard_filter filter,
                    int64_t wall_ms)
{
    source->driver->list(source, ticket, filter, wall_ms);
}

void kh_source_begin(struct kh_source *source, struct kh_str shard, uint64_t ticket,
                     const struct kh_position *position, const struct kh_extseq *skip_to)
{
    source->driver->begin(source, shard, ticket, position, skip_to);
}

void kh_source_fetch(struct kh_source *source, struct kh_str shard, uint64_t ticket, uint32_t limit)
{
    kh_assert(limit > 0);
    source->driver->fetch(source, shard, ticket, limit);
}

void kh_source_end(struct kh_source *source, struct kh_str shard)
{
    source->driver->end(source, shard);
}

void kh_source_close(struct kh_source *source)
{
    if (source != NULL) {
        source->driver->close(source);
    }
}
