/* ports: a process listens on the published port itself. */
#include "spec/spec_private.h"

#include "base/must.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct port {
    const char *host_ip, *protocol, *published, *mode, *name, *app_protocol;
    int target;
    int number; /* what came out */
};

static const struct field port_rows[] = {
    {.name = "target",
     .type = FIELD_INT,
     .offset = offsetof(struct port,                  target),
     .min = 1,
     .max = 65535,
     .required = true,
     .help = "The port that it listens on."},
    {.name = "published",
     .type = FIELD_TEXT,
     .offset = offsetof(struct port,        published),
     .help = "For a process the same as `target`."                                            },
    {.name = "host_ip",
     .type = FIELD_TEXT,
     .offset = offsetof(struct port, host_ip),
     .help = "The address is up to the program."                                            },
    {.name = "protocol",
     .type = FIELD_TEXT,
     .offset = offsetof(struct port,   protocol),
     .default_text = "tcp",
     .help = "tcp or udp."},
    {.name = "mode",
     .type = FIELD_TEXT,
     .offset = offsetof(struct port,                           mode),
     .help = "Makes no difference on one machine."                        },
    {.name = "name",
     .type = FIELD_TEXT,
     .offset = offsetof(struct port,   name),
     .help = "For people."},
    {.name = "app_protocol",
     .type = FIELD_TEXT,
     .offset = offsetof(struct port,                           app_protocol),
     .help = "For people."                                        },
};
const struct field_table fields_port = {.name = "a port",
    .help = "A port that a service listens on.",
    .fields = port_rows,
    .count = COUNT(port_rows)};

static bool parse_number(struct str text, int *out)
{
    int64_t number;

    if (!str_to_int(text, &number) || number < 1 || number > 65535)
        return false;
    *out = (int)number;
    return true;
}

enum port_problem { PORT_FINE, PORT_MALFORMED, PORT_RANGE, PORT_DIFFERS, PORT_UDP };

/* "[IP:][PUBLISHED:]TARGET[/PROTOCOL]"; the IP may be an IPv6 address in brackets. */
static enum port_problem parse_short(struct str text, int *out)
{
    struct str protocol = text, ports = str_cut(&protocol, '/'), parts[3];
    size_t count = 0;
    int published, target;

    if (ports.len < text.len && !str_is(protocol, "tcp") && !str_is(protocol, "udp"))
        return PORT_MALFORMED;
    if (str_starts(ports, "[")) {
        (void)str_cut(&ports, ']');
        if (ports.len == 0 || ports.at[0] != ':')
            return PORT_MALFORMED;
        ports = str_tail(ports, 1);
    }
    while (ports.len > 0 && count < COUNT(parts))
        parts[count++] = str_cut(&ports, ':');
    if (count == 0 || ports.len > 0 || text.at[text.len - 1] == ':')
        return PORT_MALFORMED;
    struct str last = parts[count - 1], before = count > 1 ? parts[count - 2] : last;
    if (before.len == 0)
        before = last;
    if (str_find(last, '-') > 0 || str_find(before, '-') > 0)
        return PORT_RANGE;
    if (!parse_number(last, &target) || !parse_number(before, &published))
        return PORT_MALFORMED;
    *out = published;
    if (published != target)
        return PORT_DIFFERS;
    return str_is(protocol, "udp") ? PORT_UDP : PORT_FINE;
}

static enum port_problem parse_long(const struct port *p, int *out)
{
    int published = p->target;

    if (p->published != NULL && strchr(p->published, '-') != NULL)
        return PORT_RANGE;
    if (p->published != NULL && p->published[0] != '\0' &&
        !parse_number(str_from(p->published), &published))
        return PORT_MALFORMED;
    *out = published;
    if (published != p->target)
        return PORT_DIFFERS;
    return p->protocol != NULL && strcmp(p->protocol, "udp") == 0 ? PORT_UDP : PORT_FINE;
}

static void report_port(
    struct decode *d, const struct span *span, enum port_problem problem, int number)
{
    switch (problem) {
    case PORT_MALFORMED:
        diagnostic_error(d->diagnostics, "wrong-value", span,
            "a port is written 8080, \"8080:8080\" or \"127.0.0.1:8080:8080\"");
        break;
    case PORT_RANGE:
        field_refuse(d, span, "a range of ports for a plain process");
        diagnostic_help(d->diagnostics, "leave `ports` out: each instance then gets its own $PORT");
        break;
    case PORT_DIFFERS:
        field_refuse(d, span,
            "a plain process listens on the published port itself, so the two cannot differ");
        diagnostic_help(
            d->diagnostics, "write \"%d:%d\", and let the program listen on $PORT", number, number);
        break;
    case PORT_FINE:
    case PORT_UDP:
        break;
    }
}

static enum port_problem decode_port(struct decode *d, const struct node *value, int *out)
{
    struct port p = {0};
    enum port_problem problem;

    if (value->kind == NODE_MAP) {
        fields_decode(d, &fields_port, value, &p);
        if (p.target == 0)
            return PORT_MALFORMED; /* told already */
        problem = parse_long(&p, out);
    } else if (node_is_scalar(value)) {
        problem = parse_short(value->text, out);
    } else {
        (void)field_wrong(d, "ports", value, "ports in its list");
        return PORT_MALFORMED;
    }
    report_port(d, &value->span, problem, *out);
    return problem;
}

void decode_ports(struct decode *d, const struct field *f, const struct node_pair *pair, void *into)
{
    struct service_draft *draft = into;
    const struct node *value = pair->value;
    int number = 0;

    if (value->kind != NODE_LIST) {
        (void)field_wrong(d, f->name, value, "a list");
        return;
    }
    for (size_t i = 0; i < value->count; i++) {
        enum port_problem problem = decode_port(d, value->items[i], &number);
        if (problem == PORT_UDP)
            diagnostic_note(d->diagnostics, "no-effect", &value->items[i]->span,
                "udp port %d is only written down: $PORT and probes are about tcp", number);
        if (problem != PORT_FINE)
            continue;
        if (draft->service.port != 0 && draft->service.port != number)
            diagnostic_note(d->diagnostics, "no-effect", &value->items[i]->span,
                "port %d is only written down: $PORT is the first one, %d", number,
                draft->service.port);
        if (draft->service.port != 0)
            continue;
        draft->service.port = number;
        draft->port_span = value->items[i]->span;
    }
}

struct node *encode_ports(struct encode *e, const struct field *f, const void *from)
{
    const struct service *s = from;
    struct node *list = node_list(e->arena);

    (void)f;
    if (s->port == 0)
        return NULL;
    node_push(e->arena, list, node_int(e->arena, s->port));
    return list;
}

static int peek_entry(const struct node *value)
{
    const struct node *published = node_get(value, "published");
    const struct node *target = published != NULL ? published : node_get(value, "target");
    int64_t number;
    int port = 0;

    if (value->kind == NODE_MAP)
        return node_to_int(target, &number) && number > 0 && number < 65536 ? (int)number : 0;
    return node_is_scalar(value) && parse_short(value->text, &port) == PORT_FINE ? port : 0;
}

int ports_peek(const struct node *ports)
{
    for (size_t i = 0; ports != NULL && ports->kind == NODE_LIST && i < ports->count; i++)
        if (peek_entry(ports->items[i]) != 0)
            return peek_entry(ports->items[i]);
    return 0;
}
