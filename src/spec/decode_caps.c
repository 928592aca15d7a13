/* cap_add and cap_drop of a process: names of capabilities (7), with or without CAP_, or ALL. */
#include "spec/spec_private.h"

#include "base/must.h"

#include <string.h>
#include <strings.h>

/* By number, as linux/capability.h has them. */
static const char *const names[] = {"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID",
    "KILL", "SETGID", "SETUID", "SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST",
    "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT",
    "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME",
    "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE",
    "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
    "CHECKPOINT_RESTORE"};

static bool is_same(struct str text, const char *name)
{
    return text.len == strlen(name) && strncasecmp(text.at, name, text.len) == 0;
}

static bool take_name(struct str text, uint64_t *mask)
{
    if (is_same(text, "ALL")) {
        *mask = CAPABILITIES_ALL;
        return true;
    }
    if (text.len > 4 && strncasecmp(text.at, "CAP_", 4) == 0)
        text = str_tail(text, 4);
    for (size_t i = 0; i < COUNT(names); i++)
        if (is_same(text, names[i])) {
            *mask |= UINT64_C(1) << i;
            return true;
        }
    return false;
}

void decode_caps(struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    uint64_t *mask = (uint64_t *)(void *)((char *)into + f->offset);
    const char *const *texts = NULL;
    size_t count = 0;

    if (pair->value->kind != NODE_LIST) {
        (void)field_wrong(d, f->name, pair->value, "a list of capabilities");
        return;
    }
    if (!field_texts(d, f->name, pair->value, &texts, &count))
        return;
    for (size_t i = 0; i < count; i++) {
        if (take_name(str_from(texts[i]), mask))
            continue;
        const struct node *item = pair->value->items[i];
        const char *nearest = str_nearest(str_from(texts[i]), names, COUNT(names));
        diagnostic_error(d->diagnostics, "wrong-value", &item->span,
            "'%s': there is no capability '%.60s'", f->name, texts[i]);
        if (nearest != NULL)
            diagnostic_help(d->diagnostics, "did you mean '%s'?", nearest);
    }
}

struct node *encode_caps(struct encode *e, const struct field *f, const void *from)
{
    uint64_t mask = *(const uint64_t *)(const void *)((const char *)from + f->offset);
    struct node *list = node_list(e->arena);

    if (mask == 0)
        return NULL;
    if (mask == CAPABILITIES_ALL)
        node_push(e->arena, list, node_text(e->arena, STR("ALL")));
    for (size_t i = 0; mask != CAPABILITIES_ALL && i < COUNT(names); i++)
        if (mask >> i & 1)
            node_push(e->arena, list, node_text(e->arena, str_from(names[i])));
    return list;
}
