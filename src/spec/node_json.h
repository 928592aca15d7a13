/* node_json.h - JSON text that tend wrote itself, as a tree: quicker than by YAML. Any thread. */
#ifndef TEND_SPEC_NODE_JSON_H
#define TEND_SPEC_NODE_JSON_H

#include "spec/node.h"

/* Without spans. NULL if it is no JSON, has a key twice, or is past the bounds of node.h. */
struct node *node_from_json(struct arena *a, struct str json);

#endif
