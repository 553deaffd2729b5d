#include "aws/region.h"

#include "aws/profile.h"
#include "io/env.h"
#include "io/java_property.h"

bool kh_region_is_valid(struct kh_str region)
{
    if (region.n == 0 || region.n > KH_REGION_MAX || region.p[0] == '-' ||
        region.p[region.n - 1] == '-') {
        return false;
    }
    for (size_t i = 0; i < region.n; i++) {
        char c = region.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) {
            return false;
        }
    }
    return true;
}

static enum kh_rc take(char region[KH_REGION_MAX + 1], struct kh_str text, const char *from,
                       struct kh_err *err)
{
    if (!kh_region_is_valid(text) || !kh_str_copy(region, KH_REGION_MAX + 1, text)) {
        return kh_fail(err, KH_INVALID,
                       "region \"%.*s\" (from %s) cannot be one: it should look like us-east-1",
                       KH_STR_ARG(text), from);
    }
    return KH_OK;
}

static enum kh_rc take_from_profile(char region[KH_REGION_MAX + 1], struct kh_err *err)
{
    struct kh_profile profile;
    enum kh_rc rc = kh_profile_load(&profile, NULL, err);

    if (rc != KH_OK) {
        return rc;
    }
    rc = KH_NOTFOUND;
    if (kh_profile_value(&profile, KH_PROFILE_REGION).n > 0) {
        rc = take(region, kh_profile_value(&profile, KH_PROFILE_REGION), "the profile", err);
    }
    kh_profile_fini(&profile);
    return rc;
}

enum kh_rc kh_region_find(const char *configured, char region[KH_REGION_MAX + 1],
                          struct kh_err *err)
{
    static const char *const variables[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};
    struct kh_str property = kh_str_trim(kh_str(kh_java_property(KH_JAVA_REGION)));
    enum kh_rc rc;

    if (configured[0] != '\0') {
        return take(region, kh_str(configured), "regionName", err);
    }
    if (property.n > 0) {
        return take(region, property, "-Daws.region", err);
    }
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        struct kh_str text = kh_str_trim(kh_str(kh_env(variables[i])));

        if (text.n > 0) {
            return take(region, text, variables[i], err);
        }
    }
    rc = take_from_profile(region, err);
    if (rc == KH_NOTFOUND) {
        return kh_fail(err, KH_INVALID,
                       "no AWS region: set regionName in the properties file, AWS_REGION in the "
                       "environment, or region in the profile");
    }
    return rc;
}
