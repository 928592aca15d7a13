#include "drive/host/file.h"
#include "drive/host/place.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/must.h"
#include "spec/node_json.h"

#include "test.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder, and what was remembered of the one resource that a case is about. */
struct world {
    char dir[64], objects[80];
    struct arena *arena;
    const struct node *record;
    struct kind_look_list looks;
    struct observed_list observed;
    struct change change;
    struct err err;
};

static void world_open(struct world *w)
{
    *w = (struct world){.arena = arena_create(0)};
    (void)strcpy(w->dir, "/tmp/tend-host-XXXXXX");
    must(mkdtemp(w->dir) != NULL);
    (void)snprintf(w->objects, sizeof w->objects, "%s/objects", w->dir);
    must(mkdir(w->objects, 0700) == 0);
}

static void world_close(struct world *w)
{
    struct err err;

    change_fini(&w->change);
    vec_fini(&w->looks);
    vec_fini(&w->observed);
    arena_destroy(&w->arena);
    must(fs_remove_tree(w->dir, &err));
}

static char *in(struct world *w, const char *name)
{
    return arena_format(w->arena, "%s/%s", w->dir, name);
}

static void put(struct world *w, const char *name, const char *text, mode_t mode)
{
    struct err err;

    must(fs_write(in(w, name), str_from(text), mode, &err));
    must(chmod(in(w, name), mode) == 0);
}

static const char *get(struct world *w, const char *name)
{
    struct buf text = BUF_INIT(1 << 20);
    struct err err;
    const char *kept = "(missing)";

    if (fs_read(in(w, name), &text, &err))
        kept = arena_copy_str(w->arena, buf_str(&text)).at;
    buf_fini(&text);
    return kept;
}

static mode_t mode_of(struct world *w, const char *name)
{
    struct stat st;

    must(lstat(in(w, name), &st) == 0);
    return st.st_mode & 07777;
}

/* `declared` is JSON with single quotes and @ for the folder; NULL: no longer declared. */
static enum change_action plan(struct world *w, const struct kind *k, const char *declared)
{
    struct node *node = NULL;
    struct buf text = BUF_INIT(2000);

    for (const char *c = declared; c != NULL && *c != 0; c++)
        if (*c == '@')
            buf_add_text(&text, w->dir);
        else
            buf_add_byte(&text, *c == '\'' ? '"' : *c);
    if (declared != NULL) {
        node = node_from_json(w->arena, buf_str(&text));
        must(node != NULL);
    }
    buf_fini(&text);
    change_fini(&w->change);
    w->looks.count = w->observed.count = 0;
    vec_push(&w->looks, (struct kind_look){.name = "it", .declared = node, .record = w->record});
    must(k->observe(NULL, w->arena, &w->looks, &w->observed, &w->err));
    w->change = (struct change){.kind = k,
        .name = "it",
        .declared = node,
        .observed = w->observed.count > 0 ? w->observed.at : NULL};
    if (node != NULL || w->change.observed != NULL)
        k->diff(w->arena, k, node, w->change.observed, &w->change);
    return w->change.action;
}

static bool carry_out(struct world *w)
{
    struct kind_host host = {.objects_dir = w->objects};
    struct kind_outcome outcome = {0};

    w->err = (struct err)ERR_INIT;
    if (!w->change.kind->apply(&host, w->arena, &w->change, &outcome, &w->err))
        return false;
    w->record = outcome.record;
    return true;
}

#define MAKE(w, k, declared)                                  \
    do {                                                      \
        CHECK((plan)((w), (k), (declared)) != CHANGE_NONE);   \
        CHECK_SAYING(carry_out(w), "%s", (w)->err.text);      \
        CHECK_INT((plan)((w), (k), (declared)), CHANGE_NONE); \
    } while (0)

static const struct field_change *field(const struct world *w, const char *path)
{
    VEC_EACH (&w->change.fields, const struct field_change, f)
        if (strcmp(f->path, path) == 0)
            return f;
    return NULL;
}

/* What was kept of a content. */
static bool is_kept(struct world *w, const char *text)
{
    char digest[HASH_TEXT_BYTES];
    struct hash h = hash_of(text, strlen(text));

    hash_format(&h, digest);
    return strcmp(get(w, arena_format(w->arena, "objects/%s", digest)), text) == 0;
}

