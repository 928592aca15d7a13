#include "record/event_types.h"

#include "base/must.h"

#include <string.h>

/* Sorted by name (event_types_all promises it; its test checks it). Behind each group: the evidence
 * that its writers give, beyond `set`, and {"function","params","value","threshold","detail"} of a
 * decision. */
/* clang-format off */
static const struct event_type types[] = {
    /* done, held; what is declared from now on is in `set` */
    {"apply.declared", EVENT_INFO, EVENT_STEP, EVENT_FOLD_NONE, NULL,
        "what services need is there: they are brought to what is declared"},
    /* digest, file, services, changes; failed: reason; partly: done, left */
    {"apply.requested", EVENT_NOTICE, EVENT_REQUEST, EVENT_FOLD_NONE, NULL,
        "{actor} applied {file}[ ({changes#change})]"
        "|{actor} applied a project[ ({changes#change})]"},

    /* from, on, machine */
    {"bug.unlisted_transition", EVENT_ERROR, EVENT_SEEN, EVENT_FOLD_NONE, NULL,
        "a bug in tend: {subject} was {from} and got {on}[ (machine {machine})], which is not "
        "foreseen|a bug in tend: a transition of {subject} that is not foreseen"},

    /* step_ms (signed) */
    {"clock.jumped", EVENT_WARN, EVENT_SEEN, EVENT_FOLD_NONE, NULL,
        "the wall clock jumped[ by {step_ms}]; times around it cannot be compared"},

    /* version, pid, clean (of the stop before), reason, took_ms, adopted */
    {"daemon.degraded", EVENT_ERROR, EVENT_SEEN, EVENT_FOLD_NONE, NULL,
        "tend cannot do all of its work: {reason}|tend cannot do all of its work"},
    {"daemon.recovered", EVENT_NOTICE, EVENT_OUTCOME, EVENT_FOLD_NONE, NULL,
        "tend does all of its work again[: {reason}][ (after {took_ms})]"
        "[; not recorded meanwhile: {dropped#event}]"},
    {"daemon.started", EVENT_NOTICE, EVENT_OUTCOME, EVENT_FOLD_NONE, NULL,
        "tend[ {version}] started[ with pid {pid}][ and adopted {adopted#instance} that ran]"},
    {"daemon.stopped", EVENT_NOTICE, EVENT_OUTCOME, EVENT_FOLD_NONE, NULL,
        "tend stopped[: {reason}]; the services live on|tend stopped"},

    {"down.requested", EVENT_NOTICE, EVENT_REQUEST, EVENT_FOLD_NONE, NULL,
        "{actor} asked to stop everything"},

    {"exec.started", EVENT_NOTICE, EVENT_REQUEST, EVENT_FOLD_NONE, NULL,
        "{actor} ran a command in the environment of {subject}[: {program}]"},

    /* pid, start_ticks, incarnation, port */
    {"instance.adopted", EVENT_NOTICE, EVENT_DECISION, EVENT_FOLD_STATE, "ready",
        "{subject} was running already[ (pid {pid})] and was adopted[ in state {state}]"},
    /* function "backoff", params {restarts, base_ms, max_ms}, delay_ms */
    {"instance.backing_off", EVENT_WARN, EVENT_DECISION, EVENT_FOLD_STATE, "backing_off",
        "{subject} is started again in {delay_ms}[, because it failed {restarts#time} in a row]"
        "|{subject} waits before it is started again"},
    {"instance.completed", EVENT_NOTICE, EVENT_OUTCOME, EVENT_FOLD_STATE, "completed",
        "{subject} did its work and ended[ after {ran_ms}]"},
    /* code or signal ("SIGKILL"), oom, ran_ms, pid, incarnation, by ("tend" when it was stopped) */
    {"instance.exited", EVENT_WARN, EVENT_SEEN, EVENT_FOLD_EXIT, "exited",
        "{subject} was killed by {signal}[ after {ran_ms}]"
        "|{subject} exited with code {code}[ after {ran_ms}]|{subject} ended[ after {ran_ms}]"},
    {"instance.failed", EVENT_ERROR, EVENT_OUTCOME, EVENT_FOLD_STATE, "failed",
        "{subject} failed and stays down: {reason}|{subject} failed and stays down"},
    /* function "probe", params, value, threshold, detail; silent_ms */
    {"instance.hung", EVENT_ERROR, EVENT_DECISION, EVENT_FOLD_STATE, "hung",
        "{subject} hangs: {value#probe} in a row failed[ ({detail})]"
        "|{subject} hangs[: {detail}]"},
    /* function "trend", params, value, threshold, used_bytes, limit_bytes, full_in_ms */
    {"instance.leak_suspected", EVENT_WARN, EVENT_SEEN, EVENT_FOLD_NONE, NULL,
        "{subject} may leak memory[: it uses {used_bytes}][, {growth_bytes} more an hour]"
        "[, and reaches its limit of {limit_bytes}][ in {full_in_ms}]"},
    /* lines, bytes, reason */
    {"instance.logs_dropped", EVENT_WARN, EVENT_SEEN, EVENT_FOLD_NONE, NULL,
        "log lines of {subject} are lost[: {reason}][ ({lines#line})]"},
    {"instance.logs_recovered", EVENT_NOTICE, EVENT_OUTCOME, EVENT_FOLD_NONE, NULL,
        "logs of {subject} are kept again[; missing: {lines#line}]"},
    {"instance.lost", EVENT_WARN, EVENT_SEEN, EVENT_FOLD_STATE, "lost",
        "{subject} is gone and nothing says how it ended[: {reason}]"},
    /* function "probe", params, value, threshold, detail */
    {"instance.not_ready", EVENT_WARN, EVENT_SEEN, EVENT_FOLD_STATE, "not_ready",
        "{subject} does not answer[: {detail}]"},
    /* limit_bytes, used_bytes; the exit follows as instance.exited */
    {"instance.oom_killed", EVENT_ERROR, EVENT_SEEN, EVENT_FOLD_NONE, NULL,
        "{subject} needed more memory than its limit of {limit_bytes} and was killed by the kernel"
        "|{subject} was killed by the kernel because memory ran out"},
    /* function "quarantine", params {failures, window_ms}, value, retry_ms */
    {"instance.quarantined", EVENT_ERROR, EVENT_DECISION, EVENT_FOLD_STATE, "quarantined",
        "{subject} keeps failing and is in quarantine[: tried again every {retry_ms}]"},
    /* took_ms: from the start to the first passed probe */
    {"instance.ready", EVENT_NOTICE, EVENT_OUTCOME, EVENT_FOLD_STATE, "ready",
        "{subject} is ready[ ({took_ms} after its start)]"},
    /* merged: so many records of its shim became one, since nobody took them */
    {"instance.records_merged", EVENT_NOTICE, EVENT_SEEN, EVENT_FOLD_NONE, NULL,
        "{subject} was started and ended {merged} more times while tend was away"
        "|{subject} was started and ended more times while tend was away"},
    {"instance.released", EVENT_NOTICE, EVENT_DECISION, EVENT_FOLD_STATE, "pending",
        "{subject} left the quarantine[: {reason}]"},
    /* took_ms: exit seen to the next process started; pid, incarnation */
    /* behind its stop: scaled down, or of a service that is gone */
    {"instance.removed", EVENT_INFO, EVENT_OUTCOME, EVENT_FOLD_REMOVE, NULL,
        "{subject} is no longer wanted[: {reason}]"},
    {"instance.restarted", EVENT_NOTICE, EVENT_DECISION, EVENT_FOLD_RESTART, "starting",
        "{subject} was restarted[ (took {took_ms})]"},
    /* missing, reason */
    {"instance.start_failed", EVENT_ERROR, EVENT_SEEN, EVENT_FOLD_STATE, "start_failed",
        "{subject} could not be started: {reason}|{subject} could not be started"},
    {"instance.started", EVENT_INFO, EVENT_OUTCOME, EVENT_FOLD_STATE, "probing",
        "{subject} was started[ (pid {pid})][ at {address}]"},
    {"instance.starting", EVENT_INFO, EVENT_STEP, EVENT_FOLD_STATE, "starting",
        "{subject} is being started[: {reason}]"},
    {"instance.stopped", EVENT_NOTICE, EVENT_OUTCOME, EVENT_FOLD_STATE, "stopped",
        "{subject} is stopped[ (took {took_ms})][: {reason}]"},
    /* signal, grace_ms */
    {"instance.stopping", EVENT_INFO, EVENT_STEP, EVENT_FOLD_STATE, "stopping",
        "{subject} is being stopped[: {reason}]"},

    /* file, bytes */
    {"instance.waiting", EVENT_NOTICE, EVENT_SEEN, EVENT_FOLD_NONE, NULL,
        "{subject} {reason}|{subject} waits"},

    /* run, trigger, code, reason, failures, took_ms */
    {"job.cancelled", EVENT_NOTICE, EVENT_OUTCOME, EVENT_FOLD_NONE, NULL,
        "run {run} of {subject} was cancelled[: {reason}]|a run of {subject} was cancelled"},
    {"job.failed", EVENT_ERROR, EVENT_OUTCOME, EVENT_FOLD_NONE, NULL,
        "run {run} of {subject} failed[: {reason}][ (after {failures#failure})]"
        "|a run of {subject} failed"},
    /* function "schedule", count, or_more, schedule, latest_at; or run, trigger of one */
    {"job.missed", EVENT_WARN, EVENT_DECISION, EVENT_FOLD_NONE, NULL,
        "{subject} missed {count#run}, the latest at {latest_at}[: {reason}]"
        "|run {run} of {subject} was missed[: {reason}]|{subject} missed a run"},
    /* schedule, reason, step_ms */
    {"job.rescheduled", EVENT_NOTICE, EVENT_DECISION, EVENT_FOLD_NONE, NULL,
        "{subject} counts its schedule from now[: {reason}]"},
    /* schedule, timezone */
    {"job.scheduled", EVENT_NOTICE, EVENT_OUTCOME, EVENT_FOLD_NONE, NULL,
        "{subject} runs by the schedule {schedule}[ ({timezone})]|{subject} has a schedule"},
    /* trigger, schedule, scheduled_at, late_ms, reason */
    {"job.skipped", EVENT_NOTICE, EVENT_DECISION, EVENT_FOLD_NONE, NULL,
        "{subject} left out the run of {scheduled_at}[: {reason}]"
        "|{subject} left out a run[: {reason}]"},
    /* run, trigger, schedule, scheduled_at, late_ms, instance */
    {"job.started", EVENT_NOTICE, EVENT_DECISION, EVENT_FOLD_NONE, NULL,
        "run {run} of {subject} begins by its schedule {schedule}, at {scheduled_at}"
        "[ ({late_ms} late)]|run {run} of {subject} begins ({trigger})|{subject} begins a run"},
    {"job.succeeded", EVENT_NOTICE, EVENT_OUTCOME, EVENT_FOLD_NONE, NULL,
        "run {run} of {subject} succeeded[, it took {took_ms}]|a run of {subject} succeeded"},

    {"journal.torn_tail_cut", EVENT_WARN, EVENT_SEEN, EVENT_FOLD_NONE, NULL,
        "an unfinished write at the end of the journal was cut off[ ({bytes} bytes of {file})]"},

    {"operation.failed", EVENT_ERROR, EVENT_OUTCOME, EVENT_FOLD_NONE, NULL,
        "{operation} did not succeed: {reason}|what was asked for did not succeed"},
    {"operation.finished", EVENT_NOTICE, EVENT_OUTCOME, EVENT_FOLD_NONE, NULL,
        "{operation} is done[, it took {took_ms}]|what was asked for is done"},

    {"pause.ended", EVENT_NOTICE, EVENT_OUTCOME, EVENT_FOLD_NONE, NULL,
        "tend takes care of the services again[: {reason}]"},
    /* until_ns, for_ms */
    {"pause.requested", EVENT_NOTICE, EVENT_REQUEST, EVENT_FOLD_NONE, NULL,
        "{actor} asked tend to keep its hands off[ until {until_ns}]"},
    /* action, kind, took_ms, before (what was there), reason; its record is in `set` */
    {"resource.changed", EVENT_NOTICE, EVENT_OUTCOME, EVENT_FOLD_NONE, NULL,
        "{subject} was changed[: {reason}]"},
    {"resource.changing", EVENT_INFO, EVENT_STEP, EVENT_FOLD_NONE, NULL,
        "{subject} is about to be changed ({action})|{subject} is about to be changed"},
    {"resource.failed", EVENT_ERROR, EVENT_OUTCOME, EVENT_FOLD_NONE, NULL,
        "{subject} could not be changed: {reason}|{subject} could not be changed"},
    {"resource.removed", EVENT_NOTICE, EVENT_OUTCOME, EVENT_FOLD_NONE, NULL,
        "{subject} {reason}|{subject} was removed"},
    {"resource.skipped", EVENT_WARN, EVENT_OUTCOME, EVENT_FOLD_NONE, NULL,
        "{subject} was not changed: {reason}|{subject} was not changed"},
    {"restart.requested", EVENT_NOTICE, EVENT_REQUEST, EVENT_FOLD_NONE, NULL,
        "{actor} asked to restart {subject}[: {reason}]"},
    {"resume.requested", EVENT_NOTICE, EVENT_REQUEST, EVENT_FOLD_NONE, NULL,
        "{actor} asked tend to take care of the services again"},
    {"retry.requested", EVENT_NOTICE, EVENT_REQUEST, EVENT_FOLD_NONE, NULL,
        "{actor} asked to try {subject} again"},
    {"scale.requested", EVENT_NOTICE, EVENT_REQUEST, EVENT_FOLD_NONE, NULL,
        "{actor} asked for {replicas#instance} of {subject}[ instead of {before}]"
        "|{actor} asked to scale {subject}"},

    /* replicas, revision */
    {"service.completed", EVENT_NOTICE, EVENT_OUTCOME, EVENT_FOLD_STATE, "completed",
        "{subject} is done"},
    {"service.declared", EVENT_NOTICE, EVENT_OUTCOME, EVENT_FOLD_STATE, "starting",
        "{subject} was declared[ with {replicas#instance}]"},
    {"service.degraded", EVENT_WARN, EVENT_SEEN, EVENT_FOLD_STATE, "degraded",
        "{subject} is degraded: {ready} of {desired} instances are ready"
        "|{subject} is degraded"},
    {"service.down", EVENT_ERROR, EVENT_SEEN, EVENT_FOLD_STATE, "down",
        "{subject} is down: none of its instances is ready"},
    {"service.failed", EVENT_ERROR, EVENT_OUTCOME, EVENT_FOLD_STATE, "failed",
        "{subject} failed[: {reason}]"},
    {"service.ready", EVENT_NOTICE, EVENT_OUTCOME, EVENT_FOLD_STATE, "ready",
        "{subject} is ready[: {ready} of {desired} instances]"},
    {"service.removed", EVENT_NOTICE, EVENT_OUTCOME, EVENT_FOLD_REMOVE, NULL,
        "{subject} is no longer declared"},
    {"service.stopped", EVENT_NOTICE, EVENT_OUTCOME, EVENT_FOLD_STATE, "stopped",
        "{subject} is stopped"},
    {"start.requested", EVENT_NOTICE, EVENT_REQUEST, EVENT_FOLD_NONE, NULL,
        "{actor} asked to start {subject}"},
    {"stop.requested", EVENT_NOTICE, EVENT_REQUEST, EVENT_FOLD_NONE, NULL,
        "{actor} asked to stop {subject}"},

    /* function "token_bucket", params {burst, per_second} */
    {"storm.ended", EVENT_NOTICE, EVENT_OUTCOME, EVENT_FOLD_NONE, NULL,
        "restarts are no longer held back[ (after {took_ms})]"},
    {"storm.limited", EVENT_ERROR, EVENT_DECISION, EVENT_FOLD_NONE, NULL,
        "restarts are held back: {params.burst} at once and {params.per_second} a second are let "
        "through"
        "|restarts are held back: too many at once"},

    /* instances, done, of */
    {"update.batch_ready", EVENT_INFO, EVENT_STEP, EVENT_FOLD_NONE, NULL,
        "{done} of {of} instances of {subject} run the new revision|a batch of {subject} is ready"},
    /* from, to (revisions) */
    {"update.finished", EVENT_NOTICE, EVENT_OUTCOME, EVENT_FOLD_STATE, "ready",
        "{subject} runs its new revision[ {to}][ (took {took_ms})]"},
    {"update.paused", EVENT_WARN, EVENT_DECISION, EVENT_FOLD_STATE, "updating",
        "the update of {subject} stands still[: {reason}]"},
    {"update.reverted", EVENT_ERROR, EVENT_DECISION, EVENT_FOLD_STATE, "ready",
        "the update of {subject}[ to {to}] was taken back: {reason}"
        "|the update of {subject} was taken back"},
    {"update.reverting", EVENT_WARN, EVENT_DECISION, EVENT_FOLD_STATE, "updating",
        "the update of {subject}[ to {to}] is being taken back[: {reason}]"},
    {"update.started", EVENT_NOTICE, EVENT_STEP, EVENT_FOLD_STATE, "updating",
        "{subject} is being updated[ from {from}][ to {to}]"},

    /* names; unnamed: how many of single instances */
    {"volumes.removed", EVENT_NOTICE, EVENT_OUTCOME, EVENT_FOLD_NONE, NULL,
        "the volumes {names} were removed[ and {unnamed} without a name], with all that was in them"
        "|{unnamed#volume} without a name were removed, with all that was in them"
        "|volumes of the project were removed"},
};
/* clang-format on */

