#include "base/clock.h"
#include "base/must.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/cmd.h"
#include "cli/plan_view.h"
#include "cli/text.h"

#include <stdio.h>
#include <string.h>

/* Where nobody runs services, that they do not run is no drift. */
static bool is_told(const struct plan_view *v, const struct change *c)
{
    return v->json != NULL || strcmp(c->kind->name, "service") != 0;
}

static size_t count_told(const struct plan_view *v)
{
    size_t told = 0;

    VEC_EACH (&v->plan.changes, const struct change, c)
        told += is_told(v, c);
    return told;
}

static void print_line(const struct cli *cli, const char *margin, struct str text)
{
    enum tone tone = text.len == 0       ? TONE_PLAIN
                     : text.at[0] == '+' ? TONE_GOOD
                     : text.at[0] == '-' ? TONE_BAD
                                         : TONE_PLAIN;
    struct buf line = BUF_INIT(1u << 20);

    text_escape(&line, text, TEXT_NO_COLOURS);
    (void)printf("%s%s%s%s\n", margin, tone != TONE_PLAIN ? terminal_tone(&cli->out, tone) : "",
        line.at != NULL ? line.at : "",
        tone != TONE_PLAIN ? terminal_tone(&cli->out, TONE_PLAIN) : "");
    buf_fini(&line);
}

static void print_field(const struct cli *cli, const struct field_change *f)
{
    static const struct str nothing = {.at = "(nothing)", .len = 9};
    struct str hunks = f->hunks;
    struct buf text = BUF_INIT(64u << 10);

    if (hunks.len > 0)
        buf_format(&text, "%s:", f->path);
    else
        buf_format(&text, "%s: %.*s → %.*s", f->path,
            STR_ARG(f->before.len > 0 ? f->before : nothing),
            STR_ARG(f->after.len > 0 ? f->after : nothing));
    print_line(cli, "    ", buf_str(&text));
    while (hunks.len > 0)
        print_line(cli, "      ", str_cut(&hunks, '\n'));
    buf_fini(&text);
}

static void print_change(const struct cli *cli, const struct change *c)
{
    struct buf name = BUF_INIT(4096);

    text_escape(&name, str_from(c->name), TEXT_NO_COLOURS);
    (void)printf("%s!%s %s %s  %s\n", terminal_tone(&cli->out, TONE_WARN),
        terminal_tone(&cli->out, TONE_PLAIN), c->kind->name, name.at != NULL ? name.at : "",
        c->drift != NULL    ? c->drift
        : c->reason != NULL ? c->reason
                            : "is other than it was applied");
    VEC_EACH (&c->fields, const struct field_change, f)
        print_field(cli, f);
    buf_fini(&name);
}

static int show(struct cli *cli, const struct plan_view *v)
{
    bool changed = count_told(v) > 0, any = changed || v->plan.notes.count > 0;

    if (cli->json)
        plan_view_print_json(v);
    else {
        VEC_EACH (&v->plan.notes, const char *, note)
            print_line(cli, "! ", str_from(*note));
        VEC_EACH (&v->plan.changes, const struct change, c)
            if (is_told(v, c))
                print_change(cli, c);
    }
    if (!any)
        cli_say(cli, "No drift: all is as it was applied.");
    else if (changed)
        cli_say(cli, "Put it right: tend apply. Keep it: write it into tend.yaml.");
    return cli_flag(cli, "detailed-exitcode") && any ? EXIT_USAGE : EXIT_DONE;
}

static int run(struct cli *cli)
{
    struct plan_view v = {.began_ns = clock_boot_ns()};
    struct client *c = NULL;
    struct err err = ERR_INIT;
    bool ok;
    int code;

    if (client_open(&c, cli, &err))
        ok = plan_view_ask_for(c, "GET", "/tend/v1/drift", STR(""), &v, &err);
    else if (err.kind == ERR_UNREACHABLE && cli_value(cli, "host") == NULL)
        ok = plan_view_make_drift(cli, &v, &err);
    else
        ok = false;
    code = ok ? show(cli, &v) : client_fail(cli, c, &err);
    plan_view_fini(&v);
    client_close(&c);
    return code;
}

static const struct flag flags[] = {
    FLAG("detailed-exitcode", 0, "exit with 2 if something has drifted"),
};

static const struct example examples[] = {
    {"tend drift",                     "what is other than it was applied last, and since when"},
    {"tend drift --detailed-exitcode", "for scripts: 0 nothing, 2 drift, 1 failed"             },
};

const struct command cmd_drift = {
    .name = "drift",
    .group = GROUP_DECLARING,
    .summary = "show what somebody changed behind tend's back",
    .usage = "",
    .about =
        "Compares the world with what was applied last, whatever tend.yaml says by now: files "
        "that\n"
        "were changed or removed, services that somebody stopped or scaled. `tend apply` heals it.",
    COMMAND_FLAGS(flags),
    COMMAND_EXAMPLES(examples),
    .run = run,
};
