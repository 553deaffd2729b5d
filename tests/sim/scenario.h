/* scenario: what goes wrong, and that all is well afterwards.
 *
 * Shape   a scenario is its fleet and a function that makes trouble until sim->trouble_until_ms;
 *         afterwards, always: the faults stop, the fleet must settle, deliver everything, and stop
 *         with nothing left behind.
 * Units   virtual milliseconds.
 * Errors  sim_fail().
 * Memory  none.
 * Truth   style.md section 8.
 */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include "sim.h"

struct scenario {
    const char *name;
    struct sim_config config;
    void (*trouble)(struct sim *sim);
};

extern const struct scenario sim_scenarios[];
extern const size_t sim_scenarios_n;

/* The whole run, from the first worker to the last; sim_fail() leaves it. */
void sim_play(struct sim *sim, const struct scenario *scenario, kh_ms trouble_ms);

#endif
