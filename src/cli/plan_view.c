#include "cli/plan_view.h"

#include "base/arena.h"
#include "base/clock.h"
#include "cli/answer.h"
#include "cli/text.h"
#include "engine/documents.h"
#include "engine/kinds.h"
#include "plan/plan.h"

#include <stdio.h>
#include <string.h>

#define NAMES_BYTES_MAX (1u << 20)
#define PLAN_BYTES_MAX  (64u << 20)
#define SIGN_COLUMNS    4 /* "-/+ " */

/* ---- making it ---- */

static const char *joined(const struct cli *cli, struct arena *a, const char *flag)
{
    struct buf names = BUF_INIT(NAMES_BYTES_MAX);
    const char *text = NULL;

    if (arguments_join(&cli->arguments, flag, '\n', &names))
        text = arena_copy(a, buf_str(&names).at);
    buf_fini(&names);
    return text;
}

struct plan_part plan_part_of(const struct cli *cli, struct arena *a)
{
    return (struct plan_part){
        .targets = joined(cli, a, "target"), .excludes = joined(cli, a, "exclude")};
}

static const char *read_names(const json_t *list, struct arena *a)
{
    struct buf names = BUF_INIT(NAMES_BYTES_MAX);
    const char *text;
    size_t i;
    json_t *one;

    json_array_foreach(list, i, one) if (json_is_string(one))
        buf_format(&names, "%s%s", i > 0 ? "\n" : "", json_string_value(one));
    text = arena_copy(a, buf_str(&names).at);
    buf_fini(&names);
    return text;
}

struct plan_part plan_part_read(const json_t *content, struct arena *a)
{
    return (struct plan_part){.targets = read_names(json_object_get(content, "target"), a),
        .excludes = read_names(json_object_get(content, "exclude"), a)};
}

static void write_names(struct json *j, const char *key, const char *names)
{
    struct str rest = str_from(names);

    if (rest.len == 0)
        return;
    json_open_array(j, key);
    while (rest.len > 0)
        json_str(j, NULL, str_cut(&rest, '\n'));
    json_end(j);
}

void plan_part_write(const struct plan_part *part, struct json *j)
{
    write_names(j, "target", part->targets);
    write_names(j, "exclude", part->excludes);
}

static void write_request(
    const struct project *project, const struct plan_part *part, struct buf *out)
{
    struct json j = json_begin(out);

    json_open_object(&j, NULL);
    json_raw(&j, "document", project->document);
    plan_part_write(part, &j);
    json_end(&j);
}

bool plan_view_ask_for(struct client *c, const char *method, const char *path, struct str body,
    struct plan_view *out, struct err *err)
{
    TRY(client_json(c, method, path, body, &out->json, err));
    out->arena = arena_create(0);
    return plan_read_json(&out->plan, out->arena, out->json, kinds_all, KINDS_COUNT) ||
           err_set(err, ERR_UNSUPPORTED, "the daemon's plan cannot be read by this version");
}

bool plan_view_ask(struct client *c, const struct project *project, const struct plan_part *part,
    struct plan_view *out, struct err *err)
{
    struct buf body = BUF_INIT(PLAN_BYTES_MAX);
    bool ok;

    if (str_from(part->targets).len + str_from(part->excludes).len > 0)
        write_request(project, part, &body);
    ok = plan_view_ask_for(
        c, "POST", "/tend/v1/plan", body.len > 0 ? buf_str(&body) : project->document, out, err);
    buf_fini(&body);
    return ok;
}

/* What is remembered, where the state directory is known. */
static bool load_managed(struct cli *cli, struct managed *m, struct err *err)
{
    char path[PATHS_BYTES + 16];
    struct paths paths;

    if (!cli_paths(cli, &paths, err))
        return false;
    (void)snprintf(path, sizeof path, "%s/state.db", paths.state_dir);
    return managed_load_file(m, path, err);
}

bool plan_view_make(struct cli *cli, const struct project *project, const struct plan_part *part,
    struct plan_view *out, struct err *err)
{
    TRY(load_managed(cli, &out->managed, err));
    out->arena = arena_create(0);
    out->survey = survey_begin(&out->managed, project);
    part_begin(&out->part, out->arena, project, NULL, kinds_all, KINDS_COUNT);
    TRY(part_choose(&out->part, part->targets, part->excludes, err));
    TRY(survey_look(out->survey, err));
    survey_plan(out->survey, &out->plan);
    part_filter(&out->part, &out->plan);
    out->plan.seen.count = 0; /* digests without the daemon's key could be guessed from */
    return true;
}

static bool take_digest(void *data, const struct views_fact *fact)
{
    if (strcmp(fact->subject, "project") == 0)
        buf_add_str(data, str_trim(fact->value));
    return true;
}

/* What was applied last, by the state directory's word. */
static const struct project *load_applied(struct cli *cli, struct err *err)
{
    char path[PATHS_BYTES + 16], digest[HASH_TEXT_BYTES];
    struct buf value = BUF_INIT(200);
    struct paths paths;
    const struct project *p = NULL;

    if (!cli_paths(cli, &paths, err))
        return NULL;
    (void)snprintf(path, sizeof path, "%s/state.db", paths.state_dir);
    if (views_read_facts(path, "document", take_digest, &value, err)) {
        (void)snprintf(digest, sizeof digest, "%s", value.len > 2 ? value.at + 1 : "");
        if (value.len == HASH_TEXT_BYTES + 1)
            p = documents_load(paths.state_dir, digest, (struct str){0}, err);
        else
            (void)err_set(err, ERR_MISSING, "nothing is applied, so nothing can drift");
    }
    buf_fini(&value);
    return p;
}

