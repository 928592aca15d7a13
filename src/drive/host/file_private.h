/* file_private.h - what the files of the kind `file` share. */
#ifndef TEND_DRIVE_HOST_FILE_PRIVATE_H
#define TEND_DRIVE_HOST_FILE_PRIVATE_H

#include "drive/host/attributes.h"
#include "drive/host/file.h"

extern const struct field_table fields_file;
extern const struct field_kind files_declared;

/* It can be shown, and stand in a document as it is. */
bool content_is_text(struct str content);
/* As `content`, or as `content_base64`. */
void content_put(struct arena *a, struct node *into, struct str content);

#endif
