/* entropy: dice that nobody can foresee, for seeds and names.
 *
 * Shape   two functions without state.
 * Units   none.
 * Errors  none: a kernel that refuses getrandom(2) cannot run this program (asserted).
 * Memory  the caller's.
 * Truth   getrandom(2); RFC 4122 version 4.
 */
#ifndef KH_IO_ENTROPY_H
#define KH_IO_ENTROPY_H

#include <stdint.h>

#define KH_UUID_TEXT_BYTES 37 /* 36 characters and the terminator */

uint64_t kh_entropy_seed(void);

/* "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx", lower case. */
void kh_entropy_uuid(char text[KH_UUID_TEXT_BYTES]);

#endif
