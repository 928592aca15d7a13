#include "cli/apply.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/units.h"
#include "cli/answer.h"
#include "cli/daemon_start.h"
#include "cli/operation_view.h"
#include "cli/output_view.h"
#include "cli/plan_view.h"
#include "spec/contents.h"

#include <stdio.h>
#include <string.h>

#include <time.h>

#define BODY_BYTES_MAX   (64u << 20)
#define ANSWER_BYTES_MAX (64u << 10)
#define STARTED_WAIT_MS  5000
#define TRY_AGAIN_MS     5

/* Connected is not answered: while a killed daemon's last child is between vfork and exec, the
 * daemon's socket still takes connections that nobody will serve. */
static bool open_answering(struct client **out, struct cli *cli, struct err *err)
{
    struct buf text = BUF_INIT(ANSWER_BYTES_MAX);
    bool ok = client_open(out, cli, err) &&
              (client_text(*out, "GET", "/-/healthy", STR(""), &text, err) ||
                  err->kind != ERR_UNREACHABLE);

    buf_fini(&text);
    if (ok)
        *err = (struct err)ERR_INIT;
    return ok;
}

static bool open_started(struct client **out, struct cli *cli, struct err *err)
{
    int64_t deadline_ms = clock_boot_ms() + STARTED_WAIT_MS;
    struct timespec pause = {.tv_nsec = TRY_AGAIN_MS * NS_PER_MS};

    while (!open_answering(out, cli, err)) {
        if (err->kind != ERR_UNREACHABLE || clock_boot_ms() >= deadline_ms)
            return false;
        client_close(out);
        (void)nanosleep(&pause, NULL); /* nothing tells when the dead one's socket is gone */
    }
    return true;
}

bool apply_connect(struct cli *cli, const struct project *project, struct client **out,
    bool *out_started, struct err *err)
{
    struct paths paths;

    if (out_started != NULL)
        *out_started = false;
    if (open_answering(out, cli, err))
        return true;
    if (err->kind != ERR_UNREACHABLE || cli_value(cli, "host") != NULL)
        return false;
    client_close(out);
    TRY(paths_find(&paths, project->name, cli_value(cli, "state"), err));
    TRY(daemon_start(cli, &paths, err));
    if (out_started != NULL)
        *out_started = true;
    return open_started(out, cli, err);
}

static void write_contents(const struct apply_request *r, struct json *j)
{
    struct buf own = BUF_INIT(BODY_BYTES_MAX);

    if (r->contents.len == 0 && r->project->content_count > 0)
        contents_write(r->project, &own);
    if (r->contents.len > 0 || own.len > 0)
        json_raw(j, "contents", r->contents.len > 0 ? r->contents : buf_str(&own));
    buf_fini(&own);
}

static void write_body(const struct apply_request *r, struct buf *out)
{
    struct json j = json_begin(out);

    json_open_object(&j, NULL);
    json_raw(&j, "document", r->project->document);
    write_contents(r, &j);
    plan_part_write(&r->part, &j);
    if (r->digest != NULL)
        json_text(&j, "plan", r->digest);
    if (r->seal != NULL)
        json_text(&j, "seal", r->seal);
    if (r->rollback_to > 0) {
        json_int(&j, "rollback_to", r->rollback_to);
        json_int(&j, "cause", r->cause);
    }
    if (r->start)
        json_bool(&j, "start", true);
    json_end(&j);
}

/* False: --timeout is no duration. */
static bool read_timeout(const struct cli *cli, int64_t *out_ms, struct err *err)
{
    const char *text = cli_value(cli, "timeout");
    int64_t ns = 0;

    if (text != NULL && !units_parse_duration(str_from(text), &ns))
        return err_set(err, ERR_INVALID, "\"%.40s\" is no duration", text);
    *out_ms = ns / NS_PER_MS;
    return true;
}

int apply_run(struct cli *cli, struct client *c, const struct apply_request *r)
{
    struct buf body = BUF_INIT(BODY_BYTES_MAX);
    struct operation o = {
        .path = "/tend/v1/apply",
        .conflict_code = EXIT_STALE,
        .report = r->report,
        .keep_interrupt = r->keep_interrupt,
    };
    struct err err = ERR_INIT;
    int code;

    if (!read_timeout(cli, &o.timeout_ms, &err))
        return cli_misuse(cli, &err, "write 30s, 5m");
    write_body(r, &body);
    o.body = buf_str(&body);
    code = operation_run(cli, c, &o, NULL);
    buf_fini(&body);
    return code;
}

/* "y" or "yes" on the terminal. */
static bool confirmed(struct cli *cli)
{
    char answer[16];

    (void)fprintf(stderr, "%sApply?%s [y/N] ", terminal_tone(&cli->err_out, TONE_STRONG),
        terminal_tone(&cli->err_out, TONE_PLAIN));
    (void)fflush(stderr); /* it is a terminal */
    if (fgets(answer, sizeof answer, stdin) == NULL)
        return false;
    return strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0 || strcmp(answer, "Y\n") == 0;
}

int apply_shown(
    struct cli *cli, struct client *c, struct apply_request *request, const struct plan_file *file)
{
    struct err err = ERR_INIT;
    struct plan_view plan = {.began_ns = clock_boot_ns()};
    char digest[HASH_TEXT_BYTES];
    int code = EXIT_DONE;

    if (!plan_view_ask(c, request->project, &request->part, &plan, &err)) {
        plan_view_fini(&plan);
        return client_fail(cli, c, &err);
    }
    if (file != NULL && !plan_file_is_current(file, plan.json, &err)) {
        plan_view_fini(&plan);
        code = cli_fail(cli, &err, "make it again: tend plan --out FILE");
        return err.kind == ERR_CONFLICT ? EXIT_STALE : code;
    }
    if (file == NULL && request->rollback_to == 0)
        plan_view_add_places(&plan, request->project);
    if (!cli->json)
        plan_view_print(cli, &cli->out, stdout, &plan, NULL);
    (void)fflush(stdout); /* so that the question stands below it */
    if (plan_is_empty(&plan.plan)) {
        if (cli->json)
            (void)printf(
                "{\"v\":1,\"ok\":true,\"exit\":0,\"text\":\"no changes\",\"undo\":null}\n");
    } else if (file == NULL && !cli_flag(cli, "yes") && !confirmed(cli)) {
        cli_say(cli, "Nothing was changed.");
        code = EXIT_FAILED;
    } else {
        char *contents = NULL;

        hash_format(&plan.plan.digest, digest);
        request->digest = digest;
        if (file != NULL) {
            request->seal = answer_text(file->content, "seal");
            contents = json_dumps(json_object_get(file->content, "contents"), JSON_COMPACT);
            request->contents = str_from(contents);
        }
        code = apply_run(cli, c, request);
        if (code == EXIT_DONE && !cli->json)
            output_view_print(cli, request->project);
        request->digest = request->seal = NULL;
        request->contents = (struct str){0};
        free(contents);
    }
    plan_view_fini(&plan);
    return code;
}
