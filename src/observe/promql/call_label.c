/* label_replace and label_join: they change labels and look at no value. */
#include "base/regex.h"
#include "observe/promql/calls.h"

#include <string.h>

static struct str text_arg(const struct node *n, size_t i)
{
    return node_unwrap(n->call.args[i])->string;
}

static void check_name(struct query *q, struct str name, const char *which, const char *function)
{
    bool old = q->options->profile == PROFILE_2_42; /* before names could be any UTF-8 */

    if (name.len == 0 || str_utf8_valid(name) != name.len || (old && !labels_plain_name(name)))
        query_fail(q, ERR_INVALID, "invalid %s label name in %s(): %.*s", which, function,
            (int)(name.len < 100 ? name.len : 100), name.at);
}

static void set_label(struct query *q, struct row *row, struct str name, struct str value)
{
    query_room(q, 1,
        sizeof(struct labels) + (row->labels->count + 1) * sizeof(struct label) + name.len +
            value.len + 128);
    row->labels = labels_with(q->arena, row->labels, name, value);
    if (str_is(name, LABEL_NAME))
        row->drop_name = false;
}

/* ---- replacement templates, as Go's regexp.Expand: $1, $name, ${1}x, $$ ---- */

static bool is_name_byte(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static struct str group_value(
    const struct regex *r, struct str name, const struct str *groups, size_t count)
{
    uint64_t number;

    if (!str_to_uint(name, &number)) {
        int named = regex_group_named(r, name);
        if (named < 0)
            return STR("");
        number = (uint64_t)named;
    }
    return number < count && groups[number].at != NULL ? groups[number] : STR("");
}

/* What stands behind a `$`; false if that is no reference, and the `$` is just text. */
static bool take_reference(struct str *rest, struct str *out_name)
{
    bool braces = rest->len > 0 && rest->at[0] == '{';
    size_t i = braces;

    while (i < rest->len && is_name_byte(rest->at[i]))
        i++;
    size_t len = i - braces;
    if (len == 0 || (braces && (i >= rest->len || rest->at[i] != '}')))
        return false;
    *out_name = (struct str){rest->at + braces, len};
    *rest = str_tail(*rest, i + braces);
    return true;
}

static void expand(struct buf *out, const struct regex *r, struct str template,
    const struct str *groups, size_t count)
{
    while (template.len > 0) {
        ptrdiff_t dollar = str_find(template, '$');
        struct str name;
        if (dollar < 0) {
            buf_add_str(out, template);
            return;
        }
        buf_add(out, template.at, (size_t)dollar);
        template = str_tail(template, (size_t)dollar + 1);
        if (template.len > 0 && template.at[0] == '$') {
            buf_add_byte(out, '$');
            template = str_tail(template, 1);
        } else if (take_reference(&template, &name)) {
            buf_add_str(out, group_value(r, name, groups, count));
        } else {
            buf_add_byte(out, '$');
        }
    }
}

static void replace_in_row(
    struct query *q, const struct node *n, const struct regex *r, struct row *row, struct buf *text)
{
    struct str groups[REGEX_GROUPS_MAX + 1];
    struct str value = labels_get(row->labels, text_arg(n, 3));

    if (!regex_match_groups(r, value, groups, REGEX_GROUPS_MAX + 1))
        return;
    buf_reset(text);
    expand(text, r, text_arg(n, 2), groups, REGEX_GROUPS_MAX + 1);
    set_label(q, row, text_arg(n, 1), buf_str(text));
}

CALL(call_label_replace)
{
    struct err err = ERR_INIT;
    struct str pattern = text_arg(n, 4);

    check_name(q, text_arg(n, 1), "destination", "label_replace");
    out->type = TYPE_VECTOR;
    eval_vector(q, n->call.args[0], g, &out->vector);
    struct regex *r = query_regex(q, pattern, &err);
    if (r == NULL)
        query_fail(q, ERR_INVALID, "invalid regular expression in label_replace(): %.*s",
            (int)(pattern.len < 200 ? pattern.len : 200), pattern.at);
    buf_reset(&q->text_buffer);
    for (size_t i = 0; i < out->vector.count; i++)
        replace_in_row(q, n, r, &out->vector.rows[i], &q->text_buffer);
    matrix_merge_same(q, &out->vector, g);
}

CALL(call_label_join)
{
    struct buf *text = &q->text_buffer;

    for (size_t i = 3; i < n->call.arg_count; i++)
        check_name(q, text_arg(n, i), "source", "label_join");
    check_name(q, text_arg(n, 1), "destination", "label_join");
    out->type = TYPE_VECTOR;
    eval_vector(q, n->call.args[0], g, &out->vector);
    for (size_t k = 0; k < out->vector.count; k++) {
        struct row *row = &out->vector.rows[k];
        buf_reset(text);
        for (size_t i = 3; i < n->call.arg_count; i++) {
            if (i > 3)
                buf_add_str(text, text_arg(n, 2));
            buf_add_str(text, labels_get(row->labels, text_arg(n, i)));
        }
        set_label(q, row, text_arg(n, 1), buf_str(text));
    }
    matrix_merge_same(q, &out->vector, g);
}
