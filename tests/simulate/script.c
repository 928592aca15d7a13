/* Lives as text. */
#include "script.h"

#include "base/must.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- deeds: one row each ---- */

enum form {
    FORM_NOTHING,
    FORM_PROJECT, /* apply 1 [start] */
    FORM_SUBJECT, /* stop web[/2] */
    FORM_COUNT,   /* scale web 3 */
    FORM_PROGRAM, /* become web/1 crash|itself */
    FORM_NUMBER,  /* clock -5000 */
    FORM_DEATH,   /* die 3 away=200 */
    FORM_REBOOT,  /* reboot [keeps] away=200 */
};

static const struct {
    const char *name;
    enum form form;
} rows[DEED_KINDS] = {
    [DEED_APPLY] = {"apply",     FORM_PROJECT},
    [DEED_DOWN] = {"down",      FORM_NOTHING},
    [DEED_SCALE] = {"scale",     FORM_COUNT  },
    [DEED_STOP] = {"stop",      FORM_SUBJECT},
    [DEED_START] = {"start",     FORM_SUBJECT},
    [DEED_RESTART] = {"restart",   FORM_SUBJECT},
    [DEED_RETRY] = {"retry",     FORM_SUBJECT},
    [DEED_PAUSE] = {"pause",     FORM_NUMBER },
    [DEED_RESUME] = {"resume",    FORM_NOTHING},
    [DEED_KILL] = {"kill",      FORM_SUBJECT},
    [DEED_HANG] = {"hang",      FORM_SUBJECT},
    [DEED_KILL_SHIM] = {"kill-shim", FORM_SUBJECT},
    [DEED_BECOME] = {"become",    FORM_PROGRAM},
    [DEED_DIE] = {"die",       FORM_DEATH  },
    [DEED_RELIEVE] = {"relieve",   FORM_NOTHING},
    [DEED_REBOOT] = {"reboot",    FORM_REBOOT },
    [DEED_CLOCK] = {"clock",     FORM_NUMBER },
    [DEED_SUSPEND] = {"suspend",   FORM_NUMBER },
    [DEED_FILL_DISK] = {"fill-disk", FORM_NOTHING},
    [DEED_FREE_DISK] = {"free-disk", FORM_NOTHING},
    [DEED_TAKE_PORT] = {"take-port", FORM_NUMBER },
    [DEED_FREE_PORT] = {"free-port", FORM_NUMBER },
    [DEED_WAIT] = {"wait",      FORM_NOTHING},
    [DEED_SETTLE] = {"settle",    FORM_PROJECT},
};

void deed_write(const struct deed *d, struct buf *out)
{
    buf_add_text(out, rows[d->kind].name);
    switch (rows[d->kind].form) {
    case FORM_NOTHING:
        return;
    case FORM_PROJECT:
        buf_format(out, " %" PRId64 "%s", d->number, d->start ? " start" : "");
        return;
    case FORM_NUMBER:
        buf_format(out, " %" PRId64, d->number);
        return;
    case FORM_DEATH:
        buf_format(out, " %" PRId64 " away=%" PRId64, d->number, d->away_ms);
        return;
    case FORM_REBOOT:
        buf_format(out, "%s away=%" PRId64, d->keeps ? " keeps" : "", d->away_ms);
        return;
    default:
        break;
    }
    buf_format(out, " %s", d->service);
    if (d->slot > 0)
        buf_format(out, "/%d", d->slot);
    if (rows[d->kind].form == FORM_COUNT)
        buf_format(out, " %" PRId64, d->number);
    if (rows[d->kind].form == FORM_PROGRAM)
        buf_format(out, " %s", d->program != NULL ? d->program->name : "itself");
}

void script_write(const struct script *s, struct buf *out)
{
    buf_format(out, "seed %" PRIu64 "\n", s->seed);
    VEC_EACH (&s->projects, struct project_text, p) {
        buf_add_text(out, "project\n");
        for (size_t k = 0; k < p->count; k++) {
            buf_add_text(out, "  ");
            service_write(&p->services[k], out);
            buf_add_text(out, "\n");
        }
    }
    VEC_EACH (&s->deeds, struct deed, d) {
        buf_format(out, "%" PRId64 " ", d->after_ms);
        deed_write(d, out);
        buf_add_text(out, "\n");
    }
}

/* ---- reading ---- */

