/* drivers: the sources there are, one constant each.
 *
 * Shape   source.c keeps the table of them; each driver's file defines its own row and includes
 *         this.
 * Units   none.
 * Errors  none.
 * Memory  constants.
 * Truth   own design.
 */
#ifndef KH_SOURCE_DRIVERS_H
#define KH_SOURCE_DRIVERS_H

#include "source/source.h"

extern const struct kh_source_driver kh_source_kinesis; /* kinesis.c */
extern const struct kh_source_driver kh_source_file;    /* file.c */

#endif
