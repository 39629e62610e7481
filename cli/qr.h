/*
 * cli/qr.h - an address as a picture for the camera of a phone.
 */
#ifndef CLI_QR_H
#define CLI_QR_H

/**
 * Draw a QR code on stderr; nothing if the text is too long for one.
 *
 * @param text  borrowed; ends in NUL.
 */
void qr_show(const char *text);

#endif
