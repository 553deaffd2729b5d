/* check: what must always be true, whatever the world does.
 *
 * Shape   each function is called when the thing it judges happens; a broken rule ends the run with
 *         one sentence.
 * Units   virtual milliseconds.
 * Errors  sim_fail() of sim.h, which does not return.
 * Memory  none.
 * Truth   The promises of the project: one owner, no skipped record, no checkpoint moved back,
 *         parents first.
 */
#ifndef SIM_CHECK_H
#define SIM_CHECK_H

#include "child.h"
#include "core/lease_op.h"
#include "core/worker.h"

struct sim_row;

/* After worker has taken a step, or has woken up: no other running worker acts as owner of what it
 * acts as owner of. */
void sim_check_owners(struct sim *sim, uint32_t worker);

/* The same when a Java peer is about to process records of shard. */
void sim_check_peer(struct sim *sim, uint32_t worker, uint32_t shard);

bool sim_acts_as_owner(const struct sim *sim, uint32_t worker, uint32_t shard);

/* A worker sends a write. */
void sim_check_write(struct sim *sim, uint32_t worker, const struct kh_lease_op *op);

/* A worker asks something about the fleet. */
void sim_check_coord(struct sim *sim, uint32_t worker, const struct kh_coord_op *op);

/* The table has changed from old to row. */
void sim_check_row(struct sim *sim, uint32_t shard, bool old_exists, const struct kh_lease *old,
                   const struct sim_row *row);

/* A child gets an action. */
void sim_check_send(struct sim *sim, uint32_t worker, uint32_t shard, const struct kh_cmd *cmd);

/* Records [first, next) of shard go to a child whose run so far is told by child. */
void sim_check_records(struct sim *sim, uint32_t shard, size_t first, size_t next);

/* A checkpoint was confirmed or refused to a child. */
void sim_check_ack(struct sim *sim, uint32_t shard, const struct sim_ask *ask, const char *error);

/* Records before `next` of shard are accounted for: a child answered for them. */
void sim_count_acked(struct sim *sim, uint32_t shard, size_t next);

/* Records before `next` need not be delivered: reading began behind them at LATEST or
 * AT_TIMESTAMP. */
void sim_excuse(struct sim *sim, uint32_t shard, size_t next);

#endif
