#include "cli/progress.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/units.h"
#include "base/vec.h"
#include "cli/status_view.h"
#include "cli/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERVICES_MAX    10000
#define QUIET_MS        1000 /* before spinner and time show */
#define FRAME_BYTES_MAX (1u << 20)
#define TEXT_BYTES      300
#define NAME_BYTES      128
#define STATE_BYTES     32
#define PARTS_MAX       1000
#define STATE_COLUMNS   11

/* What was said last about the service itself or one of its instances. */
struct part {
    char subject[NAME_BYTES], state[STATE_BYTES], text[TEXT_BYTES];
};

struct line {
    char service[NAME_BYTES];
    struct {
        VEC_OF(struct part);
    } parts;
    int64_t begun_ms, ended_ms; /* ended 0: not settled */
};

struct progress {
    struct cli *cli;
    struct {
        VEC_OF(struct line);
    } lines;
    size_t drawn; /* lines on the screen that are ours */
    unsigned turn;
};

struct progress *progress_create(struct cli *cli)
{
    struct progress *p = mem_new(struct progress);

    p->cli = cli;
    return p;
}

static bool silent(const struct progress *p)
{
    return p->cli->quiet || p->cli->json;
}

static bool in_place(const struct progress *p)
{
    return p->cli->err_out.cursor;
}

static void copy_escaped(char *out, size_t bytes, const char *text)
{
    struct buf escaped = BUF_INIT(64 << 10);

    text_escape(&escaped, str_from(text), TEXT_NO_COLOURS);
    (void)snprintf(out, bytes, "%s", escaped.at != NULL ? escaped.at : "");
    buf_fini(&escaped);
}

/* The line of the service that `subject` belongs to, made if it is new; NULL past the bound. */
static struct line *line_of(struct progress *p, const char *subject)
{
    struct str rest = str_from(subject), service = str_cut(&rest, '/');
    char name[NAME_BYTES], clean[NAME_BYTES];
    struct line *line;

    (void)snprintf(name, sizeof name, "%.*s", STR_ARG(service));
    copy_escaped(clean, sizeof clean, name);
    VEC_EACH (&p->lines, struct line, known)
        if (strcmp(known->service, clean) == 0)
            return known;
    if (p->lines.count >= SERVICES_MAX)
        return NULL;
    line = vec_add(&p->lines);
    (void)snprintf(line->service, sizeof line->service, "%s", clean);
    line->begun_ms = clock_boot_ms();
    return line;
}

static struct part *part_of(struct line *line, const char *subject)
{
    struct part *part;

    VEC_EACH (&line->parts, struct part, known)
        if (strcmp(known->subject, subject) == 0)
            return known;
    if (line->parts.count >= PARTS_MAX)
        return &line->parts.at[0];
    part = vec_add(&line->parts);
    (void)snprintf(part->subject, sizeof part->subject, "%s", subject);
    return part;
}

static bool settled(const struct part *part)
{
    enum tone tone = status_view_tone(part->state);

    return tone == TONE_GOOD || tone == TONE_FAINT;
}

/* What the line shows: what failed, else what is under way, else the last one. */
static const struct part *shown_part(const struct line *line)
{
    static const struct part none;
    const struct part *shown = &none;

    VEC_EACH (&line->parts, const struct part, part) {
        if (status_view_tone(part->state) == TONE_BAD)
            return part;
        if (shown == &none || settled(shown))
            shown = part;
    }
    return shown;
}

static int name_columns(const struct progress *p)
{
    int widest = 0;

    VEC_EACH (&p->lines, struct line, line)
        if (text_width(str_from(line->service)) > widest)
            widest = text_width(str_from(line->service));
    return widest;
}

static void add_mark(const struct progress *p, const struct line *line, struct buf *out)
{
    const struct terminal *t = &p->cli->err_out;
    bool bad = status_view_tone(shown_part(line)->state) == TONE_BAD;

    if (bad)
        buf_format(out, "%s%s", terminal_tone(t, TONE_BAD), terminal_mark(t, MARK_BAD));
    else if (line->ended_ms > 0)
        buf_format(out, "%s%s", terminal_tone(t, TONE_GOOD), terminal_mark(t, MARK_GOOD));
    else if (clock_boot_ms() - line->begun_ms > QUIET_MS)
        buf_format(out, "%s%s", terminal_tone(t, TONE_BUSY), terminal_spinner(t, p->turn));
    else
        buf_format(out, "%s%s", terminal_tone(t, TONE_BUSY), terminal_mark(t, MARK_BUSY));
    buf_add_text(out, terminal_tone(t, TONE_PLAIN));
}

