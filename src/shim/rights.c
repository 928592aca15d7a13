/* Capabilities and host name of the service. All of it runs between vfork and exec. */
#include "shim/shim.h"

#include <errno.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* linux/capability.h, version 3 */
#define CAP_VERSION 0x20080522
struct cap_header {
    uint32_t version;
    int pid;
};
struct cap_half {
    uint32_t effective, permitted, inheritable;
};

#ifndef PR_CAP_AMBIENT
#define PR_CAP_AMBIENT       47
#define PR_CAP_AMBIENT_RAISE 2
#endif

/* What is bounded away, no program that it executes can bring back; KEEPCAPS keeps what it has now
 * over the change of the user, so that rights_raise can choose from it. */
IN_CHILD bool rights_bound(const struct spec *spec)
{
    if (!spec->has_caps)
        return true;
    for (unsigned i = 0; i < 64 && prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
        if (!(spec->caps.bounding >> i & 1) && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) == -1)
            return false;
    return spec->caps.ambient == 0 || prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) == 0;
}

/* What the kernel does not know is left out; what we do not have ourselves cannot be given. */
IN_CHILD bool rights_raise(const struct spec *spec)
{
    struct cap_header header = {.version = CAP_VERSION};
    struct cap_half sets[2];
    uint64_t wanted = spec->has_caps ? spec->caps.ambient : 0;

    if (wanted == 0)
        return true;
    for (unsigned i = 0; i < 64; i++)
        if (wanted >> i & 1 && prctl(PR_CAPBSET_READ, i, 0, 0, 0) < 0)
            wanted &= ~(UINT64_C(1) << i);
    for (unsigned i = 0; i < 2; i++) {
        uint32_t half = (uint32_t)(wanted >> 32 * i);
        sets[i].effective = sets[i].permitted = sets[i].inheritable = half;
    }
    if (syscall(SYS_capset, &header, sets) == -1)
        return false;
    for (unsigned i = 0; i < 64; i++)
        if (wanted >> i & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) == -1)
            return false;
    return true;
}

IN_CHILD static size_t length_of(const char *text)
{
    size_t length = 0;

    while (text[length] != '\0')
        length++;
    return length;
}

IN_CHILD bool rights_name_host(const struct spec *spec)
{
    if (spec->hostname == NULL && spec->domainname == NULL)
        return true;
    if (unshare(CLONE_NEWUTS) == -1)
        return false;
    if (spec->hostname != NULL &&
        syscall(SYS_sethostname, spec->hostname, length_of(spec->hostname)) == -1)
        return false;
    return spec->domainname == NULL ||
           syscall(SYS_setdomainname, spec->domainname, length_of(spec->domainname)) == 0;
}
