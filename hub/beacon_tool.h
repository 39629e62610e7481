/*
 * hub/beacon_tool.h - what a program of the system prints.
 */
#ifndef HUB_BEACON_TOOL_H
#define HUB_BEACON_TOOL_H

#include <tenon/api.h>

enum tool_limit {
    TOOL_OUTPUT = 256 << 10, /* bytes that are read; what is more is left */
};

/* A tool that does not answer is not waited for. */
#define TOOL_TIME (2 * TN_SEC)

/**
 * Run a tool, without a shell, input or our environment.
 *
 * @param argv  borrowed until return; the first is its path; NULL at the end.
 * @return what it printed, given (end with free()), with a NUL behind; NULL: it
 *   is not there, may not, failed, or took longer than TOOL_TIME. Suspends.
 */
TN_USE char *tool_ask(const char *const argv[]);

#endif
