#include "engine/instance.h"

#include "base/must.h"

#include <stddef.h>

#define ON(event) INSTANCE_ON_##event

static const struct {
    enum instance_state from;
    enum instance_on on;
    enum instance_state to;
} moves[] = {
    {INSTANCE_PENDING,     ON(START),      INSTANCE_STARTING   },
    {INSTANCE_PENDING,     ON(STOP),       INSTANCE_STOPPED    },

    {INSTANCE_STARTING,    ON(STARTED),    INSTANCE_PROBING    },
    {INSTANCE_STARTING,    ON(STOP),       INSTANCE_STOPPING   },
    {INSTANCE_STARTING,    ON(PAUSE),      INSTANCE_BACKING_OFF},
    {INSTANCE_STARTING,    ON(QUARANTINE), INSTANCE_QUARANTINED},
    {INSTANCE_STARTING,    ON(FAILED),     INSTANCE_FAILED     },
    {INSTANCE_STARTING,    ON(COMPLETED),  INSTANCE_COMPLETED  },
    {INSTANCE_STARTING,    ON(UNREADY),    INSTANCE_STARTING   }, /* late */

    {INSTANCE_PROBING,     ON(READY),      INSTANCE_READY      },
    {INSTANCE_PROBING,     ON(UNREADY),    INSTANCE_PROBING    },
    {INSTANCE_PROBING,     ON(RESTARTED),  INSTANCE_PROBING    },
    {INSTANCE_PROBING,     ON(STOP),       INSTANCE_STOPPING   },
    {INSTANCE_PROBING,     ON(PAUSE),      INSTANCE_BACKING_OFF},
    {INSTANCE_PROBING,     ON(QUARANTINE), INSTANCE_QUARANTINED},
    {INSTANCE_PROBING,     ON(FAILED),     INSTANCE_FAILED     },
    {INSTANCE_PROBING,     ON(COMPLETED),  INSTANCE_COMPLETED  },

    {INSTANCE_READY,       ON(READY),      INSTANCE_READY      },
    {INSTANCE_READY,       ON(UNREADY),    INSTANCE_PROBING    },
    {INSTANCE_READY,       ON(RESTARTED),  INSTANCE_PROBING    },
    {INSTANCE_READY,       ON(STOP),       INSTANCE_DRAINING   },
    {INSTANCE_READY,       ON(PAUSE),      INSTANCE_BACKING_OFF},
    {INSTANCE_READY,       ON(QUARANTINE), INSTANCE_QUARANTINED},
    {INSTANCE_READY,       ON(FAILED),     INSTANCE_FAILED     },
    {INSTANCE_READY,       ON(COMPLETED),  INSTANCE_COMPLETED  },

    {INSTANCE_DRAINING,    ON(DRAINED),    INSTANCE_STOPPING   },
    {INSTANCE_DRAINING,    ON(STOP),       INSTANCE_DRAINING   },
    {INSTANCE_DRAINING,    ON(READY),      INSTANCE_DRAINING   }, /* late */
    {INSTANCE_DRAINING,    ON(UNREADY),    INSTANCE_DRAINING   }, /* late */
    {INSTANCE_DRAINING,    ON(STARTED),    INSTANCE_DRAINING   }, /* late: a daemon before asked for it */
    {INSTANCE_DRAINING,    ON(RESTARTED),  INSTANCE_DRAINING   }, /* late: the shim was faster */
    {INSTANCE_DRAINING,    ON(GONE),       INSTANCE_STOPPED    }, /* it ended by itself meanwhile */

    {INSTANCE_STOPPING,    ON(GONE),       INSTANCE_STOPPED    },
    {INSTANCE_STOPPING,    ON(STOP),       INSTANCE_STOPPING   },
    {INSTANCE_STOPPING,    ON(STARTED),    INSTANCE_STOPPING   }, /* late: it was still starting */
    {INSTANCE_STOPPING,    ON(RESTARTED),  INSTANCE_STOPPING   }, /* late: the shim was faster */
    {INSTANCE_STOPPING,    ON(READY),      INSTANCE_STOPPING   }, /* late */
    {INSTANCE_STOPPING,    ON(UNREADY),    INSTANCE_STOPPING   }, /* late */

    {INSTANCE_STOPPED,     ON(START),      INSTANCE_STARTING   },
    {INSTANCE_STOPPED,     ON(STOP),       INSTANCE_STOPPED    },
    {INSTANCE_STOPPED,     ON(PAUSE),      INSTANCE_BACKING_OFF}, /* stopped because it hung, again */
    {INSTANCE_STOPPED,     ON(QUARANTINE), INSTANCE_QUARANTINED},
    {INSTANCE_STOPPED,     ON(FAILED),     INSTANCE_FAILED     }, /* hung, and its policy says no */

    {INSTANCE_BACKING_OFF, ON(START),      INSTANCE_STARTING   },
    {INSTANCE_BACKING_OFF, ON(RESTARTED),  INSTANCE_PROBING    }, /* the shim was on its own meanwhile */
    {INSTANCE_BACKING_OFF, ON(STOP),       INSTANCE_STOPPING   },
    {INSTANCE_BACKING_OFF, ON(PAUSE),      INSTANCE_BACKING_OFF}, /* its shim had tried alone */
    {INSTANCE_BACKING_OFF, ON(QUARANTINE), INSTANCE_QUARANTINED},
    {INSTANCE_BACKING_OFF, ON(COMPLETED),  INSTANCE_COMPLETED  }, /* decided by the next daemon */
    {INSTANCE_BACKING_OFF, ON(FAILED),     INSTANCE_FAILED     },
    {INSTANCE_BACKING_OFF, ON(UNREADY),    INSTANCE_BACKING_OFF}, /* late */

    {INSTANCE_QUARANTINED, ON(START),      INSTANCE_STARTING   },
    {INSTANCE_QUARANTINED, ON(RESTARTED),  INSTANCE_PROBING    },
    {INSTANCE_QUARANTINED, ON(STOP),       INSTANCE_STOPPING   },
    {INSTANCE_QUARANTINED, ON(PAUSE),      INSTANCE_BACKING_OFF}, /* the same */
    {INSTANCE_QUARANTINED, ON(QUARANTINE), INSTANCE_QUARANTINED},
    {INSTANCE_QUARANTINED, ON(COMPLETED),  INSTANCE_COMPLETED  },
    {INSTANCE_QUARANTINED, ON(FAILED),     INSTANCE_FAILED     },
    {INSTANCE_QUARANTINED, ON(UNREADY),    INSTANCE_QUARANTINED}, /* late */

    {INSTANCE_FAILED,      ON(START),      INSTANCE_STARTING   },
    {INSTANCE_FAILED,      ON(STOP),       INSTANCE_STOPPED    },
    {INSTANCE_COMPLETED,   ON(START),      INSTANCE_STARTING   },
    {INSTANCE_COMPLETED,   ON(STOP),       INSTANCE_STOPPED    },
};

bool instance_feed(enum instance_state *state, enum instance_on on)
{
    for (size_t i = 0; i < COUNT(moves); i++)
        if (moves[i].from == *state && moves[i].on == on) {
            *state = moves[i].to;
            return true;
        }
    return false;
}

const char *instance_state_name(enum instance_state state)
{
    static const char *const names[] = {"pending", "starting", "probing", "ready", "draining",
        "stopping", "stopped", "backing_off", "quarantined", "failed", "completed"};

    must((size_t)state < COUNT(names));
    return names[state];
}

const char *instance_on_name(enum instance_on on)
{
    static const char *const names[] = {"start", "started", "restarted", "ready", "unready", "stop",
        "drained", "gone", "pause", "quarantine", "completed", "failed"};

    must((size_t)on < COUNT(names));
    return names[on];
}

bool instance_is_alive(enum instance_state state)
{
    return state >= INSTANCE_STARTING && state <= INSTANCE_STOPPING;
}