bool plan_view_make_drift(struct cli *cli, struct plan_view *out, struct err *err)
{
    const struct project *applied = load_applied(cli, err);
    bool ok = applied != NULL && plan_view_make(cli, applied, &(struct plan_part){0}, out, err);

    project_unref(&applied);
    return ok;
}

void plan_view_fini(struct plan_view *v)
{
    plan_fini(&v->plan);
    part_fini(&v->part);
    survey_destroy(&v->survey);
    managed_fini(&v->managed);
    arena_destroy(&v->arena);
    json_decref(v->json);
    v->json = NULL;
}

void plan_view_add_places(struct plan_view *v, const struct project *project)
{
    plan_add_places(&v->plan, v->arena, project);
}

/* ---- showing it ---- */

/* By the sign that a change's line begins with. */
static enum tone tone_of(struct str line)
{
    static const struct {
        const char *sign;
        enum tone tone;
    } tones[] = {
        {"+",   TONE_GOOD},
        {"~",   TONE_WARN},
        {"-/+", TONE_NAME},
        {"-",   TONE_BAD },
        {"→", TONE_BUSY},
        {"->",  TONE_BUSY},
        {"!",   TONE_WARN},
    };
    struct str rest = str_trim(line), sign = str_cut(&rest, ' ');

    if (line.len > SIGN_COLUMNS && strncmp(line.at, "      ", 6) != 0)
        for (size_t i = 0; i < sizeof tones / sizeof tones[0]; i++)
            if (str_is(sign, tones[i].sign))
                return tones[i].tone;
    return TONE_PLAIN;
}

/* By the first character of a diff's line. */
static enum tone tone_of_diff(struct str line)
{
    switch (line.len > 0 ? line.at[0] : '\0') {
    case '+':
        return TONE_GOOD;
    case '-':
        return TONE_BAD;
    case '@':
        return TONE_NAME;
    default:
        return TONE_PLAIN;
    }
}

/* Of a change's line, what its colour marks: sign and name. */
static struct str head_of(struct str line)
{
    for (size_t i = SIGN_COLUMNS; i + 1 < line.len; i++)
        if (line.at[i] == ' ' && line.at[i + 1] == ' ')
            return (struct str){line.at, i};
    return line;
}

static struct str whole(struct str line)
{
    return line;
}

static void print_lines(const struct terminal *t, FILE *to, struct str rest,
    enum tone (*tone_of_line)(struct str), struct str (*part)(struct str))
{
    struct buf line = BUF_INIT(PLAN_BYTES_MAX);

    while (rest.len > 0) {
        struct str text = str_cut(&rest, '\n'), marked;
        enum tone tone = tone_of_line(text);

        buf_reset(&line);
        text_escape(&line, text, TEXT_NO_COLOURS);
        marked = tone != TONE_PLAIN ? part(buf_str(&line)) : STR("");
        (void)fprintf(to, "%s%.*s%s%s\n", marked.len > 0 ? terminal_tone(t, tone) : "",
            STR_ARG(marked), marked.len > 0 ? terminal_tone(t, TONE_PLAIN) : "",
            str_tail(buf_str(&line), marked.len).at);
    }
    buf_fini(&line);
}

void plan_view_print(const struct cli *cli, const struct terminal *t, FILE *to, struct plan_view *v,
    const char *next)
{
    struct plan_look look = {
        .ascii = !t->utf8,
        .verbose = cli->verbose,
        .columns = t->columns,
        .next = next,
        .took_ns = v->began_ns > 0 ? clock_boot_ns() - v->began_ns : 0,
    };
    struct buf text = BUF_INIT(PLAN_BYTES_MAX);

    plan_write_text(&v->plan, &look, &text);
    print_lines(t, to, buf_str(&text), tone_of, head_of);
    buf_fini(&text);
}

void plan_view_print_json(const struct plan_view *v)
{
    struct buf text = BUF_INIT(PLAN_BYTES_MAX);

    plan_write_json(&v->plan, &text);
    buf_add_byte(&text, '\n');
    cli_write(buf_str(&text));
    buf_fini(&text);
}

void plan_view_print_brief(struct cli *cli, const struct plan_view *v)
{
    static const struct {
        const char *sign;
        enum tone tone;
    } looks[] = {
        [CHANGE_NONE] = {" ",   TONE_PLAIN},
        [CHANGE_CREATE] = {"+",   TONE_GOOD },
        [CHANGE_UPDATE] = {"~",   TONE_WARN },
        [CHANGE_REPLACE] = {"-/+", TONE_NAME },
        [CHANGE_DELETE] = {"-",   TONE_BAD  },
        [CHANGE_RESTART] = {"->",  TONE_BUSY },
    };

    VEC_EACH (&v->plan.changes, const struct change, c) {
        struct buf name = BUF_INIT(4096);

        text_escape(&name, str_from(c->name), TEXT_NO_COLOURS);
        cli_say(cli, "%s%3s%s %s", terminal_tone(&cli->err_out, looks[c->action].tone),
            looks[c->action].sign, terminal_tone(&cli->err_out, TONE_PLAIN),
            name.at != NULL ? name.at : "");
        buf_fini(&name);
    }
}

bool plan_view_is_empty(const json_t *diff)
{
    return json_array_size(json_object_get(diff, "changes")) == 0;
}

void plan_view_print_diff(const struct terminal *t, FILE *to, const json_t *diff)
{
    print_lines(t, to, str_from(answer_text(diff, "text")), tone_of_diff, whole);
}
