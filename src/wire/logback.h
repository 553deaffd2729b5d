/* logback: the level of the root logger in a logback.xml.
 *
 * Shape   one function over the text; it looks for one tag and is no XML parser.
 * Units   none.
 * Errors  false: no root element, none with a level, or one that is a ${VARIABLE}.
 * Memory  borrows.
 * Truth   logback 1.3's <root level="…">: names in any case; comments do not count. Chosen
 *         difference: nothing else of such a file means anything here.
 */
#ifndef KH_WIRE_LOGBACK_H
#define KH_WIRE_LOGBACK_H

#include <stdbool.h>

#include "base/log.h"
#include "base/str.h"

bool kh_logback_root(struct kh_str text, enum kh_log_level *level) KH_MUST_USE;

#endif
