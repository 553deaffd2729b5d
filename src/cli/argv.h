/* argv: the words of the command line, with @FILE read in.
 *
 * Shape   kh_argv_init, kh_argv_expand once, kh_argv_fini.
 * Units   none.
 * Errors  INVALID with one sentence that names the file; the status for it is KH_EXIT_USAGE.
 * Memory  owns the list and the words out of files; the others are borrowed from the list given.
 * Truth   JCommander 1.82, by which the MultiLangDaemon reads its arguments: one word a line,
 *         blanks at both ends and one pair of quotes around it are dropped, empty lines and lines
 *         that begin with # are passed over, @FILE inside a file is an ordinary word. Chosen
 *         differences: a line of blanks alone is empty, too; behind "--" every word is what it is;
 *         a byte 0 is refused.
 */
#ifndef KH_CLI_ARGV_H
#define KH_CLI_ARGV_H

#include "base/arena.h"
#include "base/err.h"

#define KH_ARGV_FILE_BYTES_MAX ((size_t)1 << 20)

struct kh_argv {
    char **words; /* owned list, NULL behind the last one */
    int n;
    size_t capacity;
    struct kh_arena arena; /* owned; the words out of files */
};

void kh_argv_init(struct kh_argv *argv);
void kh_argv_fini(struct kh_argv *argv);

/* words[0], the program's name, stays as it is. */
enum kh_rc kh_argv_expand(struct kh_argv *argv, int n, char *const words[],
                          struct kh_err *err) KH_MUST_USE;

#endif
