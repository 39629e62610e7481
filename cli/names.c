#include "names.h"

#include <tenon/err.h>

#include "say.h"

int
names_take(struct guard *g, const struct opt_list *hosts)
{
    guard_add_own_hosts(g);
    for (int i = 0; i < hosts->count; i++) {
        int err = guard_add_hosts(g, hosts->at[i]);
        if (err < 0) {
            return say_usage("--host %s: %s", hosts->at[i],
                             err == -ENOBUFS ? "too many names"
                                             : "not a host's name");
        }
    }
    return EXIT_DONE;
}
