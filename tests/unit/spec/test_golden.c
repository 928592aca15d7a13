/* What is told about files in golden/, compared with the text beside each. With
 * TEND_GOLDEN_UPDATE=1 the texts are written anew, to be read in the diff. */
#include "test.h"

#include "spec/load.h"

#include "base/fs.h"

#include <dirent.h>
#include <stdlib.h>

#define GOLDEN_DIR TESTS_DIR "/spec/golden"

static const char *no_variable(void *context, const char *name)
{
    (void)context;
    (void)name;
    return NULL;
}

static void render_file(const char *name, struct buf *out)
{
    struct diagnostics *d = diagnostics_create();
    struct load_options options = {.files = &name,
        .file_count = 1,
        .dir = GOLDEN_DIR,
        .project_name = "golden",
        .variable = no_variable};

    if (strcmp(name, "names.yaml") == 0)
        options.project_name = NULL;
    const struct project *p = spec_load(&options, d);
    diagnostics_render(d, out, false);
    buf_format(out, "%s\n", p != NULL ? "loaded" : "refused");
    project_unref(&p);
    diagnostics_destroy(&d);
}

/* Folders of this machine are not the same on the next. */
static void hide_dir(struct buf *text)
{
    struct buf out = BUF_INIT(1 << 20);
    struct str rest = buf_str(text), dir = STR(GOLDEN_DIR);
    ptrdiff_t at;

    while ((at = str_find_text(rest, dir)) >= 0) {
        buf_add(&out, rest.at, (size_t)at);
        buf_add_text(&out, "DIR");
        rest = str_tail(rest, (size_t)at + dir.len);
    }
    buf_add_str(&out, rest);
    buf_reset(text);
    buf_add_str(text, buf_str(&out));
    buf_fini(&out);
}

static void check_file(const char *name)
{
    struct buf got = BUF_INIT(1 << 20), want = BUF_INIT(1 << 20);
    struct err err = ERR_INIT;
    char path[512];

    (void)snprintf(path, sizeof path, "%s/%.*s.txt", GOLDEN_DIR, (int)strlen(name) - 5, name);
    render_file(name, &got);
    hide_dir(&got);
    if (getenv("TEND_GOLDEN_UPDATE") != NULL)
        CHECK_OK(fs_write_volatile(path, buf_str(&got), 0644, &err), &err);
    CHECK_OK(fs_read(path, &want, &err), &err);
    CHECK_SAYING(str_eq(buf_str(&got), buf_str(&want)), "%s: got\n%s", name, got.at);
    buf_fini(&got);
    buf_fini(&want);
}

CASE(every_file_is_told_about_as_written_beside_it)
{
    DIR *dir = opendir(GOLDEN_DIR);
    struct dirent *entry;
    int count = 0;

    CHECK(dir != NULL);
    while ((entry = readdir(dir)) != NULL) {
        if (!str_ends(str_from(entry->d_name), ".yaml"))
            continue;
        check_file(entry->d_name);
        count++;
    }
    (void)closedir(dir);
    CHECK(count >= 9);
}

TEST_MAIN()
