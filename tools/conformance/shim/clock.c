/* Clocks that a test moves, put under a program with LD_PRELOAD.
 *
 * A page that the test holds as well says by how much. `asleep` is what passes while a machine is suspended: wall clock
 * and boot clock go on, timers stand still. `set` moves the wall clock alone, as somebody who sets it would. `hurry` moves
 * the clock of timers, so that who looks again every few seconds does it now; for the same reason nobody waits for
 * events longer than a few milliseconds.
 *
 * Programs read clocks through functions that the kernel puts into every process, not all of them by way of libc. So the
 * functions themselves are replaced, in this process's copy.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ul
#define SECOND 1000000000ll
#define LONGEST_WAIT 5 /* milliseconds */

/* Nanoseconds; `rig/clock.py` has the same order. */
struct control {
    _Atomic int64_t asleep;
    _Atomic int64_t set;
    _Atomic int64_t hurry;
};

static struct control *control;

static int64_t moved(clockid_t id) {
    if (!control) return 0;
    switch (id) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE: return control->asleep + control->set;
    case CLOCK_BOOTTIME: return control->asleep;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_MONOTONIC_RAW: return control->hurry;
    default: return 0;
    }
}

static int get_time(clockid_t id, struct timespec *at) {
    long outcome = syscall(SYS_clock_gettime, id, at);
    if (outcome != 0 || !at) return outcome;
    int64_t all = at->tv_sec * SECOND + at->tv_nsec + moved(id);
    at->tv_sec = all / SECOND;
    at->tv_nsec = all % SECOND;
    return 0;
}

static int get_time_of_day(struct timeval *at, void *zone) {
    struct timespec now;
    (void)zone;
    get_time(CLOCK_REALTIME, &now);
    if (at) *at = (struct timeval) { now.tv_sec, now.tv_nsec / 1000 };
    return 0;
}

static time_t get_seconds(time_t *at) {
    struct timespec now;
    get_time(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}

/* Has whoever calls `name` come to `here` instead. */
static void replace(void *vdso, const char *name, void *here) {
    unsigned char *at = dlsym(vdso, name);
    if (!at) abort();
    unsigned char jump[12] = { 0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xe0 }; /* mov rax, here; jmp rax */
    memcpy(jump + 2, &here, sizeof here);
    void *first = (void *)((uintptr_t)at & ~(PAGE - 1));
    if (mprotect(first, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC) != 0 && mprotect(first, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
        abort();
    memcpy(at, jump, sizeof jump);
}

__attribute__((constructor)) static void begin(void) {
    const char *page = getenv("CLOCK_CONTROL");
    if (!page) return;
    int fd = open(page, O_RDWR | O_CLOEXEC);
    if (fd < 0) abort();
    void *mapped = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    void *vdso = dlopen("linux-vdso.so.1", RTLD_LAZY | RTLD_NOLOAD);
    if (mapped == MAP_FAILED || !vdso) abort();
    control = mapped;
    replace(vdso, "__vdso_clock_gettime", get_time);
    replace(vdso, "__vdso_gettimeofday", get_time_of_day);
    replace(vdso, "__vdso_time", get_seconds);
}

static int bounded(int timeout) {
    return timeout < 0 || timeout > LONGEST_WAIT ? LONGEST_WAIT : timeout;
}

int epoll_wait(int fd, struct epoll_event *events, int most, int timeout) {
    return syscall(SYS_epoll_wait, fd, events, most, bounded(timeout));
}
