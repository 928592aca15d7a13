/* attributes.h - what files and directories have in common: a path, a mode, an owner, a group, and
 * whether they shall be there at all. */
#ifndef TEND_DRIVE_HOST_ATTRIBUTES_H
#define TEND_DRIVE_HOST_ATTRIBUTES_H

#include "drive/host/place.h"
#include "drive/kind.h"

#include <stddef.h>

enum ensure { ENSURE_PRESENT, ENSURE_ABSENT };

/* What the structs of both tables begin with. */
struct attributes {
    struct field_entry entry;
    const char *path;          /* absolute; before finish as it was written, NULL: the name is it */
    int mode;                  /* -1: not declared, which leaves it as it is */
    const char *owner, *group; /* a name or a number; NULL: as they are */
    int ensure;
};

/* Rows of both tables; T is the struct, `attributes` its first member. */
#define ATTRIBUTE_ROWS(T, what)                                                                \
    {.name = "path",                                                                           \
        .type = FIELD_TEXT,                                                                    \
        .offset = offsetof(T, attributes.path),                                                \
        .default_text = "its name",                                                            \
        .help = "Where it lies: absolute, or relative to the project's folder."},              \
        {.name = "mode",                                                                       \
            .type = FIELD_CUSTOM,                                                              \
            .forms = FORM_TEXT | FORM_NUMBER,                                                  \
            .effect = FIELD_UPDATES_LIVE,                                                      \
            .pattern = "^(0o)?[0-7]{1,4}$",                                                    \
            .decode = decode_mode,                                                             \
            .encode = encode_mode,                                                             \
            .help = "Permissions, in octal: 0640. Not declared: " what "."},                   \
        {.name = "owner",                                                                      \
            .type = FIELD_TEXT,                                                                \
            .offset = offsetof(T, attributes.owner),                                           \
            .effect = FIELD_UPDATES_LIVE,                                                      \
            .help = "User it belongs to, a name or a number. Not declared: it is left as it "  \
                    "is."},                                                                    \
        {.name = "group",                                                                      \
            .type = FIELD_TEXT,                                                                \
            .offset = offsetof(T, attributes.group),                                           \
            .effect = FIELD_UPDATES_LIVE,                                                      \
            .help = "Group it belongs to, a name or a number. Not declared: it is left as it " \
                    "is."},                                                                    \
    {                                                                                          \
        .name = "ensure", .type = FIELD_CHOICE, .offset = offsetof(T, attributes.ensure),      \
        .effect = FIELD_UPDATES_LIVE, .choices = ensure_words, .default_text = "present",      \
        .help = "absent: it is removed."                                                       \
    }

extern const struct field_choice ensure_words[];
void decode_mode(struct decode *d, const struct field *f, const struct node_pair *pair, void *into);
struct node *encode_mode(struct encode *e, const struct field *f, const void *from);

/* Makes the path absolute and checks it. */
void attributes_finish(struct decode *d, const struct node_pair *declared, struct attributes *at);
const char *attributes_place(const void *entry);
/* ${files.NAME.path} */
const char *attributes_refer(
    struct arena *a, const char *dir, const struct node_pair *declared, struct str what);

/* ---- the world's side: of canonical nodes ---- */

/* What is declared in a canonical node. */
struct wanted {
    const char *path;
    bool absent;
    int mode; /* -1: whatever it is */
    bool has_uid, has_gid;
    uid_t uid;
    gid_t gid;
};
/* Looks up names; ERR_MISSING where there is no such user or group. Blocks on the name service. */
MUST_USE bool wanted_read(const struct node *declared, struct wanted *out, struct err *err);

/* An observed node is {"trace":{…}} and what its kind adds; see place.h. */
void trace_of(const struct observed *observed, struct trace *out);

/* mode, owner and group that differ, where they are declared. */
void diff_attributes(struct arena *a, const struct node *declared, const struct observed *observed,
    struct change *out);
void add_difference(
    struct arena *a, struct change *out, const char *path, struct str before, struct str after);
/* "changed …" where what lies there is other than the record says; NULL. */
const char *drift_of(struct arena *a, const struct node *record, const struct trace *now);

/* Looks at each, and adds what is there. `describe` makes the observed node's own keys. */
typedef void (*describe_fn)(struct arena *a, struct node *into, const struct trace *trace);
MUST_USE bool observe_places(struct arena *a, const struct kind_look_list *looks,
    describe_fn describe, struct observed_list *out, struct err *err);

/* ---- changing ---- */

/* The record before anything is done: what is there now, and that it is tend's if nothing is. */
const struct node *attributes_remember(struct arena *a, const struct change *c);
/* The record of what is there now, behind a change. */
const struct node *record_of(struct arena *a, const struct change *c, const struct trace *now);
/* The place of a change, still as it was observed. */
MUST_USE bool change_begin(struct arena *a, const struct change *c, struct place *place,
    struct trace *now, struct err *err);
/* The path of a change. */
const char *change_path(const struct change *c);
/* Owner and mode of what was just made, by its descriptor. */
MUST_USE bool set_attributes(int fd, uid_t uid, gid_t gid, mode_t mode, struct err *err);

#endif
