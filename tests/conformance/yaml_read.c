/* yaml_read.c - what tend reads from YAML, for the conformance tests: standard input → JSON on
 * standard output and exit status 0, or its findings on standard error and 1. */
#include "spec/yaml.h"

#include "base/buf.h"

#include <stdio.h>
#include <unistd.h>

#define INPUT_BYTES_MAX (8u << 20)

static void read_all(struct buf *in)
{
    char piece[65536];
    ssize_t got;

    while ((got = read(STDIN_FILENO, piece, sizeof piece)) > 0)
        buf_add(in, piece, (size_t)got);
}

int main(void)
{
    struct buf in = BUF_INIT(INPUT_BYTES_MAX), out = BUF_INIT(64u << 20);
    struct arena *arena = arena_create(0);
    struct diagnostics *found = diagnostics_create();
    const struct diagnostic *g;
    struct source source = {.name = "stdin"};
    const struct node *root;

    read_all(&in);
    source.text = buf_str(&in);
    root = yaml_read(arena, &source, source.text, found);
    if (root != NULL)
        node_write_json(&out, root);
    for (size_t i = 0; (g = diagnostics_at(found, i)) != NULL; i++)
        (void)fprintf(
            stderr, "%s:%u:%u: %s\n", g->code, g->where.line, g->where.column, g->message);
    int code = root == NULL || diagnostics_at(found, 0) != NULL;
    if (code == 0)
        (void)printf("%.*s\n", (int)out.len, out.at);
    diagnostics_destroy(&found);
    arena_destroy(&arena);
    buf_fini(&in);
    buf_fini(&out);
    return code;
}
