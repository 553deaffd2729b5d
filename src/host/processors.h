/* processors: the record processor children, by the numbers the core knows them by.
 *
 * Shape   the core's CHILD_* commands become processes and lines; lines and exits become events.
 * Units   none.
 * Errors  a child that cannot be started is an event like one that exited.
 * Memory  owns the children; on_event borrows its event.
 * Truth   own design.
 */
#ifndef KH_HOST_PROCESSORS_H
#define KH_HOST_PROCESSORS_H

#include "base/map.h"
#include "config/settings.h"
#include "core/cmd.h"
#include "core/event.h"
#include "io/loop.h"
#include "wire/record.h"

struct kh_processors {
    struct kh_loop *loop;               /* borrowed */
    const struct kh_settings *settings; /* borrowed */
    const char *worker_id;              /* borrowed */
    void (*on_event)(void *arg, const struct kh_event *event);
    void *arg;
    struct kh_map by_number; /* number as 4 bytes -> struct processor, owned */
};

/* The other members are set by the caller. To be called before there are threads. */
void kh_processors_init(struct kh_processors *processors);
void kh_processors_fini(struct kh_processors *processors); /* kills whoever is left */

/* False if the child cannot be started: the caller owes the core a CHILD_EXITED. */
bool kh_processors_start(struct kh_processors *processors, const struct kh_cmd *cmd) KH_MUST_USE;

/* Carry out CHILD_SEND (batch for PROCESS_RECORDS, NULL for an empty one), _ACK, _CLOSE or
 * _SIGNAL. */
void kh_processors_carry(struct kh_processors *processors, const struct kh_cmd *cmd,
                         const struct kh_batch *batch);

#endif
