/* yaml.h - YAML 1.2 (and so JSON) text to an attribute tree.
 *
 * Reads one document. Anchors, aliases and merge keys (`<<`) are resolved; keys are texts and two
 * equal ones in a map are a diagnostic that shows both. Refused, each with a diagnostic: more than
 * YAML_BYTES_MAX, text that is not UTF-8, more than NODE_DEPTH_MAX levels, more than NODE_COUNT_MAX
 * nodes with aliases counted as often as they are used, an anchor inside itself, a second document,
 * tags other than YAML's own and Compose's !reset and !override. Any thread. */
#ifndef TEND_SPEC_YAML_H
#define TEND_SPEC_YAML_H

#include "spec/diagnostic.h"
#include "spec/node.h"

#include "base/arena.h"

#define YAML_BYTES_MAX          (4u << 20)  /* of a file */
#define YAML_DOCUMENT_BYTES_MAX (32u << 20) /* of a resolved document, which has no aliases */

/* The tree, in `a`; an empty file is a null node. NULL if the text could not be read at all; a
 * tree with diagnostics (a duplicate key, say) is complete enough to look for more problems in.
 * `text` and `source` must live as long as the tree; `source->text` may be empty. */
struct node *yaml_read(
    struct arena *a, const struct source *source, struct str text, struct diagnostics *d);
/* The same for a resolved document: up to YAML_DOCUMENT_BYTES_MAX. */
struct node *yaml_read_document(
    struct arena *a, const struct source *source, struct str text, struct diagnostics *d);

#endif