static bool read_subject(struct deed *d, struct str word, struct err *err)
{
    struct str name = str_cut(&word, '/');
    int64_t slot = 0;

    if (name.len == 0 || name.len >= NAME_BYTES ||
        (word.len > 0 && (!str_to_int(word, &slot) || slot < 1 || slot > SLOTS_MAX)))
        return err_set(err, ERR_INVALID, "SERVICE or SERVICE/SLOT is wanted");
    (void)snprintf(d->service, sizeof d->service, "%.*s", STR_ARG(name));
    d->slot = (int)slot;
    return true;
}

static bool read_program(struct deed *d, struct str word, struct err *err)
{
    char name[32];

    if (str_is(word, "itself"))
        return true;
    (void)snprintf(name, sizeof name, "%.*s", STR_ARG(word));
    d->program = sim_program_find(name);
    return d->program != NULL || err_set(err, ERR_INVALID, "there is no program \"%s\"", name);
}

static bool read_word(struct deed *d, size_t position, struct str word, struct err *err)
{
    enum form form = rows[d->kind].form;
    struct str value = word, key = str_cut(&value, '=');

    if (str_is(key, "away") && str_to_int(value, &d->away_ms) && d->away_ms >= 0)
        return true;
    if (form == FORM_REBOOT && str_is(word, "keeps"))
        return d->keeps = true;
    if (form == FORM_PROJECT && position == 1 && str_is(word, "start"))
        return d->start = true;
    if (position == 0 && (form == FORM_SUBJECT || form == FORM_COUNT || form == FORM_PROGRAM))
        return read_subject(d, word, err);
    if (position == 1 && form == FORM_PROGRAM)
        return read_program(d, word, err);
    if (str_to_int(word, &d->number))
        return true;
    return err_set(err, ERR_INVALID, "%s: \"%.*s\"?", rows[d->kind].name, STR_ARG(word));
}

static bool read_deed(struct script *s, struct str line, struct err *err)
{
    struct str after = str_cut(&line, ' '), name = str_cut(&line, ' ');
    struct deed d = {.kind = DEED_KINDS};

    for (int k = 0; k < DEED_KINDS; k++)
        if (str_is(name, rows[k].name))
            d.kind = (enum deed_kind)k;
    if (!str_to_int(after, &d.after_ms) || d.after_ms < 0 || d.kind == DEED_KINDS)
        return err_set(err, ERR_INVALID, "MILLISECONDS DEED … is wanted");
    for (size_t position = 0; line.len > 0; position++)
        TRY(read_word(&d, position, str_cut(&line, ' '), err));
    if (rows[d.kind].form == FORM_PROJECT && (d.number < 1 || (size_t)d.number > s->projects.count))
        return err_set(err, ERR_INVALID, "there is no project %" PRId64, d.number);
    vec_push(&s->deeds, d);
    return true;
}

static bool read_line(struct script *s, struct str line, struct err *err)
{
    bool indented = line.len > 0 && line.at[0] == ' ';
    struct str rest, word;

    line = str_trim(str_cut(&line, '#'));
    rest = line;
    if (line.len == 0)
        return true;
    if (indented && s->projects.count > 0) {
        struct project_text *p = &s->projects.at[s->projects.count - 1];

        if (p->count == SERVICES_MAX)
            return err_set(err, ERR_LIMIT, "more than %d services", SERVICES_MAX);
        return service_read(&p->services[p->count++], line, err);
    }
    word = str_cut(&rest, ' ');
    if (str_is(word, "seed"))
        return str_to_uint(rest, &s->seed) || err_set(err, ERR_INVALID, "seed NUMBER is wanted");
    if (str_is(word, "project")) {
        (void)vec_add(&s->projects);
        return true;
    }
    return read_deed(s, line, err);
}

bool script_read(struct script *out, struct str text, struct err *err)
{
    *out = (struct script){.seed = 1};
    for (int number = 1; text.len > 0; number++)
        if (!read_line(out, str_cut(&text, '\n'), err))
            return err_in(err, "line %d", number);
    if (out->deeds.count == 0 || out->deeds.at[out->deeds.count - 1].kind != DEED_SETTLE)
        return err_set(err, ERR_INVALID, "a life ends with settle");
    return true;
}

void script_copy(struct script *out, const struct script *from)
{
    *out = (struct script){.seed = from->seed};
    VEC_EACH (&from->projects, struct project_text, p)
        vec_push(&out->projects, *p);
    VEC_EACH (&from->deeds, struct deed, d)
        vec_push(&out->deeds, *d);
}

void script_fini(struct script *s)
{
    vec_fini(&s->projects);
    vec_fini(&s->deeds);
}
