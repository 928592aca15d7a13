#include "spec/yaml.h"

#include "base/map.h"
#include "base/must.h"
#include "base/str.h"

#include <libfyaml.h>
#include <string.h>

/* What is being read. libfyaml is used for its events alone: its document interface takes
 * quadratic time for large maps. */
struct reader {
    struct arena *arena;
    const struct source *source;
    struct str text;
    size_t bytes_max;
    struct diagnostics *diagnostics;
    struct fy_parser *parser;
    struct fy_token_iter *iterator;
    struct buf piece;     /* the text of the token at hand */
    struct map anchors;   /* name → node */
    uint32_t nodes;       /* so far, aliases counted by what they stand for */
    struct span unclosed; /* the innermost bracket that was open when reading stopped */
    bool failed;
};

/* The collections that are open while events come in, outermost first. */
struct frame {
    struct node *node;
    struct str key; /* of a map: waits for its value; at is NULL while a key is expected */
    bool no_key;    /* it is none, which was told: its value is dropped */
    struct span key_span;
    struct node *merge; /* the value of `<<`, if there was one */
    struct span merge_span;
    struct span bracket; /* of a collection in brackets: the opening one; else line 0 */
};

static struct span span_between(
    struct reader *r, const struct fy_mark *from, const struct fy_mark *end)
{
    struct span s = {.source = r->source};

    if (from == NULL)
        return s;
    s.at = (uint32_t)from->input_pos;
    s.end = end != NULL && end->input_pos > from->input_pos ? (uint32_t)end->input_pos : s.at;
    s.line = (uint32_t)from->line + 1;
    s.column = (uint32_t)from->column + 1;
    return s;
}

static struct span span_of_event(struct reader *r, struct fy_event *e)
{
    return span_between(r, fy_event_start_mark(e), fy_event_end_mark(e));
}

static void fail(struct reader *r, const char *code, const struct span *span, const char *message)
{
    if (!r->failed)
        diagnostic_error(r->diagnostics, code, span, "%s", message);
    r->failed = true;
}

/* The token's text, in r->piece until the next call. Piece by piece, because libfyaml 0.7.12 loses
 * memory when it puts together a text of many pieces (escapes, folded lines) itself. */
static struct str token_text(struct reader *r, struct fy_token *token)
{
    const struct fy_iter_chunk *chunk = NULL;
    int error = 0;

    buf_reset(&r->piece);
    if (token == NULL)
        return STR("");
    fy_token_iter_start(token, r->iterator);
    while ((chunk = fy_token_iter_chunk_next(r->iterator, chunk, &error)) != NULL)
        buf_add(&r->piece, chunk->str, chunk->len);
    fy_token_iter_finish(r->iterator);
    return buf_str(&r->piece);
}

/* Tags. */

struct tag_name {
    const char *name;
    enum node_kind kind;
    enum node_tag tag;
};

static const struct tag_name tag_names[] = {
    {"!reset",                  NODE_NULL,  NODE_TAG_RESET   },
    {"!override",               NODE_NULL,  NODE_TAG_OVERRIDE},
    {"tag:yaml.org,2002:null",  NODE_NULL,  NODE_TAG_NONE    },
    {"tag:yaml.org,2002:bool",  NODE_BOOL,  NODE_TAG_NONE    },
    {"tag:yaml.org,2002:int",   NODE_INT,   NODE_TAG_NONE    },
    {"tag:yaml.org,2002:float", NODE_FLOAT, NODE_TAG_NONE    },
    {"tag:yaml.org,2002:str",   NODE_TEXT,  NODE_TAG_NONE    },
    {"tag:yaml.org,2002:seq",   NODE_LIST,  NODE_TAG_NONE    },
    {"tag:yaml.org,2002:map",   NODE_MAP,   NODE_TAG_NONE    },
};

