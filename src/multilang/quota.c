#include "multilang/quota.h"

bool kh_quota_take(struct kh_quota *quota, kh_ms now_ms, uint64_t *unsaid_n)
{
    if (quota->said_n == 0 || now_ms - quota->from_ms >= KH_MINUTES(1)) {
        quota->from_ms = now_ms;
        quota->said_n = 0;
    }
    if (quota->said_n == KH_QUOTA_A_MINUTE) {
        quota->unsaid_n++;
        return false;
    }
    quota->said_n++;
    *unsaid_n = quota->unsaid_n;
    quota->unsaid_n = 0;
    return true;
}
