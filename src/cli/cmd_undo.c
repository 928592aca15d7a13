#include "base/clock.h"
#include "base/json.h"
#include "base/must.h"
#include "cli/answer.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/cmd.h"
#include "cli/operation_view.h"
#include "cli/plan_view.h"
#include "cli/text.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH "/tend/v1/undo"

/* What would be done, where that is a plan. */
static bool show_plan(
    struct cli *cli, struct client *c, int64_t event, struct plan_view *out, struct err *err)
{
    char body[80];

    (void)snprintf(body, sizeof body, "{\"event\":%lld,\"dry_run\":true}", (long long)event);
    if (!plan_view_ask_for(c, "POST", PATH, str_from(body), out, err))
        return false;
    if (!cli->json)
        plan_view_print(cli, &cli->out, stdout, out, NULL);
    (void)fflush(stdout); /* so that the question stands below it */
    return true;
}

static void tell_what(struct cli *cli, const json_t *undo)
{
    struct buf text = BUF_INIT(8000);

    text_escape(&text, str_from(answer_text(undo, "what")), TEXT_NO_COLOURS);
    cli_say(cli, "The last change: %s (event %lld).", text.at != NULL ? text.at : "",
        (long long)answer_int(undo, "event", 0));
    if (answer_text(undo, "does")[0] != 0)
        cli_say(cli, "Its undo %s.", answer_text(undo, "does"));
    buf_fini(&text);
}

static bool confirmed(struct cli *cli)
{
    char answer[16];

    (void)fprintf(stderr, "%sUndo it?%s [y/N] ", terminal_tone(&cli->err_out, TONE_STRONG),
        terminal_tone(&cli->err_out, TONE_PLAIN));
    (void)fflush(stderr); /* it is a terminal */
    return fgets(answer, sizeof answer, stdin) != NULL &&
           (strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0 ||
               strcmp(answer, "Y\n") == 0);
}

static int carry_out(struct cli *cli, struct client *c, int64_t event, const struct plan_view *plan)
{
    struct buf body = BUF_INIT(1000);
    struct json j = json_begin(&body);
    struct operation o = {.path = PATH, .conflict_code = EXIT_STALE, .report = true};
    int code;

    json_open_object(&j, NULL);
    json_int(&j, "event", event);
    if (plan->json != NULL)
        json_text(&j, "plan", answer_text(plan->json, "digest"));
    json_end(&j);
    o.body = buf_str(&body);
    code = operation_run(cli, c, &o, NULL);
    buf_fini(&body);
    return code;
}

static int undo_this(struct cli *cli, struct client *c, const json_t *undo)
{
    int64_t event = answer_int(undo, "event", 0);
    struct err err = ERR_INIT;
    struct plan_view plan = {.began_ns = clock_boot_ns()};
    int code;

    if (!json_is_true(json_object_get(undo, "undoable"))) {
        (void)err_set(&err, ERR_UNSUPPORTED, "%s", answer_text(undo, "reason"));
        return cli_fail(cli, &err, "tend events shows what was done");
    }
    if (json_is_true(json_object_get(undo, "plans")) && !show_plan(cli, c, event, &plan, &err))
        code = client_fail(cli, c, &err);
    else if (!cli_flag(cli, "yes") && !confirmed(cli)) {
        cli_say(cli, "Nothing was changed.");
        code = EXIT_FAILED;
    } else
        code = carry_out(cli, c, event, &plan);
    plan_view_fini(&plan);
    return code;
}

static int run(struct cli *cli)
{
    struct client *c = NULL;
    struct err err = ERR_INIT;
    json_t *undo = NULL;
    int code;

    if (!cli_flag(cli, "yes") && isatty(STDIN_FILENO) != 1) {
        (void)err_set(&err, ERR_INVALID, "there is no terminal to ask on"); /* always false */
        return cli_misuse(cli, &err, "tend undo --yes");
    }
    if (client_open(&c, cli, &err) && client_json(c, "GET", PATH, STR(""), &undo, &err)) {
        if (answer_text(undo, "what")[0] != 0)
            tell_what(cli, undo);
        code = undo_this(cli, c, undo);
    } else
        code = client_fail(cli, c, &err);
    json_decref(undo);
    client_close(&c);
    return code;
}

static const struct flag flags[] = {
    FLAG("yes", 'y', "do not ask"),
};

static const struct example examples[] = {
    {"tend undo",    "show what the last change was and what its undo does, ask, and do it"},
    {"tend undo -y", "without asking; once more takes the undo back"                       },
};

const struct command cmd_undo = {
    .name = "undo",
    .group = GROUP_RUNNING,
    .summary = "take back the last change, whatever it was",
    .usage = "",
    .about =
        "The last apply (or up, rollback), down, scale, start, stop or pause. Of an apply, what "
        "was\n"
        "declared before is declared again, and files get back what they held; tend.yaml stays as "
        "it is.\n"
        "A restart cannot be undone.",
    COMMAND_FLAGS(flags),
    COMMAND_EXAMPLES(examples),
    .run = run,
};
