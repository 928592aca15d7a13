/* Bodies of commands, of each kind (the first byte). */
#include "serve/command_body.h"

#include "base/mem.h"

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len);

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t len)
{
    if (len == 0)
        return 0;
    struct command *c = mem_new(struct command);
    c->kind = (enum command_kind)(bytes[0] % (COMMAND_SHUTDOWN + 1));
    (void)!command_read_body(c, (struct str){.at = (const char *)bytes + 1, .len = len - 1}, NULL);
    command_destroy(&c);
    return 0;
}
