/* java: being called in place of java, by a launcher that knows nothing of us.
 *
 * Shape   kh_java_read takes a command line apart into what is for the JVM and what is for the
 *         MultiLangDaemon; kh_java_use hands over what counts of the former; kh_java_find is the
 *         daemon's way of finding its file.
 * Units   none.
 * Errors  INVALID with one sentence that names what was asked for; the status is KH_EXIT_USAGE.
 * Memory  borrows from argv.
 * Truth   java(1) of JDK 17, and the launchers of the Python, Ruby and Node clients. A command line
 *         is java's if the program was started as "java", if its first word is an option that only
 *         java has, or if one word is the daemon's class. Options of the JVM have no effect but -cp
 *         (where the daemon looks for its file) and the -D of io/java_property.h.
 */
#ifndef KH_CLI_JAVA_H
#define KH_CLI_JAVA_H

#include <limits.h>
#include <stdbool.h>

#include "base/err.h"
#include "io/java_property.h"

enum kh_java_wish {
    KH_JAVA_NOT,         /* the command line is one of our own */
    KH_JAVA_RUN,         /* the daemon */
    KH_JAVA_HELP,        /* -help, -h, -?, --help, --help-extra */
    KH_JAVA_VERSION,     /* -version: three lines on standard error */
    KH_JAVA_VERSION_OUT, /* --version: the same on standard output */
};

struct kh_java {
    enum kh_java_wish wish;
    char *const *argv;      /* borrowed, as are the texts below */
    int class_at;           /* RUN: argv[class_at] is the class, the daemon's words follow */
    const char *class_path; /* NULL: none was given */
    const char *properties[KH_JAVA_PROPERTIES]; /* NULL: not given */
};

enum kh_rc kh_java_read(struct kh_java *java, int argc, char *const argv[],
                        struct kh_err *err) KH_MUST_USE;

/* RUN: what was said by -D goes to io/java_property.h. */
void kh_java_use(const struct kh_java *java);

/* RUN: the options without effect, by name and at debug. */
void kh_java_log(const struct kh_java *java);

/* A relative name is looked for in the folders of the class path; true: found, path is it. */
bool kh_java_find(const struct kh_java *java, const char *name, char path[PATH_MAX]) KH_MUST_USE;

/* What a probe for java gets to read. The first line is as probes expect it. */
extern const char kh_java_version[];

#endif
