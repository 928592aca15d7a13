#include "serve/event_json.h"

#include "base/clock.h"
#include "base/json.h"

#include "record/event_types.h"

#include "insight/sentence.h"

#define SENTENCE_BYTES_MAX (8u << 10)

void event_json_write(struct buf *out, const struct event *e)
{
    struct buf sentence = BUF_INIT(SENTENCE_BYTES_MAX);
    struct json j = json_begin(out);
    char at[CLOCK_TEXT_BYTES];

    clock_format(e->at_ns, 9, at);
    sentence_render(e, &sentence);
    json_open_object(&j, NULL);
    json_int(&j, "seq", (int64_t)e->seq);
    json_text(&j, "at", at);
    json_text(&j, "type", e->type);
    json_text(&j, "severity", event_severity_name(event_severity_of(e->type)));
    json_text(&j, "actor", e->actor);
    json_text(&j, "subject", e->subject);
    json_open_array(&j, "causes");
    for (size_t i = 0; i < e->cause_count; i++)
        json_int(&j, NULL, (int64_t)e->causes[i]);
    json_end(&j);
    json_raw(&j, "evidence", e->evidence.len > 0 ? e->evidence : STR("{}"));
    json_str(&j, "text", buf_str(&sentence));
    json_end(&j);
    buf_fini(&sentence);
}
