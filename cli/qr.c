#include "qr.h"

#include <qrencode.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    QUIET = 2, /* modules around the code that stay white */
};

static bool
is_dark(const QRcode *code, int x, int y)
{
    int n = code->width;
    return x >= 0 && y >= 0 && x < n && y < n &&
           (code->data[y * n + x] & 1) != 0;
}

/* Two rows in one line of text, the upper half and the lower. In colours of
   its own, for not every scanner reads white on black. */
static void
draw(const QRcode *code)
{
    static const char *const halves[] = {" ", "\xe2\x96\x84", "\xe2\x96\x80",
                                         "\xe2\x96\x88"};
    bool colour = !getenv("NO_COLOR");
    for (int y = -QUIET; y < code->width + QUIET; y += 2) {
        fputs(colour ? "  \x1b[30;107m" : "  ", stderr);
        for (int x = -QUIET; x < code->width + QUIET; x++) {
            int pair = 2 * is_dark(code, x, y) + is_dark(code, x, y + 1);
            fputs(halves[colour ? pair : 3 - pair], stderr);
        }
        fputs(colour ? "\x1b[0m\n" : "\n", stderr);
    }
}

void
qr_show(const char *text)
{
    QRcode *code = QRcode_encodeString(text, 0, QR_ECLEVEL_L, QR_MODE_8, 1);
    if (code) {
        draw(code);
        QRcode_free(code);
    }
}
