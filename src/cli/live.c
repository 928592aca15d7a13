#include "cli/live.h"

#include "base/clock.h"
#include "base/must.h"
#include "cli/answer.h"
#include "cli/event_view.h"
#include "cli/screen.h"
#include "cli/status_view.h"
#include "cli/text.h"
#include "cli/why_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAME_BYTES_MAX (4u << 20)
#define REFRESH_MS      1000 /* at the latest */
#define REFRESH_MIN_MS  100  /* at the earliest: events may come in thousands */
#define EVENTS_KEPT     40
#define EVENTS_SHOWN    10
#define NAME_BYTES      192

/* What is on the screen and where the reader stands in it. */
struct live {
    struct cli *cli;
    struct client *client; /* for status and why */
    struct client *events; /* a stream of them, NULL while there is none */
    struct screen *screen;
    json_t *status;          /* NULL before the first */
    json_t *why;             /* shown instead of the events; NULL: not asked */
    char lost[200];          /* why the daemon cannot be asked now, "" */
    char *kept[EVENTS_KEPT]; /* the newest events as lines, the oldest first */
    size_t kept_count;
    uint64_t last_seq;
    size_t selected, top; /* rows of the table */
    int64_t asked_ms;
    bool stale; /* an event came since status was asked */
};

/* ---- what is known ---- */

static void keep_event(struct live *l, const json_t *event)
{
    struct event_view view = {.terminal = &l->cli->out, .now_ns = clock_wall_ns()};
    struct buf line = BUF_INIT(EVENT_VIEW_BYTES_MAX);

    event_view_line(&view, event, &line);
    if (line.len > 0 && line.at[line.len - 1] == '\n')
        line.at[--line.len] = '\0';
    if (l->kept_count == EVENTS_KEPT) {
        free(l->kept[0]);
        memmove(l->kept, l->kept + 1, sizeof l->kept[0] * (EVENTS_KEPT - 1));
        l->kept_count--;
    }
    l->kept[l->kept_count++] = buf_take(&line);
    l->last_seq = (uint64_t)answer_int(event, "seq", (json_int_t)l->last_seq);
    l->stale = true;
}

/* Follow the events from the last one seen; at first from a little before the head. */
static void open_events(struct live *l)
{
    int64_t head = answer_int(l->status, "head", 0);
    uint64_t since = head > EVENTS_KEPT ? (uint64_t)(head - EVENTS_KEPT + 1) : 1;
    char url[80];
    struct err err = ERR_INIT;

    if (l->last_seq > 0)
        since = l->last_seq + 1;
    (void)snprintf(
        url, sizeof url, "/tend/v1/events?since=%llu&follow=1", (unsigned long long)since);
    if (!client_open(&l->events, l->cli, &err) ||
        !client_stream(l->events, "GET", url, STR(""), &err))
        client_close(&l->events); /* the status says that the daemon is away */
}

static void read_events(struct live *l)
{
    struct str line;

    for (;;) {
        enum client_event event = client_line(l->events, 0, &line, NULL);
        json_t *object;

        if (event == CLIENT_WAIT)
            return;
        if (event != CLIENT_LINE) {
            client_close(&l->events);
            return;
        }
        object = json_loadb(line.at, line.len, 0, NULL);
        if (json_is_object(object))
            keep_event(l, object);
        json_decref(object);
    }
}

static bool fetch_status(struct live *l, json_t **out, struct err *err)
{
    if (l->client == NULL)
        TRY(client_open(&l->client, l->cli, err));
    return client_json(l->client, "GET", "/tend/v1/status", STR(""), out, err);
}

static void ask_status(struct live *l)
{
    json_t *status;
    struct err err = ERR_INIT;

    l->asked_ms = clock_boot_ms();
    l->stale = false;
    if (!fetch_status(l, &status, &err)) {
        client_close(&l->client);
        (void)snprintf(l->lost, sizeof l->lost, "%s", err.text);
        return;
    }
    json_decref(l->status);
    l->status = status;
    l->lost[0] = '\0';
    if (l->events == NULL)
        open_events(l);
    if (l->events != NULL)
        read_events(l); /* some came together with the head of the answer */
}

/* ---- rows: services and their instances, in the order of the table ---- */

