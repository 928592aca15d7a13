/* result_json.h - results as the Prometheus HTTP API writes them.
 *
 *     {"status":"success","data":{"resultType":"vector","result":[
 *       {"metric":{"__name__":"up","job":"web"},"value":[1700000000,"1"]}]},"infos":[…]}
 *
 * Sample values are strings in Go's layout (decimal.h), times are seconds with up to three digits
 * behind the point. Straight from the columns into the buffer; buf_full says whether it fitted. */
#ifndef TEND_OBSERVE_PROMQL_RESULT_JSON_H
#define TEND_OBSERVE_PROMQL_RESULT_JSON_H

#include "base/buf.h"
#include "base/err.h"
#include "observe/promql/query.h"

/* The whole answer. */
void result_json(struct buf *out, const struct query_result *r);
/* {"status":"error","errorType":"execution","error":"…"}; `type` as the API names it. */
void result_json_error(struct buf *out, const char *type, const char *text);
/* "bad_data", "execution", "timeout", "canceled": what the API calls a failure, and its status.
 * `parsed`: the expression was fine, running it failed. */
const char *result_error_type(const struct err *err, bool parsed, int *out_status);
/* {"__name__":"up","job":"web"} */
void result_json_labels(struct buf *out, const struct labels *l);
/* 1700000000.123 */
void result_json_time(struct buf *out, int64_t ms);

#endif
