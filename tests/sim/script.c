#include "script.h"

static void put(struct sim *sim, uint32_t n)
{
    for (uint32_t key = 0; key < n; key++) {
        sim_stream_put(sim, key, 1);
    }
}

static void stop_and_see(struct sim *sim, uint32_t w)
{
    sim_stop(sim, w);
    sim_run_for(sim, KH_SECONDS(3));
}

static void one_worker_from_start_to_stop(struct sim *sim)
{
    put(sim, 3);
    sim_start(sim, 0, false);
    sim_run_for(sim, KH_SECONDS(3));
    put(sim, 2);
    sim_run_for(sim, KH_SECONDS(3));
    stop_and_see(sim, 0);
}

static void parent_ends_before_its_children_begin(struct sim *sim)
{
    put(sim, 4);
    sim_start(sim, 0, false);
    sim_run_for(sim, KH_SECONDS(2));
    (void)sim_stream_split(sim, 0);
    put(sim, 16);
    sim_run_for(sim, KH_SECONDS(5));
    stop_and_see(sim, 0);
}

static void lost_answer_of_a_renewal_is_found_again(struct sim *sim)
{
    sim_start(sim, 0, false);
    sim_run_for(sim, KH_SECONDS(2));
    sim->faults.lost_answer = 1000;
    sim_run_for(sim, KH_SECONDS(3));
    sim->faults.lost_answer = 0;
    sim_run_for(sim, KH_SECONDS(10));
    stop_and_see(sim, 0);
}

static void second_worker_takes_its_share(struct sim *sim)
{
    sim_start(sim, 0, false);
    sim_run_for(sim, KH_SECONDS(3));
    put(sim, 8);
    sim_start(sim, 1, false);
    sim_run_for(sim, KH_SECONDS(14));
    put(sim, 16);
    sim_run_for(sim, KH_SECONDS(3));
    stop_and_see(sim, 0);
    sim_run_for(sim, KH_SECONDS(3));
}

static void dead_child_begins_again_at_the_checkpoint(struct sim *sim)
{
    sim_start(sim, 0, false);
    sim_run_for(sim, KH_SECONDS(2));
    sim->faults.child_dies = 1000;
    put(sim, 3);
    sim_run_for(sim, KH_SECONDS(2));
    sim->faults.child_dies = 0;
    sim_run_for(sim, KH_SECONDS(5));
    stop_and_see(sim, 0);
}

static void frozen_worker_gives_up_on_waking(struct sim *sim)
{
    sim_start(sim, 0, false);
    sim_run_for(sim, KH_SECONDS(3));
    sim_freeze(sim, 0);
    sim_start(sim, 1, false);
    sim_run_for(sim, KH_SECONDS(16));
    sim_thaw(sim, 0);
    sim_run_for(sim, KH_SECONDS(2));
}

#define ALONE                                    \
    {                                            \
        .workers = 1, .shards = 1, .fixed = true \
    }
#define TWO                                      \
    {                                            \
        .workers = 2, .shards = 2, .fixed = true \
    }

const struct script sim_scripts[] = {
    {"start-to-stop", ALONE, one_worker_from_start_to_stop},
    {"split", ALONE, parent_ends_before_its_children_begin},
    {"lost-answer", ALONE, lost_answer_of_a_renewal_is_found_again},
    {"second-worker", TWO, second_worker_takes_its_share},
    {"dead-child", ALONE, dead_child_begins_again_at_the_checkpoint},
    {"frozen", {.workers = 2, .shards = 1, .fixed = true}, frozen_worker_gives_up_on_waking},
};

const size_t sim_scripts_n = sizeof sim_scripts / sizeof sim_scripts[0];
