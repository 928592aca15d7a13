#include "engine/kinds.h"

#include "engine/service_kind.h"

const struct kind *const kinds_all[KINDS_COUNT] = {
    &service_kind,
};
