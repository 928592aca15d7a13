/* Host, Origin, Authorization and Accept from strangers: three fields, separated by line ends. */
#include "serve/accept.h"
#include "serve/guard.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len)
{
    static const char *const offers[] = {"text/plain", "application/openmetrics-text"};
    static const struct guard guard = {.port = 8363, .token = "secret-token"};
    struct str rest = {.at = (const char *)bytes, .len = len};
    struct guard_request r = {0};

    r.host = str_cut(&rest, '\n');
    r.origin = str_cut(&rest, '\n');
    r.authorization = str_cut(&rest, '\n');
    if (r.origin.len == 0)
        r.origin = (struct str){0};
    if (accept_best(rest, offers, 2) > 1)
        abort();
    enum guard_verdict verdict = guard_judge(&guard, GUARD_MUTATE, false, &r, NULL);
    if (verdict == GUARD_ALLOWED &&
        (str_find_text(r.authorization, STR("secret-token")) < 0 || !str_ends(r.host, ":8363")))
        abort();
    return 0;
}
