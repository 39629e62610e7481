#include "hub/refs.h"
#include "test.h"

#include <stdio.h>

static struct refs refs;

static uint64_t
number_of(uint64_t author, const char *ref)
{
    struct refs_entry *e = refs_find(&refs, author, ref);

    return e != NULL ? e->number : 0;
}

TEST(a_mark_is_its_authors_own)
{
    refs_add(&refs, 1, "a", 10);
    refs_add(&refs, 2, "a", 11);
    refs_add(&refs, 1, "b", 0);
    EQ(number_of(1, "a"), 10);
    EQ(number_of(2, "a"), 11);
    CHECK(refs_find(&refs, 1, "b") != NULL);
    CHECK(refs_find(&refs, 3, "a") == NULL);
    CHECK(refs_find(&refs, 2, "b") == NULL);
    refs_find(&refs, 1, "b")->number = 12;
    EQ(number_of(1, "b"), 12);
}

TEST(the_oldest_goes_first)
{
    char ref[ROOM_REF_MAX + 1];

    for (int i = 1; i <= REFS_KEPT + 3; i++) {
        snprintf(ref, sizeof(ref), "r%d", i);
        refs_add(&refs, 7, ref, (uint64_t)i);
    }
    EQ(number_of(7, "r3"), 0);
    EQ(number_of(7, "r4"), 4);
    EQ(number_of(7, "r4099"), 4099);
}

TEST(a_mark_is_cut_at_its_limit)
{
    refs_add(&refs, 1, "0123456789012345678901234567890123456789", 5);
    EQ(number_of(1, "01234567890123456789012345678901"), 5);
}

static bool
add_older(uint64_t author, const char *ref, uint64_t number)
{
    struct room_event ev = {.number = number, .author = author};

    snprintf(ev.ref, sizeof(ev.ref), "%s", ref);
    return refs_add_older(&refs, &ev);
}

TEST(what_was_before_is_remembered_from_the_latest_on)
{
    char ref[ROOM_REF_MAX + 1];

    CHECK(add_older(1, "", 5000)); /* without a mark it takes no place */
    CHECK(add_older(0, "x", 4999));
    for (int i = REFS_KEPT; i >= 1; i--) {
        snprintf(ref, sizeof(ref), "r%d", i);
        CHECK(add_older(7, ref, (uint64_t)i));
    }
    CHECK(!add_older(7, "r0", 9));
    EQ(number_of(7, "r1"), 1);
    EQ(number_of(7, "r4096"), 4096);
    refs_add(&refs, 7, "new", 6000);
    EQ(number_of(7, "r1"), 0);
    EQ(number_of(7, "r2"), 2);
    EQ(number_of(7, "new"), 6000);
}
