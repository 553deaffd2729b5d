#include "host/program.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "io/env.h"

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"

/* 0 if path can be run, else an errno. */
static int why_not(const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        return errno;
    }
    if (!S_ISREG(st.st_mode)) {
        return EISDIR;
    }
    return access(path, X_OK) == 0 ? 0 : errno;
}

static enum kh_rc refuse(struct kh_err *err, const char *program, int why)
{
    if (why == EACCES) {
        return kh_fail(err, KH_DENIED,
                       "executableName: %s is not executable; chmod +x it, and make sure that this "
                       "user may run it",
                       program);
    }
    if (why == EISDIR) {
        return kh_fail(err, KH_DENIED, "executableName: %s is not a file that can be run", program);
    }
    return kh_fail(
        err, KH_NOTFOUND,
        "executableName: %s: no such program %s; give a path, or put its folder into PATH", program,
        strchr(program, '/') != NULL ? "there" : "along PATH");
}

/* The best reason over all folders: a file that may not be run says more than one that is not
 * there. */
static int search(const char *program)
{
    const char *path = kh_env("PATH");
    struct kh_str rest = kh_str(path != NULL ? path : DEFAULT_PATH);
    struct kh_str folder;
    int best = ENOENT;
    bool more = true;

    while (more) {
        char file[PATH_MAX];
        int why;

        more = kh_str_cut(rest, ':', &folder, &rest);
        (void)snprintf(file, sizeof(file), "%.*s/%s", folder.n == 0 ? 1 : (int)folder.n,
                       folder.n == 0 ? "." : folder.p, program);
        why = why_not(file);
        if (why == 0) {
            return 0;
        }
        best = why == EACCES ? EACCES : best;
    }
    return best;
}

enum kh_rc kh_program_check(const char *program, struct kh_err *err)
{
    int why = strchr(program, '/') != NULL ? why_not(program) : search(program);

    return why == 0 ? KH_OK : refuse(err, program, why);
}