/* ---- files ---- */

CASE(a_file_is_written_once_and_then_as_declared)
{
    struct world w;

    world_open(&w);
    CHECK_INT(plan(&w, &file_kind, "{'path':'@/f','content':'a\\n','mode':'0640'}"), CHANGE_CREATE);
    CHECK_TEXT(arena_copy_str(w.arena, field(&w, "content")->hunks).at, "@@ -0,0 +1 @@\n+a\n");
    MAKE(&w, &file_kind, "{'path':'@/f','content':'a\\n','mode':'0640'}");
    CHECK_TEXT(get(&w, "f"), "a\n");
    CHECK_INT(mode_of(&w, "f"), 0640);
    world_close(&w);
}

CASE(a_changed_content_keeps_what_it_was)
{
    struct world w;

    world_open(&w);
    MAKE(&w, &file_kind, "{'path':'@/f','content':'old\\n'}");
    CHECK_INT(plan(&w, &file_kind, "{'path':'@/f','content':'new\\n'}"), CHANGE_UPDATE);
    CHECK_TEXT(
        arena_copy_str(w.arena, field(&w, "content")->hunks).at, "@@ -1 +1 @@\n-old\n+new\n");
    MAKE(&w, &file_kind, "{'path':'@/f','content':'new\\n'}");
    CHECK_TEXT(get(&w, "f"), "new\n");
    CHECK(is_kept(&w, "old\n"));
    world_close(&w);
}

CASE(a_mode_alone_is_changed_in_place_unless_the_file_has_another_name)
{
    struct world w;
    struct stat before, after;

    world_open(&w);
    MAKE(&w, &file_kind, "{'path':'@/f','content':'x','mode':'0600'}");
    must(stat(in(&w, "f"), &before) == 0);
    MAKE(&w, &file_kind, "{'path':'@/f','content':'x','mode':'0644'}");
    must(stat(in(&w, "f"), &after) == 0);
    CHECK(before.st_ino == after.st_ino);
    must(link(in(&w, "f"), in(&w, "other")) == 0);
    MAKE(&w, &file_kind, "{'path':'@/f','content':'x','mode':'0600'}");
    CHECK_INT(mode_of(&w, "other"), 0644);
    CHECK_INT(mode_of(&w, "f"), 0600);
    world_close(&w);
}

CASE(what_is_not_declared_of_a_file_stays)
{
    struct world w;

    world_open(&w);
    put(&w, "f", "old", 0600);
    MAKE(&w, &file_kind, "{'path':'@/f','content':'new'}");
    CHECK_INT(mode_of(&w, "f"), 0600);
    world_close(&w);
}

CASE(a_file_that_tend_made_is_removed_when_it_is_no_longer_declared)
{
    struct world w;

    world_open(&w);
    MAKE(&w, &file_kind, "{'path':'@/f','content':'x'}");
    CHECK_INT(plan(&w, &file_kind, NULL), CHANGE_DELETE);
    CHECK_TEXT(w.change.reason, "is removed");
    CHECK(carry_out(&w));
    CHECK_TEXT(get(&w, "f"), "(missing)");
    CHECK(w.record == NULL && is_kept(&w, "x"));
    world_close(&w);
}

CASE(a_file_that_was_there_before_is_said_so_and_stays)
{
    struct world w;

    world_open(&w);
    put(&w, "f", "theirs", 0644);
    CHECK_INT(plan(&w, &file_kind, "{'path':'@/f','content':'x'}"), CHANGE_UPDATE);
    CHECK(strstr(w.change.reason, "was there before tend") != NULL);
    MAKE(&w, &file_kind, "{'path':'@/f','content':'x'}");
    CHECK(is_kept(&w, "theirs"));
    CHECK_INT(plan(&w, &file_kind, NULL), CHANGE_DELETE);
    CHECK(strstr(w.change.reason, "left as it is") != NULL);
    CHECK(carry_out(&w));
    CHECK_TEXT(get(&w, "f"), "x");
    world_close(&w);
}

