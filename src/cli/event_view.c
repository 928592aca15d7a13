#include "cli/event_view.h"

#include "cli/answer.h"
#include "cli/text.h"
#include "cli/when.h"
#include "insight/sentence.h"
#include "record/event.h"

#include <stdlib.h>
#include <string.h>

static enum tone tone_of(const char *severity)
{
    if (strcmp(severity, "error") == 0)
        return TONE_BAD;
    if (strcmp(severity, "warn") == 0)
        return TONE_WARN;
    return strcmp(severity, "notice") == 0 ? TONE_GOOD : TONE_PLAIN;
}

/* Borrows its texts from `object`, and from `evidence`, which the caller frees. */
static struct event event_from(const json_t *object, char **evidence)
{
    const json_t *causes = json_object_get(object, "causes");
    struct event e = {
        .seq = (uint64_t)answer_int(object, "seq", 0),
        .at_ns = answer_time(object, "at"),
        .boot_id = "",
        .type = answer_text(object, "type"),
        .actor = answer_text(object, "actor"),
        .subject = answer_text(object, "subject"),
    };

    *evidence = json_dumps(json_object_get(object, "evidence"), JSON_COMPACT);
    e.evidence = *evidence != NULL ? str_from(*evidence) : STR("{}");
    for (size_t i = 0; i < json_array_size(causes) && i < EVENT_CAUSES_MAX; i++)
        e.causes[e.cause_count++] = (uint64_t)json_integer_value(json_array_get(causes, i));
    return e;
}

static void add_details(const struct event_view *v, const struct event *e, struct buf *out)
{
    buf_format(out, "    %s", terminal_tone(v->terminal, TONE_FAINT));
    text_escape(out, str_from(e->type), TEXT_NO_COLOURS);
    buf_add_text(out, " by ");
    text_escape(out, str_from(e->actor), TEXT_NO_COLOURS);
    for (size_t i = 0; i < e->cause_count; i++)
        buf_format(
            out, "%s#%llu", i == 0 ? ", because of " : " ", (unsigned long long)e->causes[i]);
    buf_add_text(out, "  ");
    text_escape(out, e->evidence, TEXT_NO_COLOURS);
    buf_format(out, "%s\n", terminal_tone(v->terminal, TONE_PLAIN));
}

void event_view_line(const struct event_view *v, const json_t *object, struct buf *out)
{
    char *evidence, time[WHEN_TEXT_BYTES];
    struct event e = event_from(object, &evidence);
    enum tone tone = tone_of(answer_text(object, "severity"));

    when_format(e.at_ns, v->now_ns, time);
    buf_format(out, "%s%s%s  %s", terminal_tone(v->terminal, TONE_FAINT), time,
        terminal_tone(v->terminal, TONE_PLAIN),
        tone != TONE_PLAIN ? terminal_tone(v->terminal, tone) : "");
    sentence_render(&e, out);
    buf_format(out, "%s  %s[#%llu]%s\n", terminal_tone(v->terminal, TONE_PLAIN),
        terminal_tone(v->terminal, TONE_FAINT), (unsigned long long)e.seq,
        terminal_tone(v->terminal, TONE_PLAIN));
    if (v->verbose)
        add_details(v, &e, out);
    free(evidence);
}
