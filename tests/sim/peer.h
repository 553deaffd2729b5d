/* peer: another member of the fleet, of the Java 2.x kind, in a simple form.
 *
 * Shape   three timers: look at the table and take, renew what is held, process what is held. One
 *         write a lease at a time.
 * Units   virtual milliseconds.
 * Errors  an answer that is not DONE makes it try again at its next timer, as Java does.
 * Memory  plain values.
 * Truth   KCL 2.x DynamoDBLeaseTaker, DynamoDBLeaseRenewer, ShutdownTask. It processes records at
 *         once and counts expiry from when a renewal was sent: Java counts from the answer, which
 *         is Java's own hole, not ours.
 */
#ifndef SIM_PEER_H
#define SIM_PEER_H

#include "base/time.h"
#include "table.h"

enum sim_peer_timer { SIM_PEER_TAKE, SIM_PEER_RENEW, SIM_PEER_PROCESS };

struct sim_peer_lease {
    bool seen;
    bool held;
    bool busy;            /* a write is on its way */
    struct kh_lease copy; /* as last seen or written */
    kh_ms changed_at_ms;  /* when the counter was last seen to change; long ago if unowned */
    kh_ms sent_at_ms;     /* newest write on its way */
    kh_ms expires_at_ms;
    size_t next; /* index of the next record to process */
};

struct sim_peer {
    struct sim_peer_lease leases[SIM_SHARDS_MAX];
    uint64_t op_id;
};

void sim_peer_start(struct sim *sim, uint32_t worker);
void sim_peer_timer(struct sim *sim, uint32_t worker, enum sim_peer_timer timer);
void sim_peer_answer(struct sim *sim, uint32_t worker, const struct sim_request *request);
bool sim_peer_acts_as_owner(const struct sim *sim, uint32_t worker, uint32_t shard);

#endif
