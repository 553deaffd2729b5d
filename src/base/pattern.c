#include "base/pattern.h"

#include <stddef.h>

#define REASON_MAX 127

enum kh_rc kh_pattern_init(struct kh_pattern *pattern, const char *text, struct kh_err *err)
{
    char reason[REASON_MAX + 1];
    int e = regcomp(&pattern->regex, text, REG_EXTENDED | REG_NOSUB);

    if (e != 0) {
        (void)regerror(e, &pattern->regex, reason, sizeof(reason));
        return kh_fail(err, KH_INVALID, "\"%s\" is no regular expression: %s", text, reason);
    }
    return KH_OK;
}

void kh_pattern_fini(struct kh_pattern *pattern)
{
    regfree(&pattern->regex);
}

bool kh_pattern_matches(const struct kh_pattern *pattern, const char *name)
{
    return regexec(&pattern->regex, name, 0, NULL, 0) == 0;
}
