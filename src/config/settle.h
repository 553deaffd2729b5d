/* settle: what only shows once all keys of a file are known: what is missing, and which of two keys
 * counts.
 *
 * Shape   one pass over the settings, after every value was taken.
 * Units   none.
 * Errors  each finding is a problem.
 * Memory  texts are replaced in place.
 * Truth   KinesisClientLibConfigurator and StreamIdentifier.validateArn; differences as in
 *         settings.h.
 */
#ifndef KH_CONFIG_SETTLE_H
#define KH_CONFIG_SETTLE_H

#include "config/problem.h"
#include "config/settings.h"

void kh_settings_settle(struct kh_settings *settings, struct kh_problems *problems);

#endif
