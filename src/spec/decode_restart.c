/* restart, in tend's and in Compose's words. */
#include "spec/spec_private.h"

#include "base/must.h"

#include <stddef.h>
#include <string.h>

const struct field_choice restart_words[] = {
    {"no",             RESTART_NO            },
    {"on-failure",     RESTART_ON_FAILURE    },
    {"always",         RESTART_ALWAYS        },
    {"unless-stopped", RESTART_UNLESS_STOPPED},
    {NULL,             0                     },
};

static const struct field_choice deploy_conditions[] = {
    {"none",       RESTART_NO        },
    {"on-failure", RESTART_ON_FAILURE},
    {"any",        RESTART_ALWAYS    },
    {NULL,         0                 },
};

static void decode_stop_on(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    struct restart_policy *policy = into;
    const struct node *value = pair->value;
    bool is_list = value->kind == NODE_LIST;
    size_t count = is_list ? value->count : 1;
    uint8_t *codes = arena_new_array(d->arena, count + 1, uint8_t);
    bool seen[256] = {false};
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        int code;
        if (field_int(d, f->name, is_list ? value->items[i] : value, 0, 255, &code))
            seen[code] = true;
    }
    for (int code = 0; code < 256 && kept < count; code++)
        if (seen[code])
            codes[kept++] = (uint8_t)code;
    policy->stop_codes = codes;
    policy->stop_code_count = kept;
}

static struct node *encode_stop_on(struct encode *e, const struct field *f, const void *from)
{
    const struct restart_policy *policy = from;
    struct node *list = node_list(e->arena);

    (void)f;
    for (size_t i = 0; i < policy->stop_code_count; i++)
        node_push(e->arena, list, node_int(e->arena, policy->stop_codes[i]));
    return list->count > 0 ? list : NULL;
}

#define AT(member)                                                                     \
    .offset = offsetof(struct restart_policy, member), .effect = FIELD_UPDATES_LIVE

/* clang-format off: it crashes on this table */
static const struct field restart_rows[] = {
    {.name = "condition",
     .type = FIELD_CHOICE,
     AT(condition),
     .choices = restart_words,
     .default_text = "always",
     .help = "When it is started again after it ended."},
    {.name = "delay",
     .type = FIELD_DURATION,
     AT(delay_ns),
     .default_text = "50ms",
     .help = "The first pause; each further one is longer."},
    {.name = "max_delay",
     .type = FIELD_DURATION,
     AT(delay_max_ns),
     .default_text = "30s",
     .help = "The longest pause."},
    {.name = "max_attempts",
     .type = FIELD_INT,
     AT(max_attempts),
     .min = 0,
     .max = 1000000,
     .default_text = "0",
     .help = "Starts within `window` after which it stays down; 0 is no bound."},
    {.name = "window",
     .type = FIELD_DURATION,
     AT(window_ns),
     .default_text = "60s",
     .help = "The time in which `max_attempts` are counted."},
    {.name = "stable",
     .type = FIELD_DURATION,
     AT(stable_ns),
     .default_text = "10s",
     .help = "Once it has lived so long, pauses begin at `delay` again."},
    {.name = "stop_on",
     .type = FIELD_CUSTOM,
     .effect = FIELD_UPDATES_LIVE,
     .merge = MERGE_REPLACE,
     .forms = FORM_NUMBER | FORM_LIST,
     .max = 255,
     .decode = decode_stop_on,
     .encode = encode_stop_on,
     .help = "Exit codes after which it stays down."},
};
/* clang-format on */
const struct field_table fields_restart = {.name = "restart",
    .help = "When and how fast a service is started again.",
    .fields = restart_rows,
    .count = COUNT(restart_rows),
    .defaults = &service_defaults.restart};

static const struct field deploy_restart_rows[] = {
    {.name = "condition",
     .type = FIELD_CHOICE,
     AT(condition),
     .choices = deploy_conditions,
     .default_text = "any",
     .help = "When it is started again after it ended."},
    {.name = "delay",
     .type = FIELD_DURATION,
     AT(delay_ns),
     .default_text = "50ms",
     .help = "The first pause."},
    {.name = "max_attempts",
     .type = FIELD_INT,
     AT(max_attempts),
     .min = 0,
     .max = 1000000,
     .default_text = "0",
     .help = "Starts within `window` after which it stays down."},
    {.name = "window",
     .type = FIELD_DURATION,
     AT(window_ns),
     .default_text = "60s",
     .help = "The time in which `max_attempts` are counted."},
};
const struct field_table fields_deploy_restart = {.name = "deploy.restart_policy",
    .help = "Compose's form of `restart`.",
    .fields = deploy_restart_rows,
    .count = COUNT(deploy_restart_rows),
    .defaults = &service_defaults.restart};

/* "no", "always", "unless-stopped", "on-failure" or "on-failure:N". */
static bool parse_restart(struct str text, struct restart_policy *policy)
{
    struct str rest = text, word = str_cut(&rest, ':');
    int64_t attempts;

    for (const struct field_choice *c = restart_words; c->name != NULL; c++) {
        if (!str_is(word, c->name))
            continue;
        policy->condition = (enum restart_condition)c->value;
        if (word.len == text.len)
            return true;
        if (c->value != RESTART_ON_FAILURE || !str_to_int(rest, &attempts) || attempts < 0 ||
            attempts > 1000000)
            return false;
        policy->max_attempts = (int)attempts;
        return true;
    }
    return false;
}

void decode_restart(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    struct service_draft *draft = into;
    const struct node *value = pair->value;
    bool truth = true;

    draft->restart_declared = true;
    draft->restart_span = pair->key_span;
    if (value->kind == NODE_MAP) {
        fields_decode(d, &fields_restart, value, &draft->service.restart);
    } else if (node_is_scalar(value) && value->kind == NODE_BOOL && node_to_bool(value, &truth) &&
               !truth) {
        draft->service.restart.condition = RESTART_NO;
    } else if (!node_is_scalar(value)) {
        (void)field_wrong(d, f->name, value, "a text or a map");
    } else if (!parse_restart(value->text, &draft->service.restart)) {
        diagnostic_error(d->diagnostics, "wrong-value", &value->span,
            "'restart' takes 'no', 'always', 'unless-stopped', 'on-failure' or 'on-failure:N', "
            "not '%.*s'",
            (int)(value->text.len < 40 ? value->text.len : 40), value->text.at);
    }
}

void decode_deploy_restart(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    struct service_draft *draft = into;

    (void)d;
    (void)f;
    draft->deploy_restart = pair;
}

void restart_finish(struct decode *d, struct service_draft *draft)
{
    const struct node_pair *pair = draft->deploy_restart;

    if (pair == NULL)
        return;
    if (pair->value->kind != NODE_MAP) {
        (void)field_wrong(d, "restart_policy", pair->value, "a map");
        return;
    }
    if (draft->restart_declared) {
        diagnostic_note(d->diagnostics, "no-effect", &draft->restart_span,
            "'restart' has no effect: deploy.restart_policy wins, as in Compose");
        diagnostic_other(d->diagnostics, &pair->key_span, "declared here");
    }
    draft->service.restart = service_defaults.restart;
    fields_decode(d, &fields_deploy_restart, pair->value, &draft->service.restart);
}

struct node *encode_restart(struct encode *e, const struct field *f, const void *from)
{
    struct node *map =
        fields_encode(e, &fields_restart, &((const struct service *)from)->restart);

    (void)f;
    return map->count > 0 ? map : NULL;
}
