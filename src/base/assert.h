/* assert: our own mistakes stop the program.
 *
 * Shape   kh_assert(fact) is always compiled in; a false fact never returns.
 * Units   none.
 * Errors  none: what a peer, a file, a child or AWS can cause is never asserted, it is an
 *         enum kh_rc.
 * Memory  allocates nothing, so that it works when memory is the problem.
 * Truth   own design.
 */
#ifndef KH_BASE_ASSERT_H
#define KH_BASE_ASSERT_H

#define kh_assert(fact) ((fact) ? (void)0 : kh_assert_failed(#fact, __FILE__, __LINE__, __func__))

/* Print the fact and its place to stderr, call the hook (once), abort. */
void kh_assert_failed(const char *fact, const char *file, int line, const char *func)
    __attribute__((noreturn, cold));

/* What to do before the end, e.g. print the flight recorder. NULL takes it away. */
void kh_assert_set_hook(void (*hook)(void));

#endif
