#include "cli/plan_file.h"

#include "base/clock.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/json.h"
#include "cli/answer.h"
#include "cli/plan_view.h"
#include "spec/contents.h"
#include "spec/load.h"

#include <string.h>

#define FORMAT         1
#define MAGIC          "tend-plan "
#define FILE_BYTES_MAX (64u << 20)

/* ---- writing ---- */

static void write_content(const struct project *project, const struct plan_part *part,
    const json_t *plan, struct buf *out)
{
    struct json j = json_begin(out);
    char at[CLOCK_TEXT_BYTES];
    struct buf contents = BUF_INIT(FILE_BYTES_MAX);
    char *observed = json_dumps(json_object_get(plan, "observed"), JSON_COMPACT);

    clock_format(clock_wall_ns(), 0, at);
    json_open_object(&j, NULL);
    json_text(&j, "project", project->name);
    json_text(&j, "made_at", at);
    json_text(&j, "version", TEND_VERSION);
    json_text(&j, "digest", answer_text(plan, "digest"));
    json_text(&j, "seal", answer_text(plan, "seal"));
    json_raw(&j, "observed", observed != NULL ? str_from(observed) : STR("[]"));
    plan_part_write(part, &j);
    json_raw(&j, "document", project->document);
    if (project->content_count > 0) {
        contents_write(project, &contents);
        json_raw(&j, "contents", buf_str(&contents));
    }
    json_end(&j);
    buf_fini(&contents);
    buf_add_byte(out, '\n');
    free(observed);
}

bool plan_file_write(const char *path, const struct project *project, const struct plan_part *part,
    const json_t *plan, struct err *err)
{
    struct buf content = BUF_INIT(FILE_BYTES_MAX), file = BUF_INIT(FILE_BYTES_MAX);
    char digest[HASH_TEXT_BYTES];
    struct hash hash;
    bool ok;

    write_content(project, part, plan, &content);
    hash = hash_of(buf_str(&content).at, content.len);
    hash_format(&hash, digest);
    buf_format(&file, MAGIC "%d %s\n", FORMAT, digest);
    buf_add_str(&file, buf_str(&content));
    ok = !buf_full(&content) && !buf_full(&file)
             ? fs_write(path, buf_str(&file), 0600, err)
             : err_set(err, ERR_LIMIT, "the plan is longer than %u MiB", FILE_BYTES_MAX >> 20);
    buf_fini(&content);
    buf_fini(&file);
    return ok;
}

/* ---- reading ---- */

/* The first line; `rest` is then what it vouches for. */
static bool check_head(struct str *rest, struct err *err)
{
    struct str head = str_cut(rest, '\n'), magic = str_cut(&head, ' '),
               format = str_cut(&head, ' ');
    struct hash is = hash_of(rest->at, rest->len), said;
    int64_t number;

    if (!str_is(magic, "tend-plan") || !str_to_int(format, &number))
        return err_set(err, ERR_INVALID, "this is no plan that `tend plan --out` wrote");
    if (number != FORMAT)
        return err_set(err, ERR_UNSUPPORTED,
            "the plan has format %lld, this tend reads format %d: use the tend that made it",
            (long long)number, FORMAT);
    if (!hash_parse(head, &said) || !hash_eq(&is, &said))
        return err_set(err, ERR_CORRUPT,
            "the plan was changed or damaged after it was made (its hash differs)");
    return true;
}

static bool load_document(struct plan_file *f, struct err *err)
{
    struct diagnostics *d = diagnostics_create();
    char *document = json_dumps(json_object_get(f->content, "document"),
        JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));

    if (document != NULL)
        f->project = spec_load_document(str_from(document), (struct str){0}, d);
    free(document);
    diagnostics_destroy(&d);
    return f->project != NULL ||
           err_set(err, ERR_UNSUPPORTED, "the plan's document cannot be read by this version");
}

bool plan_file_read(const char *path, struct plan_file *out, struct err *err)
{
    struct buf file = BUF_INIT(FILE_BYTES_MAX);
    struct str rest;
    bool ok;

    *out = (struct plan_file){0};
    ok = fs_read(path, &file, err);
    if (ok) {
        rest = buf_str(&file);
        ok = check_head(&rest, err);
    }
    if (ok) {
        out->content = json_loadb(rest.at, rest.len, JSON_REJECT_DUPLICATES, NULL);
        ok = load_document(out, err);
    }
    buf_fini(&file);
    if (!ok)
        plan_file_fini(out);
    return ok || err_in(err, "%s", path);
}

void plan_file_fini(struct plan_file *f)
{
    json_decref(f->content);
    f->content = NULL;
    project_unref(&f->project);
}

/* ---- what has changed since ---- */

static const json_t *find_same(const json_t *list, const json_t *one)
{
    size_t i;
    json_t *other;

    json_array_foreach(list, i,
        other) if (strcmp(answer_text(other, "name"), answer_text(one, "name")) == 0 &&
                   strcmp(answer_text(other, "kind"), answer_text(one, "kind")) == 0) return other;
    return NULL;
}

static void tell(struct buf *out, const json_t *one, const char *what)
{
    buf_format(out, "%s%s %s %s", out->len > 0 ? ", " : "", answer_text(one, "kind"),
        answer_text(one, "name"), what);
}

static void compare(const json_t *then, const json_t *now, struct buf *out)
{
    size_t i;
    json_t *one;

    json_array_foreach(then, i, one)
    {
        const json_t *same = find_same(now, one);

        if (same == NULL)
            tell(out, one, "is gone");
        else if (strcmp(answer_text(same, "digest"), answer_text(one, "digest")) != 0)
            tell(out, one, "has changed");
    }
    json_array_foreach(now, i, one) if (find_same(then, one) == NULL) tell(out, one, "is new");
}

bool plan_file_is_current(const struct plan_file *f, const json_t *now, struct err *err)
{
    struct buf changes = BUF_INIT(300); /* so that it fits into an error; more is not told */

    if (strcmp(answer_text(f->content, "digest"), answer_text(now, "digest")) == 0)
        return true;
    compare(json_object_get(f->content, "observed"), json_object_get(now, "observed"), &changes);
    if (changes.len == 0 && !buf_full(&changes))
        (void)err_set(
            err, ERR_CORRUPT, "the plan was changed after it was made (its document is another)");
    else
        (void)err_set(err, ERR_CONFLICT, "the plan of %s is stale: since then %s%s",
            answer_text(f->content, "made_at"), changes.len > 0 ? changes.at : "much has changed",
            changes.len > 0 && buf_full(&changes) ? ", …" : "");
    buf_fini(&changes);
    return false;
}
