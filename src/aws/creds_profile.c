#include "aws/creds_provider.h"

#include "aws/profile.h"

/* What a profile may ask for that does not work yet, in the order the SDK looks for it. */
static enum kh_rc refuse_unsupported(const struct kh_profile *profile, struct kh_err *err)
{
    static const struct {
        enum kh_profile_key key;
        const char *name;
    } later[] = {
        {KH_PROFILE_WEB_IDENTITY_TOKEN_FILE, "web_identity_token_file"},
        {KH_PROFILE_SSO_SESSION, "sso_session"},
        {KH_PROFILE_SSO_START_URL, "sso_start_url"},
        {KH_PROFILE_SOURCE_PROFILE, "source_profile"},
        {KH_PROFILE_CREDENTIAL_SOURCE, "credential_source"},
        {KH_PROFILE_LOGIN_SESSION, "login_session"},
        {KH_PROFILE_CREDENTIAL_PROCESS, "credential_process"},
    };

    for (size_t i = 0; i < sizeof(later) / sizeof(later[0]); i++) {
        if (kh_profile_value(profile, later[i].key).n > 0) {
            return kh_fail(err, KH_DENIED,
                           "%s uses %s, which is not supported yet; give it aws_access_key_id and "
                           "aws_secret_access_key",
                           profile->name, later[i].name);
        }
    }
    return KH_OK;
}

static enum kh_rc read_keys(const struct kh_profile *profile, struct kh_cred *cred,
                            struct kh_err *err)
{
    struct kh_str id = kh_profile_value(profile, KH_PROFILE_ACCESS_KEY_ID);
    struct kh_str secret = kh_profile_value(profile, KH_PROFILE_SECRET_ACCESS_KEY);

    if (id.n == 0 || secret.n == 0) {
        return kh_fail(err, KH_NOTFOUND, "%s has no %s", profile->name,
                       id.n == 0 ? "aws_access_key_id" : "aws_secret_access_key");
    }
    return kh_cred_set(cred, id, secret, kh_profile_value(profile, KH_PROFILE_SESSION_TOKEN), err);
}

static enum kh_rc get(const char *param, struct kh_cred *cred, struct kh_err *err)
{
    struct kh_profile profile;
    enum kh_rc rc = kh_profile_load(&profile, param, err);

    if (rc != KH_OK) {
        return rc;
    }
    rc = refuse_unsupported(&profile, err);
    if (rc == KH_OK) {
        rc = read_keys(&profile, cred, err);
    }
    kh_profile_fini(&profile);
    return rc;
}

const struct kh_creds_provider kh_creds_profile = {"profile", get};
