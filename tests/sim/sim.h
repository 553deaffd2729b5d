/* sim: a whole fleet in one process, in virtual time, out of one seed.
 *
 * Shape   scenarios call sim_run_for() and the functions that make trouble; sim.c takes events out
 *         of the queue one by one and hands them to the model they are for; host.c stands for
 *         src/host and runs the real core.
 * Units   now_ms is virtual time since the start; each worker has its own monotonic clock
 *         (sim_worker_now).
 * Errors  sim_fail() ends the run: it jumps back to run.c.
 * Memory  struct sim owns everything; sim_free() frees it. A failed run is not freed, it is told
 *         and the program ends.
 * Truth   style.md's simulator: same seed, same transcript, byte for byte.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <setjmp.h>
#include <stdio.h>

#include "base/rand.h"
#include "check.h"
#include "child.h"
#include "coord.h"
#include "core/worker.h"
#include "peer.h"
#include "queue.h"
#include "stream.h"
#include "table.h"

#define SIM_BATCHES_MAX     256
#define SIM_TRANSCRIPT_LAST 40
#define SIM_LINE_MAX        1000
#define SIM_NOTES_MAX       128

/* Chances in a thousand, each drawn where it can happen. All zero: the world behaves. */
struct sim_faults {
    /* store, per request */
    unsigned lost_answer;
    unsigned lost_request;
    unsigned late_write;
    unsigned twice;
    unsigned throttle;
    unsigned fail;
    unsigned stale_list;
    unsigned slow;          /* latency of seconds */
    unsigned refuse_writes; /* throttled, while reads go on */
    unsigned index_lag;     /* the index is seconds behind */
    /* stream, per request */
    unsigned fetch_fail;
    unsigned fetch_throttle;
    unsigned fetch_expired;
    unsigned fetch_slow;
    unsigned open_fail;
    unsigned list_fail;
    unsigned list_stale; /* per shard: just closed, and still listed as open */
    /* child, per action */
    unsigned child_dies;
    unsigned child_hangs;   /* only where the worker has a limit for actions */
    unsigned child_wrong;   /* answers with another name */
    unsigned child_twice;   /* answers twice */
    unsigned child_forgets; /* no checkpoint when the shard ends */
    unsigned child_chats;   /* asks out of turn */
    unsigned child_slow;
    unsigned child_no_start;
    unsigned child_stubborn;
    /* host */
    unsigned late_tick;
    unsigned extra_tick;
};

struct sim_config {
    uint32_t workers;
    uint32_t shards;
    enum kh_position_type initial_position; /* TRIM_HORIZON if not set */
    uint32_t peers;                         /* so many of the last workers are Java peers */
    bool exit_when_done;
    bool limit_actions; /* action_ms_max is set */
    bool fixed;         /* no dice: latencies, pauses and settings are constants, for transcripts */
    bool drift;         /* clocks run at slightly different rates */
    bool peers_are_v3;
    bool measured; /* the hosts measure their CPU */
    kh_ms put_ms;  /* mean pause of the producer; 0: the default */
};

enum sim_worker_state { SIM_DOWN, SIM_UP, SIM_FROZEN, SIM_STOPPED };

struct sim_batch {
    uint64_t id; /* 0: free */
    uint32_t shard;
    size_t first;
    size_t n;
};

struct sim_worker {
    enum sim_worker_state state;
    bool is_peer;
    bool saw_freeze; /* in this life: no judgement about its patience */
    unsigned
        cut_off; /* chance in a thousand that a request to the store, or its answer, gets lost */
    uint32_t life;
    kh_ms clock_offset_ms;
    int64_t clock_ppm;
    kh_ms wall_skew_ms; /* its wall clock against the world's; may jump */
    struct kh_worker_config config;
    struct kh_worker *core; /* owned; NULL while down or a peer */
    struct kh_cmds cmds;
    kh_ms tick_at_ms; /* virtual; KH_NEVER if none is set */
    uint64_t tick_generation;
    kh_ms stop_asked_at_ms; /* KH_NEVER if not */
    bool hurried;           /* asked to stop now, perhaps more than once */
    enum kh_stop_reason why;
    struct sim_ev *inbox; /* owned; events kept back while frozen, in order */
    size_t inbox_n;
    size_t inbox_capacity;
    struct sim_reader readers[SIM_SHARDS_MAX];
    struct sim_child children[SIM_SHARDS_MAX];
    /* The two newest checkpoints that children asked the core for: one whose write got no answer
     * may be written again after a later one was refused. */
    struct kh_extseq asked[SIM_SHARDS_MAX][2];
    bool acts[SIM_SHARDS_MAX]; /* as owner, when it was last looked at */
    struct sim_batch batches[SIM_BATCHES_MAX];
    uint64_t batch_id;
    enum sim_steal steals; /* the peer's next write */
    uint64_t op_id;        /* newest seen */
    uint64_t ticket;       /* newest seen */
    uint32_t child_number;
    struct sim_peer *peer; /* owned */
};

