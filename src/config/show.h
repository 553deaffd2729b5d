/* show: settings as texts, for people who want to know what was understood.
 *
 * Shape   one text a setting, as the file would say it, and one for where it came from.
 * Units   those of the keys.
 * Errors  none.
 * Memory  appends to the caller's buffer, which must take KH_SHOW_BYTES_MAX more (asserted).
 * Truth   settings.def. Never shown: role names and ids behind the name of a credentials provider,
 *         user and password in a URL, and values that came from a variable whose name speaks of
 *         secrets.
 */
#ifndef KH_CONFIG_SHOW_H
#define KH_CONFIG_SHOW_H

#include <stddef.h>

#include "base/buf.h"
#include "config/settings.h"

#define KH_SHOW_BYTES_MAX ((size_t)1 << 17)

/* The key and where its value is from; i < kh_settings_help_n(). */
const char *kh_show_key(size_t i);
const struct kh_place *kh_show_place(const struct kh_settings *settings, size_t i);

/* Nothing, if it has no value. */
void kh_show_value(const struct kh_settings *settings, size_t i, struct kh_buf *text);

#endif