CASE(a_change_behind_tends_back_is_drift_and_is_kept_when_it_is_undone)
{
    struct world w;

    world_open(&w);
    MAKE(&w, &file_kind, "{'path':'@/f','content':'x'}");
    CHECK(w.change.observed->drift == NULL);
    put(&w, "f", "theirs", 0644);
    CHECK_INT(plan(&w, &file_kind, "{'path':'@/f','content':'x'}"), CHANGE_UPDATE);
    CHECK(strstr(w.change.observed->drift, "changed behind tend's back at ") != NULL);
    MAKE(&w, &file_kind, "{'path':'@/f','content':'x'}");
    CHECK(is_kept(&w, "theirs"));
    must(unlink(in(&w, "f")) == 0);
    CHECK_INT(plan(&w, &file_kind, "{'path':'@/f','content':'x'}"), CHANGE_CREATE);
    CHECK_TEXT(w.change.observed->drift, "removed behind tend's back");
    world_close(&w);
}

CASE(what_changes_between_plan_and_apply_is_left_alone)
{
    struct world w;

    world_open(&w);
    MAKE(&w, &file_kind, "{'path':'@/f','content':'x'}");
    CHECK_INT(plan(&w, &file_kind, "{'path':'@/f','content':'y'}"), CHANGE_UPDATE);
    put(&w, "f", "z", 0644);
    CHECK(!carry_out(&w));
    CHECK_INT(w.err.kind, ERR_CONFLICT);
    CHECK_TEXT(get(&w, "f"), "z");
    world_close(&w);
}

CASE(a_sensitive_content_is_never_shown)
{
    struct world w;

    world_open(&w);
    CHECK_INT(
        plan(&w, &file_kind, "{'path':'@/f','content':'hush','sensitive':true}"), CHANGE_CREATE);
    CHECK(field(&w, "content")->hunks.len == 0);
    CHECK(str_is(field(&w, "content")->after, "\"***\""));
    world_close(&w);
}

CASE(bytes_that_are_no_text_come_through)
{
    struct world w;
    struct stat st;

    world_open(&w);
    MAKE(&w, &file_kind, "{'path':'@/f','content_base64':'AAECAw=='}");
    must(stat(in(&w, "f"), &st) == 0);
    CHECK_INT(st.st_size, 4);
    CHECK_INT(plan(&w, &file_kind, "{'path':'@/f','content':'text'}"), CHANGE_UPDATE);
    CHECK(field(&w, "content")->hunks.len == 0);
    world_close(&w);
}

CASE(a_link_is_made_turned_and_becomes_a_file)
{
    struct world w;
    char target[100] = "";

    world_open(&w);
    MAKE(&w, &file_kind, "{'path':'@/l','target':'a'}");
    MAKE(&w, &file_kind, "{'path':'@/l','target':'b'}");
    CHECK(readlink(in(&w, "l"), target, sizeof target - 1) == 1 && target[0] == 'b');
    MAKE(&w, &file_kind, "{'path':'@/l','content':'x'}");
    CHECK_TEXT(get(&w, "l"), "x");
    world_close(&w);
}

CASE(what_a_declared_link_points_to_is_never_written_through)
{
    struct world w;

    world_open(&w);
    put(&w, "victim", "precious", 0600);
    must(symlink(in(&w, "victim"), in(&w, "f")) == 0);
    MAKE(&w, &file_kind, "{'path':'@/f','content':'x','mode':'0644'}");
    CHECK_TEXT(get(&w, "victim"), "precious");
    CHECK_INT(mode_of(&w, "victim"), 0600);
    CHECK_TEXT(get(&w, "f"), "x");
    world_close(&w);
}

CASE(a_directory_in_the_place_of_a_file_is_left_alone)
{
    struct world w;

    world_open(&w);
    must(mkdir(in(&w, "f"), 0700) == 0);
    CHECK_INT(plan(&w, &file_kind, "{'path':'@/f','content':'x'}"), CHANGE_UPDATE);
    CHECK(strstr(w.change.reason, "cannot be written") != NULL);
    CHECK(!carry_out(&w));
    CHECK(strstr(w.err.text, "a directory") != NULL);
    world_close(&w);
}