static const struct tag_name *find_tag(struct str name)
{
    for (size_t i = 0; i < COUNT(tag_names); i++)
        if (str_is(name, tag_names[i].name))
            return &tag_names[i];
    return NULL;
}

/* A tag of YAML's own: it must say what the value is, or make a text of it. */
static void apply_kind(struct reader *r, struct node *n, enum node_kind kind)
{
    bool fits = n->kind == kind;

    if (node_is_scalar(n))
        fits = kind == NODE_TEXT || (kind < NODE_TEXT && node_kind_of(n->text) == kind);
    if (fits)
        n->kind = kind;
    else
        diagnostic_error(r->diagnostics, "wrong-type", &n->span,
            "the tag says something else than the value is: %s", node_kind_name(n));
}

static void apply_tag(struct reader *r, struct node *n, struct fy_event *e)
{
    struct fy_token *token = fy_event_get_tag_token(e);
    struct str name = token_text(r, token);
    const struct tag_name *tag = find_tag(name);

    if (token == NULL || str_is(name, "!"))
        return;
    if (tag == NULL) {
        diagnostic_error(
            r->diagnostics, "unknown-tag", &n->span, "unknown tag '%.*s'", STR_ARG(name));
        diagnostic_help(r->diagnostics, "known are !reset, !override and YAML's own such as !!str");
    } else if (tag->tag != NODE_TAG_NONE) {
        n->tag = tag->tag;
    } else {
        apply_kind(r, n, tag->kind);
    }
}

static void remember_anchor(struct reader *r, struct node *n, struct fy_event *e)
{
    struct fy_token *token = fy_event_get_anchor_token(e);

    if (token != NULL)
        (void)map_put(&r->anchors, arena_copy_str(r->arena, token_text(r, token)), n);
}

static bool count_nodes(struct reader *r, uint32_t more, const struct span *span)
{
    if (more > NODE_COUNT_MAX - r->nodes) {
        fail(r, "limit", span, "the file grows to more than 1000000 values with its aliases");
        return false;
    }
    r->nodes += more;
    return true;
}

static bool is_quoted(enum fy_scalar_style style)
{
    return style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED;
}

/* libfyaml's marks stand inside of them. */
static void include_quotes(const struct reader *r, struct span *span)
{
    if (span->at == 0 || span->column < 2 || span->end >= r->text.len)
        return;
    span->at--;
    span->column--;
    span->end++;
}

static struct node *new_scalar(struct reader *r, struct fy_event *e)
{
    struct fy_token *token = fy_event_get_token(e);
    struct node *n = node_text(r->arena, token_text(r, token));

    n->weight += (uint32_t)(n->text.len / NODE_WEIGHT_BYTES);
    n->span = span_of_event(r, e);
    n->is_plain = token == NULL || fy_token_scalar_style(token) == FYSS_PLAIN;
    if (token != NULL && is_quoted(fy_token_scalar_style(token)))
        include_quotes(r, &n->span);
    if (n->is_plain && fy_event_get_tag_token(e) == NULL)
        n->kind = node_kind_of(n->text);
    else if (n->is_plain && n->text.len == 0)
        n->kind = NODE_NULL;
    if (str_find(n->text, '\0') >= 0) {
        diagnostic_error(r->diagnostics, "wrong-value", &n->span, "a text cannot hold a zero byte");
        n->text = STR("");
    }
    apply_tag(r, n, e);
    remember_anchor(r, n, e);
    return n;
}

static struct node *new_collection(struct reader *r, struct fy_event *e)
{
    struct node *n = e->type == FYET_MAPPING_START ? node_map(r->arena) : node_list(r->arena);

    n->span = span_of_event(r, e);
    apply_tag(r, n, e);
    remember_anchor(r, n, e);
    return n;
}

static bool is_open(const struct frame *frames, size_t depth, const struct node *n)
{
    for (size_t i = 0; i < depth; i++)
        if (frames[i].node == n)
            return true;
    return false;
}

