/* The plain page: what runs, how it is, what happened last. One answer, no script; it loads itself
 * anew every few seconds. Everything that comes from outside goes through html_add_text. */
#include "base/clock.h"
#include "base/must.h"
#include "base/redact.h"
#include "base/units.h"

#include "engine/snapshot.h"

#include "insight/sentence.h"

#include "record/event_types.h"
#include "record/views.h"

#include "serve/html.h"
#include "serve/serve_private.h"

#include <unistd.h>

#define EVENTS_SHOWN 30
#define REFRESH_S    5

extern const char openapi_json[], style_css[];
extern const size_t openapi_json_len, style_css_len;

struct page {
    struct buf *out;
    int64_t now_ns;
};

static void text(struct page *p, const char *value)
{
    html_add_text(p->out, str_from(value));
}

static void raw(struct page *p, const char *html)
{
    buf_add_text(p->out, html);
}

static void about(struct page *p, int64_t since_ns)
{
    char ago[UNITS_TEXT_BYTES];

    if (since_ns <= 0) {
        raw(p, "–");
        return;
    }
    units_format_about(p->now_ns > since_ns ? p->now_ns - since_ns : 0, ago);
    text(p, ago);
}

static void state(struct page *p, const char *tag, const char *name)
{
    buf_format(p->out, "<%s class=\"state ", tag);
    text(p, name);
    raw(p, "\">");
    text(p, name);
    buf_format(p->out, "</%s>", tag);
}

static void put_head(struct page *p, const struct snapshot *s)
{
    buf_format(p->out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
        "<meta http-equiv=\"refresh\" content=\"%d\"><link rel=\"icon\" href=\"data:,\">"
        "<link rel=\"stylesheet\" href=\"/style.css\"><title>",
        REFRESH_S);
    text(p, s->project);
    raw(p, " – tend</title></head>\n<body><header><h1>");
    text(p, s->project);
    raw(p, "</h1><p class=\"quiet\">tend " TEND_VERSION ", up for ");
    about(p, s->started_at_ns);
    raw(p, "</p></header>\n<main>\n");
}

static void put_notes(struct page *p, const struct snapshot *s)
{
    char until[CLOCK_TEXT_BYTES];

    if (s->paused_until_ns > p->now_ns) {
        clock_format(s->paused_until_ns, 0, until);
        raw(p, "<p class=\"note\">Paused until ");
        text(p, until);
        raw(p, ": tend watches and does nothing.</p>\n");
    }
    for (size_t i = 0; i < s->degraded_count; i++) {
        raw(p, "<p class=\"note\">");
        text(p, s->degraded[i]);
        raw(p, "</p>\n");
    }
}

static void put_instance(struct page *p, const struct instance_snapshot *i)
{
    char memory[UNITS_TEXT_BYTES] = "–";

    if (i->memory_bytes >= 0)
        units_format_bytes(i->memory_bytes, memory);
    raw(p, "<tr><td>");
    text(p, i->id);
    raw(p, "</td>");
    state(p, "td", i->state);
    raw(p, "<td>");
    about(p, i->started_at_ns);
    buf_format(p->out, "</td><td>%lld</td><td>", (long long)i->restarts);
    text(p, memory);
    raw(p, "</td><td>");
    text(p, i->address != NULL ? i->address : "–");
    raw(p, "</td></tr>\n");
    if (i->reason != NULL && i->reason[0] != '\0') {
        raw(p, "<tr><td colspan=\"4\" class=\"quiet\">");
        text(p, i->reason);
        raw(p, "</td></tr>\n");
    }
}

static void put_service(struct page *p, const struct service_snapshot *s)
{
    raw(p, "<article><h3><span>");
    text(p, s->name);
    buf_format(p->out, " <span class=\"quiet\">%d/%d</span></span>", s->ready, s->desired);
    state(p, "span", s->state);
    raw(p, "</h3>");
    if (s->instance_count > 0)
        raw(p, "<table><thead><tr><th>instance</th><th>state</th><th>up for</th><th>restarts</th>"
               "<th>memory</th><th>address</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < s->instance_count; i++)
        put_instance(p, &s->instances[i]);
    raw(p, s->instance_count > 0 ? "</tbody></table></article>\n" : "</article>\n");
}

static bool put_event(void *data, const struct event *e)
{
    struct page *p = data;
    struct buf sentence = BUF_INIT(8 << 10);
    char at[CLOCK_TEXT_BYTES];

    clock_format(e->at_ns, 0, at);
    sentence_render(e, &sentence);
    raw(p, "<li><time>");
    text(p, at);
    buf_format(p->out, "</time><span%s>",
        event_severity_of(e->type) == EVENT_ERROR ? " class=\"error\"" : "");
    html_add_text(p->out, buf_str(&sentence));
    buf_format(
        p->out, " <span class=\"quiet\">#%llu</span></span></li>\n", (unsigned long long)e->seq);
    buf_fini(&sentence);
    return true;
}

static void put_events(struct page *p, struct views *views)
{
    struct views_filter filter = {.limit = EVENTS_SHOWN, .last = true};
    struct err err;

    raw(p, "<h2>Last events</h2>\n<ol>\n");
    if (!views_each_event(views, &filter, put_event, p, &err)) {
        raw(p, "<li class=\"error\">");
        text(p, err.text);
        raw(p, "</li>\n");
    }
    raw(p, "</ol>\n");
}

static void run_page(struct task *task)
{
    const struct snapshot *s = task->serve->host.acquire(task->serve->host.data);
    struct buf out = BUF_INIT(ANSWER_BYTES_MAX);
    struct page p = {.out = &out, .now_ns = clock_wall_ns()};

    put_head(&p, s);
    put_notes(&p, s);
    raw(&p, s->service_count > 0 ? "<h2>Services</h2>\n" : "<p>Nothing is declared yet.</p>\n");
    for (size_t i = 0; i < s->service_count; i++)
        put_service(&p, s->services[i]);
    put_events(&p, task->serve->host.views);
    raw(&p, "</main><footer>This page only shows; <code>tend</code> changes. "
            "<a href=\"/metrics\">metrics</a></footer></body></html>\n");
    snapshot_unref(&s);
    redact_rest(&out, 0);
    answer_buf_later(task->stream, "text/html; charset=utf-8", &out);
}

void answer_page(struct call *call)
{
    task_start(call, (struct task){.run = run_page});
}

void answer_style(struct call *call)
{
    http_answer(call->request, 200, "text/css; charset=utf-8",
        (struct str){.at = style_css, .len = style_css_len});
}

void answer_openapi(struct call *call)
{
    http_answer(
        call->request, 200, JSON_TYPE, (struct str){.at = openapi_json, .len = openapi_json_len});
}
