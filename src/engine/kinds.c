#include "engine/kinds.h"

#include "base/must.h"
#include "drive/host/file.h"
#include "engine/job_kind.h"
#include "engine/service_kind.h"

const struct kind *const kinds_all[KINDS_COUNT] = {
    &service_kind,
    &job_kind,
    &directory_kind,
    &file_kind,
};

void kinds_register(void)
{
    for (size_t k = 0; k < KINDS_COUNT; k++)
        if (kinds_all[k]->declares != NULL)
            must(fields_register(kinds_all[k]->declares));
}
