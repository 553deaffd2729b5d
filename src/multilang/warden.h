/* warden: a process of our own that ends the children's groups should we die without a word.
 *
 * Shape   started once, early; told of each group that begins and ends. When the pipe to it closes,
 *         which it does however we end, it kills what is left and leaves.
 * Units   none.
 * Errors  none returned: without a warden only a child itself dies with us (PR_SET_PDEATHSIG), not
 *         what it has started; that is logged once.
 * Memory  one small process, one descriptor.
 * Truth   own design: a processor behind a wrapper script would go on working under a lease that
 *         nobody renews. Java leaves all of them to notice by themselves.
 */
#ifndef KH_MULTILANG_WARDEN_H
#define KH_MULTILANG_WARDEN_H

#include <sys/types.h>

/* Before there are threads. Nothing if there is one already. */
void kh_warden_start(void);

/* All children are gone; returns when it is, too. */
void kh_warden_stop(void);

/* Nothing without a warden. */
void kh_warden_begins(pid_t group);
void kh_warden_ended(pid_t group);

#endif
