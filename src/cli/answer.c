#include "cli/answer.h"

#include "base/clock.h"

#include <stdio.h>

const char *answer_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text != NULL ? text : "";
}

int64_t answer_int(const json_t *object, const char *key, int64_t otherwise)
{
    const json_t *value = json_object_get(object, key);

    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

double answer_number(const json_t *object, const char *key, double otherwise)
{
    const json_t *value = json_object_get(object, key);

    return json_is_number(value) ? json_number_value(value) : otherwise;
}

int64_t answer_time(const json_t *object, const char *key)
{
    int64_t at_ns;

    return clock_parse(str_from(answer_text(object, key)), &at_ns) ? at_ns : 0;
}

void answer_print(const json_t *value)
{
    (void)json_dumpf(value, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
    (void)putchar('\n'); /* a failed stdout is found when it is flushed */
}
