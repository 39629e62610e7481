/*
 * fuzz.h - a fuzz target: one function that eats any bytes and survives.
 *
 * libFuzzer calls it under `make fuzz T=name`; replay.c calls it with each
 * file of the corpus in `make check`.
 */
#ifndef TENON_FUZZ_H
#define TENON_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Returns 0; what is wrong aborts. The name is libFuzzer's. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
