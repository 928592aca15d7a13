/* html.h - text into HTML, escaped. Pure. */
#ifndef TEND_SERVE_HTML_H
#define TEND_SERVE_HTML_H

#include "base/buf.h"

/* For element content and quoted attributes; control bytes but tab and line end, and what is not
 * UTF-8, become U+FFFD. */
void html_add_text(struct buf *out, struct str text);

#endif
