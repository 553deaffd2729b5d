/* show_config: kcl-host config: what was understood, and where it was said.
 *
 * Shape   prints to standard output: a line a setting with its origin before it, and what else
 *         there is to know as comments; or all of it as one JSON object.
 * Units   those of the keys.
 * Errors  the exit status: OSERR if it cannot be written.
 * Memory  keeps nothing.
 * Truth   own design; man/kcl-host.1 describes both forms. Secrets: see config/show.h.
 */
#ifndef KH_CLI_SHOW_CONFIG_H
#define KH_CLI_SHOW_CONFIG_H

#include <stdbool.h>

#include "config/problem.h"
#include "config/settings.h"

int kh_show_config(const struct kh_settings *settings, const struct kh_problems *problems,
                   bool json);

#endif
