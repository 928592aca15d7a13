#include "cli/cli.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/must.h"
#include "base/redact.h"
#include "cli/help.h"
#include "cli/project_name.h"
#include "engine/kinds.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ERROR_JSON_BYTES_MAX 8192

bool cli_flag(const struct cli *cli, const char *name)
{
    return arguments_flag(&cli->arguments, name);
}

const char *cli_value(const struct cli *cli, const char *name)
{
    return arguments_value(&cli->arguments, name);
}

const char *cli_word(const struct cli *cli, size_t i)
{
    return i < cli->arguments.words.count ? cli->arguments.words.at[i] : NULL;
}

int cli_exit_code(enum err_kind kind)
{
    switch (kind) {
    case ERR_NONE:
        return EXIT_DONE;
    case ERR_DENIED:
        return EXIT_UNHEALTHY;
    case ERR_CONFLICT:
    case ERR_LOCKED:
        return EXIT_LOCKED;
    case ERR_UNREACHABLE:
        return EXIT_UNREACHABLE;
    case ERR_CANCELLED:
        return EXIT_INTERRUPTED;
    case ERR_INVALID:
    case ERR_MISSING:
    case ERR_TIMEOUT:
    case ERR_LIMIT:
    case ERR_IO:
    case ERR_UNSUPPORTED:
    case ERR_CORRUPT:
        break;
    }
    return EXIT_FAILED;
}

static void print_error_json(const struct err *err, const char *help)
{
    struct buf out = BUF_INIT(ERROR_JSON_BYTES_MAX);
    struct json j = json_begin(&out);

    json_open_object(&j, NULL);
    json_int(&j, "v", 1);
    json_open_object(&j, "error");
    json_text(&j, "kind", err_kind_name(err->kind));
    json_text(&j, "text", err->text);
    json_text(&j, "help", help != NULL ? help : "");
    json_end(&j);
    json_end(&j);
    redact_rest(&out, 0);
    (void)printf("%s\n", out.at); /* a failed stdout is found when it is flushed */
    buf_fini(&out);
}

static void print_error(struct cli *cli, const struct err *err, const char *help)
{
    const struct terminal *t = &cli->err_out;

    if (cli->json) {
        print_error_json(err, help);
        return;
    }
    struct err shown = *err;
    redact_text(shown.text, sizeof shown.text);
    (void)fflush(stdout); /* so that the error stands behind what was printed */
    (void)fprintf(stderr, "%serror:%s %s\n", terminal_tone(t, TONE_BAD),
        terminal_tone(t, TONE_PLAIN), shown.text);
    if (help != NULL && help[0] != '\0')
        (void)fprintf(stderr, "%shelp:%s %s\n", terminal_tone(t, TONE_BUSY),
            terminal_tone(t, TONE_PLAIN), help);
}

int cli_fail(struct cli *cli, const struct err *err, const char *help)
{
    print_error(cli, err, help);
    return cli_exit_code(err->kind);
}

int cli_misuse(struct cli *cli, const struct err *err, const char *help)
{
    print_error(cli, err, help);
    return EXIT_USAGE;
}

void cli_write(struct str text)
{
    (void)fwrite(text.at, 1, text.len, stdout); /* checked when it is flushed: finish */
}

void cli_say(struct cli *cli, const char *fmt, ...)
{
    va_list args;

    if (cli->quiet || cli->json)
        return;
    va_start(args, fmt);
    (void)vfprintf(stderr, fmt, args);
    va_end(args);
    (void)fputc('\n', stderr);
}

const char *cli_environment(const struct cli *cli)
{
    const char *name = cli_value(cli, "env");

    if (name == NULL || name[0] == '\0')
        name = getenv("TEND_ENV");
    return name != NULL && name[0] != '\0' ? name : NULL;
}

