/*
 * date.c - the dates of HTTP, which know neither locale nor zone.
 */
#include "http/http_int.h"

#include <string.h>
#include <time.h>

static const char day_names[] = "SunMonTueWedThuFriSat";
static const char month_names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

enum {
    DAY = 24 * 60 * 60,
    CYCLE = 146097, /* days of 400 years */
};

struct date {
    int year, month, day; /* month 0 to 11, day 1 to 31 */
    int hour, minute, second;
};

/* Years begin in March here, so that the day that some of them have more is
   their last. The era begins on 1 March of the year 0, or a multiple of 400. */
static int64_t
days_of(const struct date *d)
{
    int month = (d->month + 10) % 12;
    int64_t year = d->year - (d->month < 2);
    int64_t era = (year + 400) / 400 - 1;
    int64_t in_era = year - era * 400;
    int64_t day = (153 * month + 2) / 5 + d->day - 1;
    day += in_era * 365 + in_era / 4 - in_era / 100;
    return era * CYCLE + day - 719468; /* 1970-01-01 */
}

/* The other way, of 0000-01-01 and later. */
static struct date
date_of(int64_t when)
{
    struct date d;
    int64_t day = when / DAY - (when % DAY < 0);
    int second = (int)(when - day * DAY);
    day += 719468;
    int64_t era = (day + CYCLE) / CYCLE - 1;
    int64_t in_era = day - era * CYCLE;
    int64_t year =
        (in_era - in_era / 1460 + in_era / 36524 - in_era / (CYCLE - 1)) / 365;
    int64_t in_year = in_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * in_year + 2) / 153;
    d.day = (int)(in_year - (153 * month + 2) / 5) + 1;
    d.month = (int)((month + 2) % 12);
    d.year = (int)(year + era * 400) + (d.month < 2);
    d.hour = second / 3600;
    d.minute = second / 60 % 60;
    d.second = second % 60;
    return d;
}

static void
put_number(char *dst, int value, int digits)
{
    while (digits-- > 0) {
        dst[digits] = (char)('0' + value % 10);
        value /= 10;
    }
}

char *
tn_http_date(char *dst, int64_t when)
{
    const int64_t first = -62167219200; /* 0000-01-01 */
    const int64_t last = 253402300799;  /* the end of 9999 */
    when = when < first ? first : when > last ? last : when;
    struct date d = date_of(when);
    int64_t weekday = ((when - first) / DAY + 6) % 7; /* a Saturday */
    memcpy(dst, "Sun, 06 Nov 1994 08:49:37 GMT", TN_HTTP_DATE_TEXT);
    memcpy(dst, day_names + 3 * weekday, 3);
    put_number(dst + 5, d.day, 2);
    memcpy(dst + 8, month_names + (size_t)(3 * d.month), 3);
    put_number(dst + 12, d.year, 4);
    put_number(dst + 17, d.hour, 2);
    put_number(dst + 20, d.minute, 2);
    put_number(dst + 23, d.second, 2);
    return dst;
}

/* ---- reading ---- */

/* Index of a name of three letters, in the one case that the grammar has. */
static int
find_name(const char *names, const char *text)
{
    for (int i = 0; names[3 * i] != '\0'; i++) {
        if (memcmp(names + (size_t)(3 * i), text, 3) == 0) {
            return i;
        }
    }
    return -1;
}

/* Read the name of a day (what == 'A') or a month ('B'). */
static bool
match_name(const char *text, char what, int out[6], int *k)
{
    int name = find_name(what == 'A' ? day_names : month_names, text);
    if (what == 'B') {
        out[(*k)++] = name;
    }
    return name >= 0;
}

/* Match `text` with a form: "d" is a digit, "D" one or a space, "Aaa" the name
   of a day, "Bbb" of a month, others stand for themselves. Numbers come to
   out[] in their order, a month among them. */
static bool
match(tn_str text, const char *form, int out[6])
{
    int k = 0;
    if (text.len != strlen(form)) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        const char *at = text.at + i;
        if (form[i] == 'A' || form[i] == 'B') {
            if (!match_name(at, form[i], out, &k)) {
                return false;
            }
            i += 2;
            continue;
        }
        bool number = (form[i] | 0x20) == 'd';
        if (number && (i == 0 || (form[i - 1] | 0x20) != 'd')) {
            out[k++] = 0;
        }
        if (number && tn__http_is_digit(*at)) {
            out[k - 1] = 10 * out[k - 1] + (*at - '0');
        } else if (form[i] == 'd' || *at != (form[i] == 'D' ? ' ' : form[i])) {
            return false;
        }
    }
    return true;
}

/* A date of which every number is in its range. */
static bool
is_date(const struct date *d)
{
    static const int most[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = d->year % 4 == 0 && (d->year % 100 != 0 || d->year % 400 == 0);
    return d->day >= 1 && d->day <= most[d->month] &&
           (d->month != 1 || d->day < 29 || leap) && d->hour < 24 &&
           d->minute < 60 && d->second <= 60;
}

/* "Sunday, 06-Nov-94 08:49:37 GMT" from the comma on. */
static tn_str
without_long_day(tn_str text)
{
    static const char *const days[] = {"Sunday",    "Monday",   "Tuesday",
                                       "Wednesday", "Thursday", "Friday",
                                       "Saturday"};
    for (size_t i = 0; i < 7; i++) {
        size_t len = strlen(days[i]);
        if (text.len > len && memcmp(text.at, days[i], len) == 0) {
            return (tn_str){text.at + len, text.len - len};
        }
    }
    return (tn_str){text.at, 0};
}

/* RFC 9110 section 5.6.7: two digits that would be more than 50 years ahead
   are of the century before. */
static int
whole_year(int year)
{
    int now = date_of((int64_t)time(NULL)).year;
    year += now / 100 * 100;
    if (year > now + 50) {
        return year - 100;
    }
    return year <= now - 50 ? year + 100 : year;
}

int
tn_http_parse_date(tn_str text, int64_t *when)
{
    struct date d;
    int v[6] = {0};
    if (match(text, "Aaa, dd Bbb dddd dd:dd:dd GMT", v)) {
        d = (struct date){v[2], v[1], v[0], v[3], v[4], v[5]};
    } else if (match(without_long_day(text), ", dd-Bbb-dd dd:dd:dd GMT", v)) {
        d = (struct date){whole_year(v[2]), v[1], v[0], v[3], v[4], v[5]};
    } else if (match(text, "Aaa Bbb Dd dd:dd:dd dddd", v)) {
        d = (struct date){v[5], v[0], v[1], v[2], v[3], v[4]};
    } else {
        return tn_fail(-EINVAL, "read date", NULL);
    }
    if (!is_date(&d)) {
        return tn_fail(-EINVAL, "read date", NULL);
    }
    *when = days_of(&d) * DAY + d.hour * 3600 + d.minute * 60 + d.second;
    return 0;
}