struct sim {
    uint64_t seed;
    struct sim_config config;
    struct kh_rand rand;
    kh_ms now_ms;
    struct sim_queue queue;
    struct sim_table table;
    struct sim_coord coord;
    struct sim_request *free_requests; /* owned */
    struct sim_stream stream;
    struct sim_worker workers[SIM_WORKERS_MAX];
    uint32_t workers_n;
    struct sim_faults faults;
    kh_ms trouble_until_ms;
    bool calm; /* faults are off for good; children do their best */
    bool producing;
    uint32_t lives; /* given out to workers and children */
    uint64_t steps;
    uint64_t repeated_n; /* records that were given to more than one child */
    kh_ms stuck_at_ms;   /* events at one instant, against time that stands still */
    unsigned stuck_n;
    /* transcript */
    FILE *out;                  /* borrowed; NULL: not printed */
    bool record;                /* keep the last lines */
    char (*last)[SIM_LINE_MAX]; /* owned; SIM_TRANSCRIPT_LAST lines, a ring */
    unsigned last_n;
    const char *notes[SIM_NOTES_MAX]; /* literals of the core: the notes seen, for sim_saw */
    unsigned notes_n;
    /* the end of a failed run */
    jmp_buf failed;
    char failure[512];
};

struct sim *sim_new(uint64_t seed, const struct sim_config *config);
void sim_free(struct sim *sim);

void sim_fail(struct sim *sim, const char *fmt, ...) KH_PRINTF(2, 3) __attribute__((noreturn));

/* Let virtual time pass. */
void sim_run_for(struct sim *sim, kh_ms ms);
typedef bool sim_predicate(struct sim *sim);
bool sim_run_until(struct sim *sim, sim_predicate *predicate, kh_ms bound_ms);

/* What an event carries goes with it. */
void sim_ev_free(struct sim *sim, struct sim_ev *ev);

void sim_push(struct sim *sim, kh_ms delay_ms, struct sim_ev ev);
kh_ms sim_draw(struct sim *sim, kh_ms low, kh_ms high); /* the middle when the run is fixed */
bool sim_chance(struct sim *sim, unsigned per_mille);
kh_ms sim_latency(struct sim *sim, unsigned slow_per_mille);
kh_ms sim_worker_now(const struct sim *sim, uint32_t worker);
int64_t sim_worker_wall_ms(const struct sim *sim, uint32_t worker);
char sim_letter(uint32_t worker);

/* host.c: workers and what happens to them. */
void sim_start(struct sim *sim, uint32_t worker, bool same_id);
void sim_start_peer(struct sim *sim, uint32_t worker); /* 3.x if the fleet was configured so */
void sim_peer_exit(struct sim *sim, uint32_t worker);
void sim_crash(struct sim *sim, uint32_t worker);
void sim_freeze(struct sim *sim, uint32_t worker);
void sim_thaw(struct sim *sim, uint32_t worker);
void sim_stop(struct sim *sim, uint32_t worker);
void sim_stop_now(struct sim *sim, uint32_t worker);
void sim_host_event(struct sim *sim, struct sim_ev *ev); /* takes what ev carries */
void sim_host_patience(struct sim *sim, uint32_t worker);

/* transcript.c */
void sim_note(struct sim *sim, const char *fmt, ...) KH_PRINTF(2, 3);
void sim_transcribe(struct sim *sim, uint32_t worker, const struct kh_event *event);
void sim_print_last(const struct sim *sim, FILE *out);
bool sim_saw(const struct sim *sim, const char *note);

#endif