/* The files that -f names, else the one that is found; a name needs none. */
static bool find_files_named(struct cli *cli, struct project_wish *wish, const char **files,
    char found[PATHS_BYTES], struct err *err)
{
    char here[PATHS_BYTES];
    struct err missing = ERR_INIT;

    wish->files = files;
    VEC_EACH (&cli->arguments.flags, struct given_flag, given)
        if (strcmp(given->flag->name, "file") == 0)
            files[wish->file_count++] = given->value;
    if (wish->file_count > 0)
        return true;
    if (getcwd(here, sizeof here) == NULL)
        return err_sys(err, "the current directory");
    if (project_file_find(found, here, &missing))
        files[wish->file_count++] = found;
    else if (wish->name == NULL)
        return err_set(err, missing.kind, "%s", missing.text);
    return true;
}

bool cli_project(struct cli *cli, char out[PATHS_PROJECT_BYTES], struct err *err)
{
    struct project_wish wish = {
        .name = cli_value(cli, "project"), .environment = cli_environment(cli)};
    const char **files = mem_new_array(cli->arguments.flags.count + 1, const char *);
    char found[PATHS_BYTES];
    bool ok;

    if (wish.name == NULL)
        wish.name = getenv("COMPOSE_PROJECT_NAME");
    if (wish.name != NULL && wish.name[0] == '\0')
        wish.name = NULL;
    if (cli->project[0] != '\0')
        wish =
            (struct project_wish){.name = cli->project}; /* complete: nothing else is looked at */
    if (wish.name != NULL && !paths_project_valid(str_from(wish.name)))
        ok = err_set(err, ERR_INVALID, "\"%.80s\" cannot be a project's name", wish.name);
    else
        ok = (cli->project[0] != '\0' || find_files_named(cli, &wish, files, found, err)) &&
             project_name_find(out, &wish, err);
    free(files);
    return ok;
}

bool cli_paths(struct cli *cli, struct paths *out, struct err *err)
{
    const char *state = cli_value(cli, "state");
    char project[PATHS_PROJECT_BYTES];
    struct err missing = ERR_INIT;

    if (cli_project(cli, project, &missing))
        return paths_find(out, project, state, err);
    if (missing.kind == ERR_MISSING && (state != NULL || getenv("TEND_STATE") != NULL))
        return paths_find(out, NULL, state, err);
    if (err != NULL)
        *err = missing;
    return false;
}

static enum colour_wish colour_wish(const struct arguments *a)
{
    const char *when = arguments_value(a, "color");

    if (when == NULL || strcmp(when, "auto") == 0)
        return COLOUR_AUTO;
    return strcmp(when, "always") == 0 ? COLOUR_ALWAYS : COLOUR_NEVER;
}

static void prepare(struct cli *cli)
{
    cli->json = cli_flag(cli, "json");
    cli->quiet = cli_flag(cli, "quiet");
    cli->verbose = cli_flag(cli, "verbose");
    terminal_detect(&cli->out, STDOUT_FILENO, colour_wish(&cli->arguments));
    terminal_detect(&cli->err_out, STDERR_FILENO, colour_wish(&cli->arguments));
}

static int dispatch(struct cli *cli)
{
    const struct arguments *a = &cli->arguments;

    if (a->version)
        return command_find(STR("version"))->run(cli);
    if (a->help && a->command != NULL)
        return help_print_command(cli, a->command);
    if (a->help)
        return help_print_overview(cli);
    if (a->command == NULL) {
        (void)help_print_overview(cli);
        return EXIT_USAGE;
    }
    return a->command->run(cli);
}

/* Output that did not arrive (a full disk) is a failure, even if all else went well. */
static int finish(struct cli *cli, int code)
{
    struct err err = ERR_INIT;

    if (fflush(stdout) != 0 && errno != EPIPE && code == EXIT_DONE) {
        (void)err_sys(&err, "writing the output"); /* always false */
        cli->json = false;
        code = cli_fail(cli, &err, NULL);
    }
    arguments_fini(&cli->arguments);
    return code;
}

int cli_main(int argc, char **argv)
{
    struct cli cli = {0};
    struct err err = ERR_INIT;
    kinds_register();
    bool ok = arguments_parse(&cli.arguments, argc, (const char *const *)argv, &err);

    prepare(&cli);
    if (!ok)
        return finish(&cli, cli_misuse(&cli, &err, cli.arguments.advice));
    return finish(&cli, dispatch(&cli));
}
