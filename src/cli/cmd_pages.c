/* Hidden commands that the build and the tests call: man pages and the reference. */
#include "base/fs.h"
#include "base/must.h"
#include "cli/cli.h"
#include "cli/cmd.h"
#include "cli/help.h"
#include "record/event_types.h"
#include "spec/codes.h"
#include "spec/describe.h"

#include <stdio.h>
#include <string.h>

#define PAGE_BYTES_MAX (256u << 10)

static bool write_page(const char *dir, const char *command, struct buf *page, struct err *err)
{
    char path[PATHS_BYTES];

    (void)snprintf(path, sizeof path, "%s/tend%s%s.1", dir, command[0] != '\0' ? "-" : "", command);
    return fs_write_volatile(path, buf_str(page), 0644, err);
}

static bool write_pages(const char *dir, struct err *err)
{
    struct buf page = BUF_INIT(PAGE_BYTES_MAX);
    bool ok;

    help_man_overview(&page);
    ok = fs_make_dirs(dir, 0755, err) && write_page(dir, "", &page, err);
    for (size_t i = 0; ok && i < command_count; i++) {
        if (commands[i]->group == GROUP_HIDDEN)
            continue;
        buf_reset(&page);
        help_man_command(&page, commands[i]);
        ok = write_page(dir, commands[i]->name, &page, err);
    }
    buf_fini(&page);
    return ok;
}

static int run_man(struct cli *cli)
{
    struct err err = ERR_INIT;

    if (!write_pages(cli_word(cli, 0), &err))
        return cli_fail(cli, &err, NULL);
    return EXIT_DONE;
}

/* The pages of docs/reference by what `__reference` calls them. */
static const struct {
    const char *name;
    void (*write)(struct buf *out);
} references[] = {
    {"commands", help_reference       },
    {"keys",     describe_reference   },
    {"codes",    codes_write_reference},
    {"events",   event_types_reference},
};

static int run_reference(struct cli *cli)
{
    struct buf page = BUF_INIT(PAGE_BYTES_MAX);
    const char *name = cli_word(cli, 0);
    struct err err = ERR_INIT;

    for (size_t i = 0; i < COUNT(references); i++)
        if (name == NULL ? i == 0 : strcmp(name, references[i].name) == 0)
            references[i].write(&page);
    if (page.len == 0) {
        (void)err_set(&err, ERR_INVALID, "no page \"%.40s\"", name); /* always false */
        return cli_misuse(cli, &err, "one of: commands keys codes events");
    }
    cli_write(buf_str(&page));
    buf_fini(&page);
    return EXIT_DONE;
}

const struct command cmd_man = {
    .name = "__man",
    .group = GROUP_HIDDEN,
    .summary = "write the man pages",
    .usage = "DIR",
    .args_min = 1,
    .args_max = 1,
    .args_complete = COMPLETES_DIR,
    .run = run_man,
};

const struct command cmd_reference = {
    .name = "__reference",
    .group = GROUP_HIDDEN,
    .summary = "print a page of docs/reference",
    .usage = "[commands|keys|codes|events]",
    .args_max = 1,
    .run = run_reference,
};
