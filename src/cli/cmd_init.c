#include "base/fs.h"
#include "base/json.h"
#include "base/must.h"
#include "cli/cli.h"
#include "cli/cmd.h"
#include "cli/starter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "tend.yaml"

static bool fill_file(int fd, struct str text, struct err *err)
{
    TRY(fs_write_all(fd, text, err));
    if (fchmod(fd, 0644) != 0 || fsync(fd) != 0)
        return err_sys(err, "writing " FILE_NAME);
    return true;
}

/* Whole or not at all, and never over a file (or link) that is there: link(2) refuses. */
static bool write_new(const char *dir, struct str text, struct err *err)
{
    char path[PATHS_BYTES], draft[PATHS_BYTES];
    bool ok;
    int fd;

    (void)snprintf(path, sizeof path, "%s/" FILE_NAME, dir);
    if ((size_t)snprintf(draft, sizeof draft, "%s/." FILE_NAME ".XXXXXX", dir) >= sizeof draft)
        return err_set(err, ERR_LIMIT, "the folder's name is too long");
    fd = mkostemp(draft, O_CLOEXEC);
    if (fd == -1)
        return err_sys(err, "%s", path);
    ok = fill_file(fd, text, err);
    (void)close(fd); /* synced: nothing is left to fail */
    if (ok && link(draft, path) != 0)
        ok = errno == EEXIST ? err_set(err, ERR_CONFLICT, "%s is there already", path)
                             : err_sys(err, "%s", path);
    (void)unlink(draft); /* a draft that stays harms nobody */
    return ok && fs_sync_dir(dir, err);
}

static void print_json(const struct starter *s, struct str text, bool written)
{
    struct buf out = BUF_INIT(4 * STARTER_BYTES_MAX);
    struct json j = json_begin(&out);

    json_open_object(&j, NULL);
    json_int(&j, "v", 1);
    json_bool(&j, "written", written);
    json_text(&j, "file", s->present != NULL && !written ? s->present : FILE_NAME);
    json_text(&j, "from", s->source);
    json_open_array(&j, "services");
    for (size_t i = 0; i < s->service_count; i++)
        json_text(&j, NULL, s->services[i].name);
    json_end(&j);
    json_str(&j, "text", text);
    json_end(&j);
    (void)printf("%s\n", out.at); /* a failed stdout is found when it is flushed */
    buf_fini(&out);
}

/* A compose file is as good as a tend.yaml, which would stand before it. */
static int leave_compose(struct cli *cli, const struct starter *s)
{
    if (cli->json)
        print_json(s, STR(""), false);
    cli_say(cli, "nothing to write: %s is read as it is\nhelp: tend check", s->present);
    return EXIT_DONE;
}

static int write_starter(struct cli *cli, const char *dir, const struct starter *s, struct str text)
{
    struct err err = ERR_INIT;

    if (!write_new(dir, text, &err)) {
        (void)cli_fail(
            cli, &err, "tend check tells what is wrong with it; tend init --print writes no file");
        return EXIT_FAILED;
    }
    if (cli->json)
        print_json(s, text, true);
    cli_say(cli, "wrote %s/" FILE_NAME " from %s: %zu service%s\nnext: tend up", dir,
        s->source != NULL ? s->source : "an example", s->service_count,
        s->service_count == 1 ? "" : "s");
    return EXIT_DONE;
}

static int offer(struct cli *cli, const char *dir, const struct starter *s, struct str text)
{
    bool print = cli_flag(cli, "print");

    if (s->present != NULL && !str_starts(str_from(s->present), "tend."))
        return leave_compose(cli, s);
    if (print && cli->json)
        print_json(s, text, false);
    else if (print)
        cli_write(text);
    if (print)
        return EXIT_DONE;
    if (s->present != NULL) {
        struct err err = ERR_INIT;
        (void)err_set(&err, ERR_CONFLICT, "%s is there already", s->present); /* always false */
        (void)cli_fail(
            cli, &err, "tend check tells what is wrong with it; tend init --print writes no file");
        return EXIT_FAILED;
    }
    return write_starter(cli, dir, s, text);
}

static int run(struct cli *cli)
{
    const char *dir = cli_word(cli, 0) != NULL ? cli_word(cli, 0) : ".";
    struct arena *a = arena_create(0);
    struct starter *s = arena_new(a, struct starter);
    struct buf text = BUF_INIT(STARTER_BYTES_MAX);
    struct err err = ERR_INIT;
    int code;

    if (cli_value(cli, "file") != NULL) {
        (void)err_set(
            &err, ERR_INVALID, "init writes " FILE_NAME " and takes no -f"); /* always false */
        code = cli_misuse(cli, &err, "tend init --print > FILE");
    } else if (starter_find(a, dir, s, &err)) {
        starter_write(s, &text);
        code = offer(cli, dir, s, buf_str(&text));
    } else {
        code = cli_fail(cli, &err, "tend init [DIR]");
    }
    buf_fini(&text);
    arena_destroy(&a);
    return code;
}

static const struct flag flags[] = {
    FLAG("print", 0, "print the file instead of writing it"),
};

static const struct example examples[] = {
    {"tend init",         "write tend.yaml from what lies in this folder"},
    {"tend init --print", "only show it"                                 },
};

const struct command cmd_init = {
    .name = "init",
    .group = GROUP_DECLARING,
    .summary = "write a first tend.yaml from what is in the folder",
    .usage = "[DIR]",
    .about = "Looks for a Procfile, a package.json with a start script, a Makefile with a target "
             "run, serve,\n"
             "start or dev, a Python program, or a single executable, and writes an example where "
             "there is\n"
             "none of them. A compose file needs no tend.yaml: tend reads it as it is. Never "
             "overwrites.",
    COMMAND_FLAGS(flags),
    COMMAND_EXAMPLES(examples),
    .args_max = 1,
    .args_complete = COMPLETES_DIR,
    .run = run,
};