static struct node *alias_target(
    struct reader *r, struct fy_event *e, const struct frame *frames, size_t depth)
{
    struct span span = span_of_event(r, e);
    struct str name = token_text(r, fy_event_get_token(e));
    struct node *n = map_get(&r->anchors, name);

    if (n == NULL) {
        diagnostic_error(r->diagnostics, "unknown-alias", &span,
            "alias '*%.*s' names no anchor above it", STR_ARG(name));
        n = node_null(r->arena);
        n->span = span;
        return n;
    }
    if (is_open(frames, depth, n)) {
        fail(r, "recursive-alias", &span, "an anchor cannot hold itself");
        return NULL;
    }
    if (depth + n->height > NODE_DEPTH_MAX) {
        fail(r, "limit", &span, "more than 64 levels of nesting");
        return NULL;
    }
    return count_nodes(r, n->weight, &span) ? n : NULL;
}

/* Merge keys: explicit keys win, then the first map of the list. */

static void merge_from(struct reader *r, struct node *into, const struct node *from)
{
    NODE_EACH (from, pair) {
        if (node_find(into, pair->key) != NULL)
            continue;
        if (!count_nodes(r, pair->value->weight, &pair->key_span))
            return;
        node_put(r->arena, into, pair->key, pair->value)->key_span = pair->key_span;
    }
}

static void apply_merge(struct reader *r, struct frame *f)
{
    const struct node *m = f->merge;

    for (size_t i = 0; m->kind == NODE_LIST && i < m->count; i++) {
        if (m->items[i]->kind == NODE_MAP)
            merge_from(r, f->node, m->items[i]);
        else
            diagnostic_error(r->diagnostics, "wrong-type", &m->items[i]->span,
                "'<<' takes maps, and this is %s", node_kind_name(m->items[i]));
    }
    if (m->kind == NODE_MAP)
        merge_from(r, f->node, m);
    else if (m->kind != NODE_LIST && m->kind != NODE_NULL)
        diagnostic_error(r->diagnostics, "wrong-type", &f->merge_span,
            "'<<' takes a map or a list of maps, and this is %s", node_kind_name(m));
}

/* Events to nodes. */

static void take_key(struct reader *r, struct frame *f, struct node *key)
{
    f->key = STR("");
    f->key_span = key->span;
    f->no_key = !node_is_scalar(key);
    if (f->no_key)
        diagnostic_error(r->diagnostics, "wrong-type", &key->span,
            "a key must be a text, and this is %s", node_kind_name(key));
    else
        f->key = key->text;
}

static void take_value(struct reader *r, struct frame *f, struct node *value)
{
    struct node_pair *earlier = node_find(f->node, f->key);

    if (f->no_key)
        ; /* told */
    else if (str_is(f->key, "<<") && f->merge == NULL) {
        f->merge = value;
        f->merge_span = f->key_span;
    } else if (earlier != NULL || str_is(f->key, "<<")) {
        diagnostic_error(r->diagnostics, "duplicate-key", &f->key_span, "key '%.*s' is there twice",
            STR_ARG(f->key));
        diagnostic_other(
            r->diagnostics, earlier != NULL ? &earlier->key_span : &f->merge_span, "first here");
    } else {
        node_put(r->arena, f->node, f->key, value)->key_span = f->key_span;
    }
    f->key.at = NULL;
}

static void take(struct reader *r, struct frame *f, struct node *n)
{
    if (f->node->kind == NODE_LIST)
        node_push(r->arena, f->node, n);
    else if (f->key.at == NULL)
        take_key(r, f, n);
    else
        take_value(r, f, n);
}

static struct fy_event *next_event(struct reader *r)
{
    return r->failed ? NULL : fy_parser_parse(r->parser);
}

static void close_collection(struct reader *r, struct frame *f, const struct span *end)
{
    if (f->merge != NULL)
        apply_merge(r, f);
    if (f->node->span.end < end->end)
        f->node->span.end = end->end;
}

