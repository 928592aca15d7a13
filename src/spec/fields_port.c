/* ports of a container: the short form with ranges, and the long one. */
#include "spec/container_private.h"

#include "base/must.h"

#include <string.h>

static const struct field_choice protocols[] = {
    {"tcp",  0},
    {"udp",  0},
    {"sctp", 0},
    {NULL,   0},
};

static const struct field_choice modes[] = {
    {"host",    0},
    {"ingress", 0},
    {NULL,      0},
};

static void decode_word(
    struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    const char *text;

    if (!field_text(d, f->name, pair->value, &text))
        return;
    for (const struct field_choice *c = f->choices; c->name != NULL; c++) {
        if (strcmp(text, c->name) != 0)
            continue;
        *(const char **)(void *)((char *)into + f->offset) = c->name;
        return;
    }
    (void)field_wrong_value(
        d, f->name, pair->value, f->choices == protocols ? "tcp, udp or sctp" : "host or ingress");
}

static const struct port_mapping port_defaults = {.protocol = "tcp", .mode = "ingress"};

static struct node *encode_word(struct encode *e, const struct field *f, const void *from)
{
    const char *text = *(const char *const *)(const void *)((const char *)from + f->offset);
    const char *usual = *(
        const char *const *)(const void *)((const char *)(const void *)&port_defaults + f->offset);

    return strcmp(text, usual) != 0 ? node_text(e->arena, str_from(text)) : NULL;
}

static const struct field rows[] = {
    {.name = "target",
     .type = FIELD_INT,
     .offset = offsetof(struct port_mapping, target),
     .min = 1,
     .max = 65535,
     .required = true,
     .help = "The port inside the container."                     },
    ROW_PATTERN("published", struct port_mapping, published, "^[0-9]{1,5}(-[0-9]{1,5})?$",
        "The port of the machine, or a range of which one is taken; without it any."),
    ROW_TEXT(
        "host_ip", struct port_mapping, host_ip, "The machine's address; without it all of them."),
    { .name = "protocol",
     .type = FIELD_CUSTOM,
     .offset = offsetof(struct port_mapping,                     protocol),
     .forms = FORM_TEXT,
     .choices = protocols,
     .default_text = "tcp",
     .decode = decode_word,
     .encode = encode_word,
     .help = "tcp, udp or sctp."},
    {                                   .name = "mode",
     .type = FIELD_CUSTOM,
     .offset = offsetof(struct port_mapping,                     mode),
     .forms = FORM_TEXT,
     .choices = modes,
     .default_text = "ingress",
     .decode = decode_word,
     .encode = encode_word,
     .help = "host or ingress, which are the same on one machine."},
    ROW_TEXT("name", struct port_mapping, name, "For people."),
    ROW_TEXT("app_protocol", struct port_mapping, app_protocol, "For people: http, …"),
};
const struct field_table fields_port_mapping = FIELD_TABLE("a port of a container",
    "A port of a container that is reached from outside.", rows, &port_defaults);

/* "8000" or "8000-8010". */
static bool parse_range(struct str text, int64_t *first, int64_t *last)
{
    struct str rest = text, from = str_cut(&rest, '-');

    if (!str_to_int(from, first))
        return false;
    *last = *first;
    if (from.len < text.len && !str_to_int(rest, last))
        return false;
    return *first >= 0 && *last >= *first && *last <= 65535;
}

struct short_port {
    struct str address, protocol;
    int64_t published, published_last; /* -1: any */
    int64_t target, target_last;
};

/* [[IP:]PUBLISHED:]TARGET[/PROTOCOL]; an IPv6 address stands in brackets. */
static bool parse_short(struct str text, struct short_port *out)
{
    struct str protocol = text, ports = str_cut(&protocol, '/'), parts[3] = {0};
    size_t count = 0;

    *out = (struct short_port){.published = -1, .published_last = -1};
    out->protocol = ports.len < text.len ? protocol : STR("tcp");
    if (str_starts(ports, "[")) {
        struct str rest = str_tail(ports, 1);
        out->address = str_cut(&rest, ']');
        if (!str_starts(rest, ":"))
            return false;
        ports = str_tail(rest, 1);
    }
    while (count < COUNT(parts)) {
        ptrdiff_t colon = str_find(ports, ':');
        parts[count++] = str_cut(&ports, ':');
        if (colon < 0)
            break;
        if (count == COUNT(parts) || (ports.len == 0))
            return false;
    }
    struct str target = parts[count - 1], published = count > 1 ? parts[count - 2] : STR("");
    if (count == 3 && out->address.len > 0)
        return false;
    if (count == 3)
        out->address = parts[0];
    if (!parse_range(target, &out->target, &out->target_last) || out->target == 0)
        return false;
    if (published.len > 0 && !parse_range(published, &out->published, &out->published_last))
        return false;
    return true;
}

static void push_port(struct decode *d, const struct node *item, struct node *list,
    const struct short_port *p, int64_t offset)
{
    struct arena *a = d->arena;
    bool in_step = p->published_last - p->published == p->target_last - p->target;
    const char *published = NULL;

    if (p->published >= 0 && (in_step || p->published == p->published_last))
        published = arena_format(a, "%lld", (long long)(p->published + (in_step ? offset : 0)));
    else if (p->published >= 0)
        published =
            arena_format(a, "%lld-%lld", (long long)p->published, (long long)p->published_last);
    node_push(a, list,
        expanded(d, item, "target", arena_format(a, "%lld", (long long)(p->target + offset)),
            "published", published, "host_ip",
            p->address.len > 0 ? arena_copy_str(a, p->address).at : NULL, "protocol",
            arena_copy_str(a, p->protocol).at, (const char *)NULL));
}

void expand_port(
    struct decode *d, const struct field *f, const struct node *item, struct node *list)
{
    struct short_port p;

    (void)f;
    if (!parse_short(item->text, &p)) {
        diagnostic_error(d->diagnostics, "wrong-value", &item->span,
            "'%.60s' is no port: write [[IP:]PUBLISHED:]TARGET[/PROTOCOL], such as \"8080:80\"",
            item->text.at);
        return;
    }
    if (p.target != p.target_last && p.published >= 0 &&
        p.published_last - p.published != p.target_last - p.target) {
        diagnostic_error(d->diagnostics, "wrong-value", &item->span,
            "the two ranges of '%.60s' are not of one length", item->text.at);
        return;
    }
    for (int64_t i = 0; i <= p.target_last - p.target; i++)
        push_port(d, item, list, &p, i);
}
