#include "aws/creds_provider.h"

#include "base/str.h"
#include "io/java_property.h"

static struct kh_str property(enum kh_java_property name)
{
    return kh_str_trim(kh_str(kh_java_property(name)));
}

static enum kh_rc get(const char *param, struct kh_cred *cred, struct kh_err *err)
{
    struct kh_str id = property(KH_JAVA_ACCESS_KEY_ID);
    struct kh_str secret = property(KH_JAVA_SECRET_ACCESS_KEY);

    (void)param;
    if (id.n == 0 || secret.n == 0) {
        return kh_fail(err, KH_NOTFOUND, "%s is not among the arguments",
                       id.n == 0 ? "-Daws.accessKeyId" : "-Daws.secretAccessKey");
    }
    return kh_cred_set(cred, id, secret, property(KH_JAVA_SESSION_TOKEN), err);
}

const struct kh_creds_provider kh_creds_java = {"Java system properties", get};
