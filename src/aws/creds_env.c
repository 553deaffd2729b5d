#include "aws/creds_provider.h"

#include "base/str.h"
#include "io/env.h"

static struct kh_str variable(const char *name)
{
    return kh_str_trim(kh_str(kh_env(name)));
}

static enum kh_rc get(const char *param, struct kh_cred *cred, struct kh_err *err)
{
    struct kh_str id = variable("AWS_ACCESS_KEY_ID");
    struct kh_str secret = variable("AWS_SECRET_ACCESS_KEY");

    (void)param;
    if (id.n == 0 || secret.n == 0) {
        return kh_fail(err, KH_NOTFOUND, "%s is not set",
                       id.n == 0 ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY");
    }
    return kh_cred_set(cred, id, secret, variable("AWS_SESSION_TOKEN"), err);
}

const struct kh_creds_provider kh_creds_env = {"environment", get};
