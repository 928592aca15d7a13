/* job_kind.h - the kind "job": runs once for each revision, or by a schedule. The engine carries
 * all changes out together with those of services. Constant; any thread. */
#ifndef TEND_ENGINE_JOB_KIND_H
#define TEND_ENGINE_JOB_KIND_H

#include "drive/kind.h"

extern const struct kind job_kind;

#endif
