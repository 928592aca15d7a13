/* event_json.h - an event as the API gives it. Pure. */
#ifndef TEND_SERVE_EVENT_JSON_H
#define TEND_SERVE_EVENT_JSON_H

#include "base/buf.h"
#include "record/event.h"

/* {"seq":…,"at":…,"type":…,"severity":…,"actor":…,"subject":…,"causes":[…],"evidence":{…},
 * "text":…}, without a line end. */
void event_json_write(struct buf *out, const struct event *e);

#endif
