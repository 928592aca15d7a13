/* promqltest [--profile 2.42|3] [-v] FILE... - runs PromQL test scripts against tend's engine.
 *
 * One line a file: evals passed, failed, skipped, with the reasons of what was skipped; with -v
 * each failed eval with what was expected and what came. The last line is "N passed, N failed, N
 * skipped"; the exit status is 1 if any failed. */
#include "base/fs.h"
#include "base/mem.h"
#include "observe/promql/parse_private.h"
#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FILE_BYTES_MAX (16u << 20)

struct counts {
    size_t passed, failed, skipped;
};

struct script {
    const struct settings *settings;
    const char *path;
    struct arena *arena;
    struct str *lines;
    size_t count, at;
    struct memory_source *data;
    struct counts counts;
};

static bool fail_line(const struct script *s, const char *what)
{
    printf("%s:%zu: %s\n", s->path, s->at + 1, what);
    return false;
}

static void split(struct script *s, struct str text)
{
    size_t lines = 2;

    for (size_t i = 0; i < text.len; i++)
        lines += text.at[i] == '\n';
    s->lines = arena_new_array(s->arena, lines, struct str);
    while (text.len > 0) {
        struct str line = str_trim(str_cut(&text, '\n'));
        if (line.len > 0 && line.at[0] == '#')
            line.len = 0;
        s->lines[s->count++] = line;
    }
}

/* The lines of a block behind the current one; moves behind them. */
static size_t take_block(struct script *s, struct str **out)
{
    size_t first = ++s->at;

    while (s->at < s->count && s->lines[s->at].len > 0)
        s->at++;
    *out = &s->lines[first];
    return s->at - first;
}

static bool word_is(struct str word, const char *text)
{
    return word.len == strlen(text) && strncasecmp(word.at, text, word.len) == 0;
}

/* ---- load ---- */

static bool load(struct script *s, struct str line)
{
    struct str command = sequence_word(&line), *lines;
    struct err err = ERR_INIT;
    int64_t step;
    char text[600];

    if (!sequence_duration(sequence_word(&line), &step))
        return fail_line(s, "load without a duration");
    size_t count = take_block(s, &lines);
    if (data_load(s->data, s->arena, lines, count, step, word_is(command, "load_with_nhcb"), &err))
        return true;
    (void)snprintf(text, sizeof text, "load: %s", err.text);
    return fail_line(s, text);
}

/* ---- eval ---- */

static void expect(struct evaluation *e, enum expect_kind kind, struct str rest)
{
    struct expectation x = {.kind = kind, .any = rest.len == 0};

    if (str_starts(rest, "msg:"))
        x.text = str_trim(str_tail(rest, 4));
    if (str_starts(rest, "regex:")) {
        x.text = str_trim(str_tail(rest, 6));
        x.is_regex = true;
    }
    if (kind == EXPECT_FAIL)
        e->fails = true;
    if (e->expectation_count < sizeof e->expectations / sizeof *e->expectations)
        e->expectations[e->expectation_count++] = x;
}

static bool expect_range(struct evaluation *e, struct str rest)
{
    e->expect_range = true;
    (void)sequence_word(&rest); /* vector */
    (void)sequence_word(&rest); /* from */
    bool ok = sequence_duration(sequence_word(&rest), &e->range_start_ms);
    (void)sequence_word(&rest); /* to */
    ok &= sequence_duration(sequence_word(&rest), &e->range_end_ms);
    (void)sequence_word(&rest); /* step */
    return ok && sequence_duration(sequence_word(&rest), &e->range_step_ms);
}

static bool read_expect(struct script *s, struct evaluation *e, struct str rest)
{
    struct str what = sequence_word(&rest);
    char why[96];

    if (str_is(what, "fail"))
        expect(e, EXPECT_FAIL, rest);
    else if (str_is(what, "warn"))
        expect(e, EXPECT_WARN, rest);
    else if (str_is(what, "info"))
        expect(e, EXPECT_INFO, rest);
    else if (str_is(what, "no_warn"))
        e->no_warn = true;
    else if (str_is(what, "no_info"))
        e->no_info = true;
    else if (str_is(what, "ordered"))
        e->ordered = true;
    else if (str_is(what, "range"))
        return expect_range(e, rest);
    else if (str_is(what, "string"))
        return (e->expect_string = literal_unquote(s->arena, rest, &e->string, why));
    else
        return false;
    return true;
}

static bool add_series(struct script *s, struct evaluation *e, struct str line, struct err *err)
{
    if (e->series_count == e->series_capacity) {
        e->series_capacity = e->series_capacity > 0 ? e->series_capacity * 2 : 8;
        struct expected_series *grown =
            arena_new_array(s->arena, e->series_capacity, struct expected_series);
        if (e->series_count > 0)
            memcpy(grown, e->series, e->series_count * sizeof *grown);
        e->series = grown;
    }
    struct expected_series *x = &e->series[e->series_count++];
    return sequence_parse(s->arena, line, &x->labels, &x->items, err);
}

