#include "engine/engine_private.h"

void note_begin(struct note *n, struct engine *e, const char *type, const char *subject)
{
    *n = (struct note){
        .engine = e,
        .event = {.type = type, .actor = "tend", .subject = subject, .boot_ns = e->now_ns},
    };
    buf_init(&n->body, EVENT_EVIDENCE_BYTES_MAX);
    n->json = json_begin(&n->body);
    json_open_object(&n->json, NULL);
}

void note_cause(struct note *n, uint64_t seq)
{
    if (seq == 0 || n->event.cause_count == EVENT_CAUSES_MAX)
        return;
    for (size_t i = 0; i < n->event.cause_count; i++)
        if (n->event.causes[i] == seq)
            return;
    n->event.causes[n->event.cause_count++] = seq;
}

void note_function(struct note *n, const char *name)
{
    json_text(&n->json, "function", name);
    json_open_object(&n->json, "params");
}

void note_function_end(struct note *n, double value, double threshold)
{
    json_end(&n->json);
    json_number(&n->json, "value", value);
    json_number(&n->json, "threshold", threshold);
}

void note_hash(struct note *n, const char *key, const struct hash *h)
{
    char text[HASH_TEXT_BYTES];

    hash_format(h, text);
    json_text(&n->json, key, text);
}

void note_short(struct note *n, const char *key, const struct hash *h)
{
    char text[HASH_TEXT_BYTES];

    hash_format(h, text);
    json_format(&n->json, key, "%.12s", text);
}

uint64_t note_end(struct note *n)
{
    uint64_t seq;

    json_end(&n->json);
    n->event.evidence = buf_str(&n->body);
    seq = n->engine->host.record(n->engine->host.data, &n->event);
    buf_fini(&n->body);
    n->engine->changed = true;
    return seq;
}

void note_unlisted(struct instance *i, enum instance_on on)
{
    struct note n;

    note_begin(&n, i->control->engine, "bug.unlisted_transition", i->subject);
    note_cause(&n, i->last_event);
    json_text(&n.json, "from", instance_state_name(i->state));
    json_text(&n.json, "on", instance_on_name(on));
    (void)note_end(&n);
}
