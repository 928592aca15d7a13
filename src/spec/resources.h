/* resources.h - what is declared and is no service, while a project is being made.
 *
 * Private to this folder: spec_private.h explains drafts. resources.c decodes and encodes entries,
 * references.c replaces ${files.NAME.path}, check_resources.c looks at what needs what. */
#ifndef TEND_SPEC_RESOURCES_H
#define TEND_SPEC_RESOURCES_H

#include "spec/spec_private.h"

struct load;

struct resource_draft {
    const struct field_kind *kind;
    const struct node_pair *declared;
    const char *subject;
    struct field_entry *entry; /* the kind's struct; NULL: it keeps what is written */
    struct node *canonical;
};

struct resource_drafts {
    struct {
        VEC_OF(struct resource_draft);
    } drafts;
};

/* "files.conf"; a service's is its name. */
char *resource_subject(struct arena *a, const char *section, struct str name);
/* The other way round; false: it names no kind that is known. */
bool resource_split(struct str text, struct str *out_section, struct str *out_name);

/* One that is there already stands. */
void resource_add_need(struct arena *a, struct field_entry *e, const struct resource_need *need,
    const struct span *span);
/* An entry of depends_on. */
void resource_decode_need(struct decode *d, const struct node_pair *pair, struct str section,
    struct str name, struct field_entry *into);
void resource_encode_needs(
    struct encode *e, struct node *map, const struct resource_need *needs, size_t count);

/* The entries of one section of the file. */
void resources_decode(struct resource_drafts *r, struct decode *d, const struct node_pair *section);
/* Canonical nodes, section by section, into `kinds`, and p->resources. Behind the checks. */
void resources_finish(
    struct resource_drafts *r, struct arena *a, struct project *p, struct node *kinds);
/* No two are about the same path. */
void resources_check_places(struct diagnostics *d, struct resource_drafts *r);
void resources_fini(struct resource_drafts *r);

/* What needs what: there, and not in a circle. */
void resources_check(
    struct diagnostics *d, struct resource_drafts *r, const struct project_draft *p);

/* Replace references in the whole file; whoever refers to a resource needs it: which is kept in
 * `l` until references_link. */
void references_resolve(struct load *l, struct node *root);
void references_link(struct load *l, struct resource_drafts *r);

#endif