static void open_collection(
    struct reader *r, struct fy_event *e, struct frame *frames, size_t *depth)
{
    struct frame *f = &frames[(*depth)++];

    *f = (struct frame){.node = new_collection(r, e)};
    if (fy_event_get_node_style(e) == FYNS_FLOW)
        f->bracket = span_of_event(r, e);
}

/* The node that is complete with this event, if one is. */
static struct node *take_event(
    struct reader *r, struct fy_event *e, struct frame *frames, size_t *depth)
{
    struct span span = span_of_event(r, e);
    bool opens = e->type == FYET_MAPPING_START || e->type == FYET_SEQUENCE_START;

    if (e->type == FYET_MAPPING_END || e->type == FYET_SEQUENCE_END) {
        must(*depth > 0);
        close_collection(r, &frames[--*depth], &span);
        return frames[*depth].node;
    }
    if (*depth >= NODE_DEPTH_MAX) {
        fail(r, "limit", &span, "more than 64 levels of nesting");
        return NULL;
    }
    if (e->type == FYET_ALIAS)
        return alias_target(r, e, frames, *depth);
    if (!count_nodes(r, 1, &span))
        return NULL;
    if (opens)
        open_collection(r, e, frames, depth);
    return opens ? NULL : new_scalar(r, e);
}

/* One document, until it ends. */
static struct node *read_document(struct reader *r)
{
    struct frame frames[NODE_DEPTH_MAX + 1];
    struct node *root = NULL;
    size_t depth = 0;
    struct fy_event *e;

    while ((e = next_event(r)) != NULL && e->type != FYET_DOCUMENT_END) {
        struct node *n = take_event(r, e, frames, &depth);
        fy_parser_event_free(r->parser, e);
        if (n != NULL && depth > 0)
            take(r, &frames[depth - 1], n);
        else if (n != NULL)
            root = n;
    }
    if (e == NULL && depth > 0)
        r->unclosed = frames[depth - 1].bracket;
    fy_parser_event_free(r->parser, e);
    return root;
}

static struct node *read_stream(struct reader *r)
{
    struct node *root = NULL;
    struct fy_event *e;

    while ((e = next_event(r)) != NULL) {
        bool starts = e->type == FYET_DOCUMENT_START;
        struct span span = span_of_event(r, e);
        fy_parser_event_free(r->parser, e);
        if (starts && root != NULL) {
            fail(r, "syntax", &span, "a file holds one document, and here a second one starts");
        } else if (starts) {
            root = read_document(r);
        }
    }
    if (fy_parser_get_stream_error(r->parser))
        r->failed = true;
    return r->failed ? NULL : root != NULL ? root : node_null(r->arena);
}

/* Before libfyaml sees it. */

static struct span span_at(const struct source *source, struct str text, size_t at)
{
    struct span s = {.source = source, .at = (uint32_t)at, .end = (uint32_t)at, .line = 1};
    size_t line_start = 0;

    for (size_t i = 0; i < at; i++) {
        if (text.at[i] == '\n') {
            s.line++;
            line_start = i + 1;
        }
    }
    for (size_t i = line_start; i < at; i++)
        s.column += ((unsigned char)text.at[i] & 0xc0) != 0x80;
    s.column++;
    return s;
}

/* Where the first character is that YAML does not allow (c-printable), or text.len. */
static size_t find_control(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];

        if ((c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
            return i;
    }
    return text.len;
}