static bool row_name(const struct live *l, size_t wanted, char out[NAME_BYTES])
{
    size_t i, k, row = 0;
    json_t *service, *instance;

    json_array_foreach(json_object_get(l->status, "services"), i, service)
    {
        const char *name = row++ == wanted ? answer_text(service, "name") : NULL;

        json_array_foreach(json_object_get(service, "instances"), k, instance) if (row++ == wanted)
            name = answer_text(instance, "id");
        if (name == NULL)
            continue;
        (void)snprintf(out, NAME_BYTES, "%s", name);
        return true;
    }
    return false;
}

static size_t row_count(const struct live *l)
{
    size_t i, rows = 0;
    json_t *service;

    json_array_foreach(json_object_get(l->status, "services"), i, service) rows +=
        1 + json_array_size(json_object_get(service, "instances"));
    return rows;
}

static void ask_why(struct live *l)
{
    char name[NAME_BYTES];
    struct buf url = BUF_INIT(1024);
    struct err err = ERR_INIT;

    json_decref(l->why);
    l->why = NULL;
    if (l->client == NULL || !row_name(l, l->selected, name))
        return;
    buf_add_text(&url, "/tend/v1/why?subject=");
    client_add_encoded(&url, name);
    if (!client_json(l->client, "GET", url.at, STR(""), &l->why, &err))
        l->why = json_pack("{s:[{s:i,s:s#}]}", "sentences", "depth", 0, "text", err.text,
            (int)str_utf8_valid(str_from(err.text)));
    buf_fini(&url);
}

/* ---- drawing ---- */

static void add_rule(const struct live *l, const char *title, struct buf *out)
{
    buf_format(out, "\n%s%s%s\n", terminal_tone(&l->cli->out, TONE_STRONG), title,
        terminal_tone(&l->cli->out, TONE_PLAIN));
}

/* The table's rows that fit, the selected one reversed; `rows` counts the titles too. */
static void add_table(struct live *l, struct str table, size_t rows, struct buf *out)
{
    size_t visible = rows > 1 ? rows - 1 : 1, row = 0;
    struct str titles = str_cut(&table, '\n');

    if (l->selected < l->top)
        l->top = l->selected;
    if (l->selected >= l->top + visible)
        l->top = l->selected - visible + 1;
    buf_format(out, "%.*s\n", STR_ARG(titles));
    for (; table.len > 0 && row < l->top + visible; row++) {
        struct str line = str_cut(&table, '\n');

        if (row < l->top)
            continue;
        if (row == l->selected) {
            buf_add_text(out, "\033[7m");
            text_escape(out, line, TEXT_NO_COLOURS);
            buf_add_text(out, "\033[0m\n");
        } else {
            buf_format(out, "%.*s\n", STR_ARG(line));
        }
    }
}

static void add_lower_part(struct live *l, size_t rows, struct buf *out)
{
    size_t first;

    if (l->why != NULL) {
        add_rule(l, "why  (Esc: back)", out);
        why_view_render(&l->cli->out, l->why, out);
        return;
    }
    add_rule(l, "events", out);
    rows = rows > 2 ? rows - 2 : 0;
    first = l->kept_count > rows ? l->kept_count - rows : 0;
    for (size_t i = first; i < l->kept_count; i++)
        buf_format(out, "%s\n", l->kept[i]);
}

static size_t count_lines(struct str text)
{
    size_t n = 0;

    for (; text.len > 0; n++)
        (void)str_cut(&text, '\n'); /* counted, not used */
    return n;
}

/* The last row is the line of keys, wherever the rest ended. */
static void add_keys(struct live *l, struct buf *frame)
{
    size_t rows = (size_t)l->cli->out.rows, lines = count_lines(buf_str(frame));
    struct buf cut = BUF_INIT(FRAME_BYTES_MAX);
    struct str rest = buf_str(frame);

    for (size_t i = 0; i + 1 < rows; i++) {
        struct str line = i < lines ? str_cut(&rest, '\n') : STR("");

        buf_format(&cut, "%.*s\n", STR_ARG(line));
    }
    if (l->lost[0] != '\0')
        buf_format(&cut, "%s%s %s%s", terminal_tone(&l->cli->out, TONE_BAD),
            terminal_mark(&l->cli->out, MARK_BAD), l->lost,
            terminal_tone(&l->cli->out, TONE_PLAIN));
    else
        buf_format(&cut, "%sq quit   j/k move   Enter why%s",
            terminal_tone(&l->cli->out, TONE_FAINT), terminal_tone(&l->cli->out, TONE_PLAIN));
    screen_draw(l->screen, buf_str(&cut));
    buf_fini(&cut);
}