static bool read_result(struct script *s, struct evaluation *e, struct str line, struct err *err)
{
    struct str rest = line, word = sequence_word(&rest);

    if (word_is(word, "expect"))
        return read_expect(s, e, rest);
    if (str_is(word, "expected_fail_message") || str_is(word, "expected_fail_regexp")) {
        struct expectation x = {EXPECT_FAIL, false, str_is(word, "expected_fail_regexp"), rest};
        e->expectations[e->expectation_count++] = x;
        return true;
    }
    if (rest.len == 0 && sequence_number(word, &e->scalar.value)) {
        e->expect_scalar = true;
        return true;
    }
    return add_series(s, e, line, err);
}

static bool read_head(struct evaluation *e, struct str line)
{
    struct str command = sequence_word(&line), kind = sequence_word(&line);
    bool ok = true;

    if (word_is(command, "eval_fail"))
        e->fails = true;
    e->ordered = word_is(command, "eval_ordered");
    e->must_warn = word_is(command, "eval_warn");
    e->must_inform = word_is(command, "eval_info");
    e->is_range = str_is(kind, "range");
    (void)sequence_word(&line); /* at, from */
    ok &= sequence_duration(sequence_word(&line), &e->start_ms);
    e->end_ms = e->start_ms;
    if (e->is_range) {
        (void)sequence_word(&line); /* to */
        ok &= sequence_duration(sequence_word(&line), &e->end_ms);
        (void)sequence_word(&line); /* step */
        ok &= sequence_duration(sequence_word(&line), &e->step_ms);
    }
    e->expression = line;
    return ok;
}

static bool run_eval(struct script *s, struct str line)
{
    struct evaluation *e = arena_new(s->arena, struct evaluation);
    struct err err = ERR_INIT;
    struct str *lines;
    size_t number = s->at + 1;
    struct buf why = BUF_INIT(4 << 20);

    if (!read_head(e, line))
        return fail_line(s, "eval: bad times");
    size_t count = take_block(s, &lines);
    for (size_t i = 0; i < count && !e->expect_scalar; i++)
        if (!read_result(s, e, lines[i], &err)) {
            printf("%s: in the eval of line %zu: \"%.*s\": %s\n", s->path, number,
                STR_ARG(lines[i]), err.text);
            s->counts.failed++;
            return true;
        }
    if (evaluation_run(e, s->data, s->settings, &why)) {
        s->counts.passed++;
    } else {
        s->counts.failed++;
        if (s->settings->verbose)
            printf("  %s:%zu: %.*s%s\n", s->path, number, STR_ARG(e->expression),
                why.at != NULL ? why.at : "");
    }
    buf_fini(&why);
    return true;
}

/* ---- files ---- */

static bool run_command(struct script *s)
{
    struct str line = s->lines[s->at], rest = line, word = sequence_word(&rest);

    if (line.len == 0) {
        s->at++;
        return true;
    }
    if (word_is(word, "clear")) {
        memory_source_destroy(&s->data);
        s->data = memory_source_create();
        s->at++;
        return true;
    }
    if (word_is(word, "load") || word_is(word, "load_with_nhcb"))
        return load(s, line);
    if (word.len >= 4 && strncasecmp(word.at, "eval", 4) == 0)
        return run_eval(s, line);
    return fail_line(s, "unknown command");
}

static struct counts run_file(const char *path, const struct settings *settings)
{
    struct script s = {.settings = settings, .path = path};
    struct buf text = BUF_INIT(FILE_BYTES_MAX);
    struct err err = ERR_INIT;

    if (!fs_read(path, &text, &err)) {
        printf("%s\n", err.text);
        return (struct counts){.failed = 1};
    }
    s.arena = arena_create(1 << 16);
    s.data = memory_source_create();
    split(&s, buf_str(&text));
    while (s.at < s.count)
        if (!run_command(&s)) {
            s.counts.failed++; /* what follows cannot be trusted */
            break;
        }
    printf("%s: %zu passed, %zu failed, %zu skipped\n", path, s.counts.passed, s.counts.failed,
        s.counts.skipped);
    (void)fflush(stdout);
    memory_source_destroy(&s.data);
    arena_destroy(&s.arena);
    buf_fini(&text);
    return s.counts;
}

int main(int argc, char **argv)
{
    struct settings settings = {.profile = PROFILE_3};
    struct counts all = {0};
    int first = 1;

    for (; first < argc && argv[first][0] == '-'; first++) {
        if (strcmp(argv[first], "-v") == 0) {
            settings.verbose = true;
        } else if (strcmp(argv[first], "--profile") == 0 && first + 1 < argc) {
            settings.profile = strcmp(argv[++first], "2.42") == 0 ? PROFILE_2_42 : PROFILE_3;
        } else {
            first = argc;
            break;
        }
    }
    if (first >= argc) {
        (void)fprintf(stderr, "usage: promqltest [--profile 2.42|3] [-v] FILE...\n");
        return 2;
    }
    for (int i = first; i < argc; i++) {
        struct counts c = run_file(argv[i], &settings);
        all.passed += c.passed;
        all.failed += c.failed;
        all.skipped += c.skipped;
    }
    printf("%zu passed, %zu failed, %zu skipped\n", all.passed, all.failed, all.skipped);
    return all.failed > 0;
}
