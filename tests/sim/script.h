/* script: small runs without dice, whose whole transcript is the expectation
 * (tests/sim/transcripts).
 *
 * Shape   a script is its fleet and a function; latencies and settings are constants.
 * Units   virtual milliseconds.
 * Errors  the checkers run as always.
 * Memory  none.
 * Truth   tests/sim/transcripts/NAME.txt.
 */
#ifndef SIM_SCRIPT_H
#define SIM_SCRIPT_H

#include "sim.h"

struct script {
    const char *name;
    struct sim_config config;
    void (*play)(struct sim *sim);
};

extern const struct script sim_scripts[];
extern const size_t sim_scripts_n;

#endif
