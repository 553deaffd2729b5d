/* env: the only place that reads the environment.
 *
 * Shape   one function.
 * Units   none.
 * Errors  none: not set is NULL, set to nothing is "".
 * Memory  borrows from the environment, which this program never changes.
 * Truth   getenv(3).
 */
#ifndef KH_IO_ENV_H
#define KH_IO_ENV_H

const char *kh_env(const char *name);

#endif