static void draw(struct live *l)
{
    struct buf frame = BUF_INIT(FRAME_BYTES_MAX), table = BUF_INIT(FRAME_BYTES_MAX);
    struct status_view view = {
        .terminal = &l->cli->out, .now_ns = clock_wall_ns(), .instances = true};
    size_t rows = (size_t)l->cli->out.rows, lower = EVENTS_SHOWN + 2, used;

    if (l->status != NULL) {
        if (l->selected >= row_count(l))
            l->selected = row_count(l) > 0 ? row_count(l) - 1 : 0;
        status_view_head(&view, l->status, &frame);
        buf_add_byte(&frame, '\n');
        status_view_table(&view, l->status, &table);
        used = count_lines(buf_str(&frame));
        lower = l->why != NULL ? rows / 2 : lower < rows / 3 ? lower : rows / 3;
        add_table(
            l, buf_str(&table), rows > used + lower + 1 ? rows - used - lower - 1 : 2, &frame);
        add_lower_part(l, lower, &frame);
    }
    add_keys(l, &frame);
    buf_fini(&frame);
    buf_fini(&table);
}

/* ---- the loop ---- */

static void move(struct live *l, int by)
{
    size_t rows = row_count(l);

    if (by < 0)
        l->selected = l->selected > (size_t)-by ? l->selected - (size_t)-by : 0;
    else if (rows > 0)
        l->selected = l->selected + (size_t)by < rows ? l->selected + (size_t)by : rows - 1;
    if (l->why != NULL)
        ask_why(l);
}

/* False: leave. */
static bool press(struct live *l, int key)
{
    switch (key) {
    case 'q':
        return false;
    case 'j':
    case KEY_DOWN:
        move(l, 1);
        return true;
    case 'k':
    case KEY_UP:
        move(l, -1);
        return true;
    case KEY_PAGE_DOWN:
        move(l, l->cli->out.rows / 2);
        return true;
    case KEY_PAGE_UP:
        move(l, -l->cli->out.rows / 2);
        return true;
    case KEY_ENTER:
        ask_why(l);
        return true;
    case KEY_ESCAPE:
        json_decref(l->why);
        l->why = NULL;
        return true;
    default:
        return true;
    }
}

/* How long nothing needs to be asked. */
static int64_t rest_ms(const struct live *l)
{
    int64_t left = l->asked_ms + (l->stale ? REFRESH_MIN_MS : REFRESH_MS) - clock_boot_ms();

    return left > 0 ? left : 0;
}

static int loop(struct live *l)
{
    for (;;) {
        int fd = l->events != NULL ? client_fd(l->events) : -1, key = KEY_NONE;

        if (rest_ms(l) == 0)
            ask_status(l);
        draw(l);
        switch (screen_wait(l->screen, fd, (int)rest_ms(l), &key)) {
        case SCREEN_LEAVE:
            return EXIT_INTERRUPTED;
        case SCREEN_KEY:
            if (!press(l, key))
                return EXIT_DONE;
            break;
        case SCREEN_READY:
            read_events(l);
            break;
        case SCREEN_TIME:
            break;
        }
    }
}

int live_run(struct cli *cli, struct client *c)
{
    struct live l = {.cli = cli};
    struct err err = ERR_INIT;
    int code;

    (void)c; /* it answered, so there is a daemon; the view keeps a connection of its own */
    if (!screen_enter(&l.screen, &cli->out, &err))
        return cli_misuse(cli, &err, "tend status");
    l.asked_ms = clock_boot_ms() - REFRESH_MS;
    code = loop(&l);
    screen_leave(&l.screen);
    for (size_t i = 0; i < l.kept_count; i++)
        free(l.kept[i]);
    json_decref(l.status);
    json_decref(l.why);
    client_close(&l.client);
    client_close(&l.events);
    return code;
}
