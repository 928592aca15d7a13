#include "cli/plan_view.h"

#include "base/arena.h"
#include "cli/answer.h"
#include "cli/text.h"
#include "engine/survey.h"

#include <stdio.h>
#include <string.h>

#define PLAN_BYTES_MAX (64u << 20)
#define SIGN_COLUMNS   4 /* "-/+ " */

bool plan_ask(struct client *c, const struct project *project, json_t **out, struct err *err)
{
    return client_json(c, "POST", "/tend/v1/plan", project->document, out, err);
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

static json_t *make(struct survey *s)
{
    struct buf text = BUF_INIT(PLAN_BYTES_MAX);
    struct plan plan;
    json_t *value;

    survey_plan(s, &plan);
    plan.seen.count = 0; /* digests without the daemon's key could be guessed from */
    plan_write_json(&plan, &text);
    value = json_loadb(text.at, text.len, 0, NULL);
    plan_fini(&plan);
    buf_fini(&text);
    return value;
}

json_t *plan_compute(struct cli *cli, const struct project *project, struct err *err)
{
    struct managed managed = {0};
    struct survey *s = NULL;
    json_t *value = NULL;

    if (load_managed(cli, &managed, err)) {
        s = survey_begin(&managed, project);
        if (survey_look(s, err) && (value = make(s)) == NULL)
            (void)err_set(err, ERR_LIMIT, "the plan is too long");
    }
    survey_destroy(&s);
    managed_fini(&managed);
    return value;
}

bool plan_view_is_empty(const json_t *plan)
{
    return json_array_size(json_object_get(plan, "changes")) == 0;
}

/* By the sign that a change's line begins with. */
static enum tone tone_of(struct str line)
{
    struct str sign =
        str_trim((struct str){line.at, line.len < SIGN_COLUMNS ? line.len : SIGN_COLUMNS});

    if (str_is(sign, "+"))
        return TONE_GOOD;
    if (str_is(sign, "~"))
        return TONE_WARN;
    if (str_is(sign, "-/+"))
        return TONE_NAME;
    return str_is(sign, "-") ? TONE_BAD : TONE_PLAIN;
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

static void print_lines(
    const struct terminal *t, FILE *to, const json_t *plan, enum tone (*tone_of_line)(struct str))
{
    struct str rest = str_from(answer_text(plan, "text"));
    struct buf line = BUF_INIT(PLAN_BYTES_MAX);

    while (rest.len > 0) {
        struct str text = str_cut(&rest, '\n');
        enum tone tone = tone_of_line(text);

        buf_reset(&line);
        text_escape(&line, text, TEXT_NO_COLOURS);
        (void)fprintf(to, "%s%s%s\n", tone != TONE_PLAIN ? terminal_tone(t, tone) : "",
            line.at != NULL ? line.at : "", tone != TONE_PLAIN ? terminal_tone(t, TONE_PLAIN) : "");
    }
    buf_fini(&line);
}

void plan_view_print(const struct terminal *t, FILE *to, const json_t *plan)
{
    print_lines(t, to, plan, tone_of);
}

void plan_view_print_diff(const struct terminal *t, FILE *to, const json_t *plan)
{
    print_lines(t, to, plan, tone_of_diff);
}

void plan_view_print_brief(struct cli *cli, const json_t *plan)
{
    static const struct {
        const char *action, *sign;
        enum tone tone;
    } looks[] = {
        {"create",  "+",   TONE_GOOD},
        {"update",  "~",   TONE_WARN},
        {"replace", "-/+", TONE_NAME},
        {"delete",  "-",   TONE_BAD },
    };
    size_t i;
    json_t *change;

    json_array_foreach(json_object_get(plan, "changes"), i, change)
    {
        struct buf name = BUF_INIT(4096);

        text_escape(&name, str_from(answer_text(change, "name")), TEXT_NO_COLOURS);
        for (size_t k = 0; k < sizeof looks / sizeof looks[0]; k++)
            if (strcmp(answer_text(change, "action"), looks[k].action) == 0)
                cli_say(cli, "%s%3s%s %s", terminal_tone(&cli->err_out, looks[k].tone),
                    looks[k].sign, terminal_tone(&cli->err_out, TONE_PLAIN),
                    name.at != NULL ? name.at : "");
        buf_fini(&name);
    }
}
