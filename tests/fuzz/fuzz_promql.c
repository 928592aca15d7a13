/* Any bytes as PromQL: what is taken prints, and what is printed reads back and prints the same. */
#include "observe/promql/expression.h"

#include "base/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {.at = (const char *)data, .len = size};
    struct err err = ERR_INIT;
    struct buf first = BUF_INIT(1u << 20), second = BUF_INIT(1u << 20);
    struct expression *e = expression_parse(text, &err);

    if (e == NULL) {
        must(err.kind != ERR_NONE);
        return 0;
    }
    expression_format(e, &first);
    struct expression *again = expression_parse(buf_str(&first), &err);
    if (again != NULL) {
        expression_format(again, &second);
        must(str_eq(buf_str(&first), buf_str(&second)));
    } else {
        must(err.kind == ERR_LIMIT ||
             buf_full(&first)); /* parentheses of names may need more room */
    }
    buf_reset(&first);
    expression_format_pretty(e, &first);
    expression_destroy(&again);
    expression_destroy(&e);
    buf_fini(&first);
    buf_fini(&second);
    return 0;
}