CASE(a_file_that_shall_be_absent_is_removed_and_kept)
{
    struct world w;

    world_open(&w);
    put(&w, "f", "theirs", 0644);
    CHECK_INT(plan(&w, &file_kind, "{'path':'@/f','ensure':'absent'}"), CHANGE_DELETE);
    CHECK(carry_out(&w));
    CHECK(is_kept(&w, "theirs"));
    CHECK_INT(plan(&w, &file_kind, "{'path':'@/f','ensure':'absent'}"), CHANGE_NONE);
    world_close(&w);
}

CASE(what_a_crash_left_half_written_is_cleared_away)
{
    struct world w;
    struct place p;
    char name[NAME_MAX + 1];
    struct err err;

    world_open(&w);
    must(place_open(&p, in(&w, "f"), &err));
    place_temporary(&p, name);
    place_close(&p);
    put(&w, name, "half", 0600);
    MAKE(&w, &file_kind, "{'path':'@/f','content':'x'}");
    CHECK_TEXT(get(&w, name), "(missing)");
    world_close(&w);
}

CASE(an_unknown_owner_fails_before_anything_is_done)
{
    struct world w;

    world_open(&w);
    CHECK_INT(plan(&w, &file_kind, "{'path':'@/f','content':'x','owner':'nobody-knows-him'}"),
        CHANGE_CREATE);
    CHECK(!carry_out(&w));
    CHECK(strstr(w.err.text, "there is no user") != NULL);
    CHECK_TEXT(get(&w, "f"), "(missing)");
    world_close(&w);
}

/* ---- the way there ---- */

CASE(a_link_on_the_way_that_somebody_could_have_planted_is_refused)
{
    struct world w;

    world_open(&w);
    must(mkdir(in(&w, "real"), 0755) == 0 && mkdir(in(&w, "open"), 0755) == 0);
    must(chmod(in(&w, "open"), 0777) == 0);
    must(symlink(in(&w, "real"), in(&w, "open/way")) == 0);
    CHECK_INT(plan(&w, &file_kind, "{'path':'@/real/f','content':'x'}"), CHANGE_CREATE);
    w.change.declared = NULL;
    (void)node_put(w.arena, (struct node *)(uintptr_t)w.looks.at[0].declared, STR("path"),
        node_text(w.arena, str_from(in(&w, "open/way/f"))));
    w.change.declared = w.looks.at[0].declared;
    CHECK(!carry_out(&w));
    CHECK_INT(w.err.kind, ERR_DENIED);
    CHECK(strstr(w.err.text, "it is not followed") != NULL);
    CHECK_TEXT(get(&w, "real/f"), "(missing)");
    world_close(&w);
}

CASE(a_link_that_only_its_owner_can_change_is_followed)
{
    struct world w;

    world_open(&w);
    must(mkdir(in(&w, "real"), 0755) == 0);
    must(symlink("real", in(&w, "way")) == 0);
    MAKE(&w, &file_kind, "{'path':'@/way/f','content':'x'}");
    CHECK_TEXT(get(&w, "real/f"), "x");
    must(symlink("loop", in(&w, "loop")) == 0);
    struct place p;
    CHECK(!place_open(&p, in(&w, "loop/f"), &w.err));
    CHECK(strstr(w.err.text, "too many") != NULL);
    world_close(&w);
}

/* ---- directories ---- */

CASE(a_directory_is_made_and_removed_when_it_is_empty)
{
    struct world w;

    world_open(&w);
    MAKE(&w, &directory_kind, "{'path':'@/d','mode':'0750'}");
    CHECK_INT(mode_of(&w, "d"), 0750);
    MAKE(&w, &directory_kind, "{'path':'@/d','mode':'0700'}");
    put(&w, "d/theirs", "x", 0644);
    CHECK_INT(plan(&w, &directory_kind, NULL), CHANGE_DELETE);
    CHECK(carry_out(&w));
    CHECK_TEXT(get(&w, "d/theirs"), "x");
    world_close(&w);
}

CASE(a_directory_that_was_there_before_stays)
{
    struct world w;

    world_open(&w);
    must(mkdir(in(&w, "d"), 0755) == 0);
    MAKE(&w, &directory_kind, "{'path':'@/d','mode':'0700'}");
    CHECK_INT(plan(&w, &directory_kind, NULL), CHANGE_DELETE);
    CHECK(carry_out(&w));
    CHECK_INT(mode_of(&w, "d"), 0700);
    world_close(&w);
}

TEST_MAIN()
