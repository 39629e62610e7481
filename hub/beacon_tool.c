#include "beacon_tool.h"

#include <tenon/err.h>
#include <tenon/sock.h>
#include <tenon/task.h>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* A tool gets signals as if a shell had started it: those that we block or
   ignore are ours to deal with. */
static int
choose_signals(posix_spawnattr_t *how)
{
    sigset_t none, all;
    int err = posix_spawnattr_init(how);

    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    if (err == 0) {
        err = posix_spawnattr_setsigmask(how, &none);
    }
    if (err == 0) {
        err = posix_spawnattr_setsigdefault(how, &all);
    }
    return err == 0 ? posix_spawnattr_setflags(how, POSIX_SPAWN_SETSIGMASK |
                                                        POSIX_SPAWN_SETSIGDEF)
                    : err;
}

static int
choose_files(posix_spawn_file_actions_t *todo, int out)
{
    int err =
        posix_spawn_file_actions_addopen(todo, 0, "/dev/null", O_RDONLY, 0);

    if (err == 0) {
        err = posix_spawn_file_actions_adddup2(todo, out, 1);
    }
    return err == 0 ? posix_spawn_file_actions_addopen(todo, 2, "/dev/null",
                                                       O_WRONLY, 0)
                    : err;
}

/* Start a tool whose output goes into a pipe; its process, or a code. */
static int
start(const char *const argv[], int *out)
{
    static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    char *const env[] = {path, NULL};
    posix_spawn_file_actions_t todo;
    posix_spawnattr_t how;
    int pipe_fd[2];
    pid_t pid = -1;

    if (pipe2(pipe_fd, O_CLOEXEC) < 0) {
        return -errno;
    }
    int err = posix_spawn_file_actions_init(&todo);
    if (err == 0) {
        err = choose_signals(&how);
        err = err == 0 ? choose_files(&todo, pipe_fd[1]) : err;
        err = err == 0 ? posix_spawn(&pid, argv[0], &todo, &how,
                                     (char *const *)(uintptr_t)argv, env)
                       : err;
        (void)posix_spawnattr_destroy(&how);
        (void)posix_spawn_file_actions_destroy(&todo);
    }
    (void)close(pipe_fd[1]);
    if (err != 0) {
        (void)close(pipe_fd[0]);
        return -err;
    }
    *out = pipe_fd[0];
    return pid;
}

/* Read until the tool has said all; what is more than fits is left. */
static size_t
read_all(int fd, char *text)
{
    tn_sock *s;
    size_t n = 0;

    if (tn_wrap(&s, fd) < 0) {
        return 0;
    }
    while (n < TOOL_OUTPUT) {
        ssize_t r = tn_recv(s, text + n, TOOL_OUTPUT - n, 0);
        if (r <= 0) {
            break;
        }
        n += (size_t)r;
    }
    (void)tn_close(s);
    return n;
}

/* Whether the tool ended well; one that does not end is ended. It may hang in
   the kernel, where no signal gets at it: then it is left to whoever comes
   after us. */
static bool
reap(pid_t pid)
{
    int status = 0;
    pid_t ended = 0;

    while ((ended = waitpid(pid, &status, WNOHANG)) == 0) {
        if (tn_sleep(5 * TN_MS) < 0) {
            (void)kill(pid, SIGKILL);
            (void)waitpid(pid, &status, WNOHANG);
            return false;
        }
    }
    return ended == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

char *
tool_ask(const char *const argv[])
{
    char *text = malloc(TOOL_OUTPUT + 1);
    int fd = -1;
    int pid = text != NULL ? start(argv, &fd) : -ENOMEM;
    bool well = false;

    if (pid > 0) {
        tn_scope s;
        tn_deadline(&s, TOOL_TIME);
        text[read_all(fd, text)] = '\0';
        (void)close(fd);
        well = reap(pid);
        (void)tn_scope_end(&s);
    }
    if (!well) {
        free(text);
    }
    return well ? text : NULL;
}