const struct event_type *event_type_find(const char *name)
{
    size_t low = 0, high = COUNT(types);

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, types[middle].name);
        if (order == 0)
            return &types[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const struct event_type *event_types_all(size_t *out_count)
{
    *out_count = COUNT(types);
    return types;
}

static const char *const severities[] = {
    [EVENT_INFO] = "info",
    [EVENT_NOTICE] = "notice",
    [EVENT_WARN] = "warn",
    [EVENT_ERROR] = "error",
};

const char *event_severity_name(enum event_severity severity)
{
    return severities[severity];
}

bool event_severity_parse(struct str text, enum event_severity *out)
{
    for (size_t i = 0; i < COUNT(severities); i++) {
        if (str_is(text, severities[i])) {
            *out = (enum event_severity)i;
            return true;
        }
    }
    return false;
}

enum event_severity event_severity_of(const char *type)
{
    const struct event_type *row = event_type_find(type);

    return row != NULL ? row->severity : EVENT_INFO;
}

static const char *const roles[] = {
    [EVENT_STEP] = "step",
    [EVENT_REQUEST] = "request",
    [EVENT_SEEN] = "seen",
    [EVENT_DECISION] = "decision",
    [EVENT_OUTCOME] = "outcome",
};

/* The alternatives of a sentence stand apart, and its bars are no columns of the page. */
static void write_sentence(struct str sentence, struct buf *out)
{
    while (sentence.len > 0) {
        struct str one = str_cut(&sentence, '|');

        buf_format(out, "%.*s%s", STR_ARG(one), sentence.len > 0 ? "<br>or: " : "");
    }
}

void event_types_reference(struct buf *out)
{
    buf_add_text(out,
        "# Events\n\n"
        "Every event that tend writes to its journal, as `tend events --type` takes it and\n"
        "`tend why` tells it. A sentence takes {fields} from the event's evidence; a part in\n"
        "[brackets] is left out where a field of it is missing. Made by `tend __reference "
        "events`.\n\n"
        "| type | severity | role | sentence |\n| --- | --- | --- | --- |\n");
    for (size_t i = 0; i < COUNT(types); i++) {
        buf_format(out, "| `%s` | %s | %s | ", types[i].name,
            event_severity_name(types[i].severity), roles[types[i].role]);
        write_sentence(str_from(types[i].sentence), out);
        buf_add_text(out, " |\n");
    }
}