static bool is_readable(struct reader *r)
{
    struct str text = r->text;
    struct span start = {.source = r->source, .line = 1, .column = 1};
    size_t valid, control;

    if (text.len > r->bytes_max) {
        fail(r, "limit", &start,
            r->bytes_max == YAML_BYTES_MAX ? "the file is larger than 4 MiB"
                                           : "the document is larger than 32 MiB");
        return false;
    }
    valid = str_utf8_valid(text);
    control = find_control(text);
    if (valid < text.len || control < text.len) {
        struct span span = span_at(r->source, text, valid < control ? valid : control);

        if (valid < control)
            fail(r, "syntax", &span, "the file is not valid UTF-8 here");
        else if (text.at[control] == '\0')
            fail(r, "syntax", &span, "a zero byte in the file");
        else
            fail(r, "syntax", &span, "a control character in the file: write it as an escape");
        return false;
    }
    return true;
}

/* What libfyaml found wrong. It stops at the first problem. */
static void report_syntax(struct reader *r, struct fy_diag *diag)
{
    void *at = NULL;
    struct fy_diag_error *found = fy_diag_errors_iterate(diag, &at);
    struct span span = {.source = r->source, .line = 1, .column = 1};

    if (found == NULL || found->line < 1) {
        diagnostic_error(r->diagnostics, "syntax", &span, "not valid YAML%s%s",
            found != NULL ? ": " : "", found != NULL ? found->msg : "");
        return;
    }
    span.line = (uint32_t)found->line;
    span.column = found->column > 0 ? (uint32_t)found->column : 1;
    size_t offset = 0;
    for (uint32_t line = 1; line < span.line && offset < r->text.len; offset++)
        line += r->text.at[offset] == '\n';
    for (uint32_t c = 1; c < span.column && offset < r->text.len && r->text.at[offset] != '\n';) {
        offset++;
        c += offset >= r->text.len || ((unsigned char)r->text.at[offset] & 0xc0) != 0x80;
    }
    span.at = span.end = (uint32_t)offset;
    diagnostic_error(r->diagnostics, "syntax", &span, "not valid YAML: %s", found->msg);
    if (r->unclosed.line > 0)
        diagnostic_other(r->diagnostics, &r->unclosed, "inside of what is opened here");
    if (offset < r->text.len && r->text.at[offset] == '\t')
        diagnostic_help(r->diagnostics, "indent with blanks: YAML allows no tabs there");
}

static struct node *read_up_to(size_t bytes_max, struct arena *a, const struct source *source,
    struct str text, struct diagnostics *d)
{
    struct reader r = {.arena = a,
        .source = source,
        .text = text,
        .bytes_max = bytes_max,
        .diagnostics = d,
        .piece = BUF_INIT(YAML_DOCUMENT_BYTES_MAX)};
    struct fy_diag_cfg diag_config;
    struct node *root = NULL;

    if (!is_readable(&r))
        return NULL;
    fy_diag_cfg_default(&diag_config);
    diag_config.fp = NULL;
    struct fy_diag *diag = fy_diag_create(&diag_config);
    must(diag != NULL);
    fy_diag_set_collect_errors(diag, true);
    struct fy_parse_cfg config = {
        .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_ALLOW_DUPLICATE_KEYS, .diag = diag};
    r.parser = fy_parser_create(&config);
    r.iterator = fy_token_iter_create(NULL);
    must(r.parser != NULL && r.iterator != NULL);
    if (text.len == 0)
        root = node_null(a);
    else if (fy_parser_set_string(r.parser, text.at, text.len) == 0)
        root = read_stream(&r);
    if (root == NULL && fy_parser_get_stream_error(r.parser))
        report_syntax(&r, diag);
    fy_token_iter_destroy(r.iterator);
    fy_parser_destroy(r.parser);
    buf_fini(&r.piece);
    fy_diag_destroy(diag);
    map_fini(&r.anchors);
    return root;
}

struct node *yaml_read(
    struct arena *a, const struct source *source, struct str text, struct diagnostics *d)
{
    return read_up_to(YAML_BYTES_MAX, a, source, text, d);
}

struct node *yaml_read_document(
    struct arena *a, const struct source *source, struct str text, struct diagnostics *d)
{
    return read_up_to(YAML_DOCUMENT_BYTES_MAX, a, source, text, d);
}
