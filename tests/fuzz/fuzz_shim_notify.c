/* What a service writes to its sd_notify socket. */
#include "shim/notify.c" /* the shim is no library */

/* What notify.c uses of its neighbours, and this target never reaches. */
char *text_add(char *to, const char *text)
{
    (void)to, (void)text;
    abort();
}

void control_tell(struct shim *s, const void *message, size_t bytes)
{
    (void)s, (void)message, (void)bytes;
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct shim_notify n = {0};
    char *text = malloc(length > 0 ? length : 1);

    memcpy(text, bytes, length);
    if (notify_parse(&n, text, length) != (n.flags != 0))
        abort();
    if (memchr(n.status, 0, sizeof n.status) == NULL)
        abort();
    free(text);
    return 0;
}