static void add_line(
    const struct progress *p, const struct line *line, int columns, struct buf *out)
{
    const struct terminal *t = &p->cli->err_out;
    const struct part *part = shown_part(line);
    int64_t took_ms = (line->ended_ms > 0 ? line->ended_ms : clock_boot_ms()) - line->begun_ms;
    struct buf text = BUF_INIT(1024);
    char took[UNITS_TEXT_BYTES] = "";
    int room;

    if (line->ended_ms > 0 || took_ms > QUIET_MS)
        units_format_about(took_ms * NS_PER_MS, took);
    if (line->ended_ms == 0 && part->text[0] != '\0')
        buf_format(&text, "%s%s%s", strchr(part->subject, '/') != NULL ? part->subject : "",
            strchr(part->subject, '/') != NULL ? ": " : "", part->text);
    add_mark(p, line, out);
    buf_format(out, " %s%*s  %s%-*s%s  ", line->service,
        columns - text_width(str_from(line->service)), "",
        terminal_tone(t, status_view_tone(part->state)), STATE_COLUMNS, part->state,
        terminal_tone(t, TONE_PLAIN));
    room = t->columns - columns - STATE_COLUMNS - 18;
    if (room > 0)
        buf_add_str(out, text_fit(buf_str(&text), room));
    buf_format(out, "  %s%s%s", terminal_tone(t, TONE_FAINT), took, terminal_tone(t, TONE_PLAIN));
    buf_fini(&text);
}

/* All lines again, over those that stand there; what does not fit on the screen is only counted. */
static void draw(struct progress *p)
{
    struct buf out = BUF_INIT(FRAME_BYTES_MAX);
    int rows = p->cli->err_out.rows;
    size_t room = rows > 4 ? (size_t)rows - 3 : 1, skipped = 0;
    int columns = name_columns(p);

    if (p->lines.count > room)
        skipped = p->lines.count - room;
    if (p->drawn > 0)
        buf_format(&out, "\033[%zuA", p->drawn);
    p->drawn = 0;
    if (skipped > 0) {
        buf_format(&out, "\r%zu more above\033[K\n", skipped);
        p->drawn++;
    }
    for (size_t i = skipped; i < p->lines.count; i++) {
        buf_add_byte(&out, '\r');
        add_line(p, &p->lines.at[i], columns, &out);
        buf_add_text(&out, "\033[K\n");
        p->drawn++;
    }
    (void)fwrite(out.at, 1, out.len, stderr); /* nobody is left to tell */
    (void)fflush(stderr);
    buf_fini(&out);
}

static void print_plain(
    const struct progress *p, const char *subject, const char *state, const char *text)
{
    char clean_subject[NAME_BYTES], clean_state[64], clean_text[TEXT_BYTES];

    copy_escaped(clean_subject, sizeof clean_subject, subject);
    copy_escaped(clean_state, sizeof clean_state, state);
    copy_escaped(clean_text, sizeof clean_text, text);
    cli_say(
        p->cli, "%s %s%s%s", clean_subject, clean_state, text[0] != '\0' ? ": " : "", clean_text);
}

/* True if this is news. */
static bool update(struct line *line, const char *subject, const char *state, const char *text)
{
    char clean[NAME_BYTES];
    struct part *part, before;
    bool all = true;

    copy_escaped(clean, sizeof clean, subject);
    part = part_of(line, clean);
    before = *part;
    copy_escaped(part->state, sizeof part->state, state);
    if (text[0] != '\0' || status_view_tone(state) != TONE_BAD)
        copy_escaped(part->text, sizeof part->text, text);
    VEC_EACH (&line->parts, struct part, each)
        all = all && settled(each);
    line->ended_ms = all ? clock_boot_ms() : 0;
    return strcmp(before.state, part->state) != 0 || strcmp(before.text, part->text) != 0;
}

void progress_set(struct progress *p, const char *subject, const char *state, const char *text)
{
    struct line *line = line_of(p, subject);

    if (line == NULL || !update(line, subject, state, text) || silent(p))
        return;
    if (in_place(p))
        draw(p);
    else
        print_plain(p, subject, state, text);
}

void progress_done(struct progress *p, const char *subject)
{
    struct line *line = line_of(p, subject);

    if (line == NULL)
        return;
    line->ended_ms = clock_boot_ms();
    if (silent(p))
        return;
    if (in_place(p))
        draw(p);
    else
        cli_say(p->cli, "%s done", line->service);
}

void progress_tick(struct progress *p)
{
    p->turn++;
    if (!silent(p) && in_place(p) && progress_unsettled(p, 0) != NULL)
        draw(p);
}

const char *progress_unsettled(const struct progress *p, size_t i)
{
    VEC_EACH (&p->lines, struct line, line)
        if (line->ended_ms == 0 && i-- == 0)
            return line->service;
    return NULL;
}

const char *progress_last_text(const struct progress *p, const char *service)
{
    VEC_EACH (&p->lines, struct line, line)
        if (strcmp(line->service, service) == 0)
            return shown_part(line)->text;
    return "";
}

void progress_destroy(struct progress **p)
{
    if (*p == NULL)
        return;
    VEC_EACH (&(*p)->lines, struct line, line)
        vec_fini(&line->parts);
    vec_fini(&(*p)->lines);
    free(*p);
    *p = NULL;
}
