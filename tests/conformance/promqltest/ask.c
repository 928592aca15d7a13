/* promqlask [--profile 2.42|3] DATA - answers queries over a file of samples as the HTTP API would.
 *
 * DATA has a line for each series, `series up{job="a"}`, and behind it one for each sample,
 * `1700000000000 0.5` (milliseconds; `stale` is the stale marker). Standard input has a query a
 * line: `instant TIME EXPR` or `range START END STEP EXPR`, in milliseconds. An answer is a line of
 * JSON. */
#include "base/fs.h"
#include "base/mem.h"
#include "observe/promql/functions.h"
#include "observe/promql/result_json.h"
#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DATA_BYTES_MAX (256u << 20)

static struct memory_source *data;
static struct query_options options = QUERY_OPTIONS_DEFAULT;

static bool read_value(struct str text, double *out)
{
    uint64_t bits = STALE_BITS;

    if (!str_is(text, "stale"))
        return sequence_number(text, out);
    memcpy(out, &bits, sizeof bits);
    return true;
}

static bool load(const char *path, struct err *err)
{
    struct buf text = BUF_INIT(DATA_BYTES_MAX);
    struct arena *a = arena_create(0);
    const struct labels *labels = &labels_none;

    if (!fs_read(path, &text, err))
        return false;
    struct str rest = buf_str(&text);
    while (rest.len > 0) {
        struct str line = str_trim(str_cut(&rest, '\n'));
        struct items none = {0};
        int64_t time;
        double value;
        if (str_starts(line, "series ")) {
            if (!sequence_parse(a, str_tail(line, 7), &labels, &none, err))
                return false;
            continue;
        }
        if (line.len == 0)
            continue;
        struct str word = sequence_word(&line);
        if (!str_to_int(word, &time) || !read_value(line, &value))
            return err_set(err, ERR_INVALID, "bad sample");
        memory_source_add(data, labels, time, value, 0);
    }
    arena_destroy(&a);
    buf_fini(&text);
    return true;
}

static bool take_time(struct str *rest, int64_t *out)
{
    return str_to_int(sequence_word(rest), out);
}

static void answer(struct str line, struct buf *out)
{
    struct query_options o = options;
    struct err err = ERR_INIT;
    struct str kind = sequence_word(&line);
    bool ok = take_time(&line, &o.start_ms);
    int status;

    o.end_ms = o.start_ms;
    if (str_is(kind, "range"))
        ok = ok && take_time(&line, &o.end_ms) && take_time(&line, &o.step_ms);
    struct expression *e = ok ? expression_parse(line, &err) : NULL;
    struct query_result *r =
        e != NULL ? query_run(e, memory_source_interface(data), &o, &err) : NULL;
    buf_reset(out);
    if (r != NULL)
        result_json(out, r);
    else
        result_json_error(out, result_error_type(&err, e != NULL, &status), err.text);
    query_result_destroy(&r);
    expression_destroy(&e);
}

int main(int argc, char **argv)
{
    struct err err = ERR_INIT;
    struct buf out = BUF_INIT(64u << 20);
    char *line = NULL;
    size_t capacity = 0;
    ssize_t len;
    int first = 1;

    if (argc == 2 && strcmp(argv[1], "--reference") == 0) {
        functions_reference(&out);
        (void)fputs(out.at, stdout);
        buf_fini(&out);
        return 0;
    }
    if (argc > 2 && strcmp(argv[1], "--profile") == 0) {
        options.profile = strcmp(argv[2], "2.42") == 0 ? PROFILE_2_42 : PROFILE_3;
        first = 3;
    }
    data = memory_source_create();
    if (argc != first + 1 || !load(argv[first], &err)) {
        (void)fprintf(stderr, "usage: promqlask [--profile 2.42|3] DATA; %s\n", err.text);
        return 2;
    }
    while ((len = getline(&line, &capacity, stdin)) > 0) {
        answer(str_trim((struct str){line, (size_t)len}), &out);
        printf("%s\n", out.at);
        (void)fflush(stdout);
    }
    free(line);
    buf_fini(&out);
    memory_source_destroy(&data);
    return 0;
}
