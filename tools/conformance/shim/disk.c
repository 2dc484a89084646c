/* A disk that fails when told to, put between a program and its files with LD_PRELOAD.
 *
 * It writes a log of everything that changes files under one folder: each write, each sync, each name. From that log
 * `rig/image.py` makes the folder as a power cut would have left it. A control page that the test holds as well says
 * which call is the last one (the process dies at it), which calls fail and with what, how much room is left, and
 * whether syncs lie. Files are known by inode, so that duplicated descriptors need no care.
 *
 * A call and its line in the log are one step under one lock; a sync has two lines, because what is written while it
 * runs is not covered by it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* Kinds of calls, as bits of `control.kinds`; `rig/disk.py` has the same. */
enum { OPEN = 1, WRITE = 2, SYNC = 4, TRUNCATE = 8, RENAME = 16, UNLINK = 32, WORD = 64, PUT = 128, SETTLE = 256, SAY = 512 };
enum { NOTHING = 0, DIE_BEFORE = 1, DIE_AFTER = 2, FAIL = 3 };

struct control {
    uint32_t action;  /* what happens at the call that the countdown ends at */
    uint32_t kinds;   /* calls that are counted */
    int64_t countdown;
    int32_t error;    /* errno of calls that fail */
    int32_t times;    /* how many fail from then on; -1: until told otherwise */
    uint32_t fired;
    uint32_t lying;   /* syncs succeed and do nothing */
    uint32_t limited; /* files may grow by `room` bytes together */
    uint32_t refused; /* calls that failed for want of room */
    int64_t room;
    char word[64];    /* a write that has it in it is a WORD as well, what is sent to a peer and begins with it a SAY; with a zero at its end */
    char file[32];    /* a write to a file whose name ends so is a PUT as well, a sync of it a SETTLE; with a zero at its end */
    uint32_t stride;  /* unless 0: a PUT is at a place whose remainder by it is `at`, and not only zeros */
    uint32_t at;
};

struct line {
    uint32_t kind; /* a letter */
    uint32_t more; /* bytes that follow */
    uint64_t inode;
    int64_t offset;
    int64_t size;
};

static struct control *control;
static char root[PATH_MAX];
static size_t root_length;
static dev_t device;
static int log_to = -1;
static uint64_t lines;
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local int dying;

#define KNOWN 65536
static uint64_t known[KNOWN]; /* inodes under the root; open addressing, never emptied */

#define REAL(name) static __typeof__(&name) real_##name; if (!real_##name) real_##name = dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void) {
    const char *folder = getenv("FAULTS_ROOT"), *page = getenv("FAULTS_CONTROL"), *log = getenv("FAULTS_LOG");
    if (!folder || !page || !log || strlen(folder) >= sizeof root) return;
    /* Programs that this one starts are left alone. */
    unsetenv("LD_PRELOAD");
    strcpy(root, folder);
    int fd = syscall(SYS_openat, AT_FDCWD, page, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    void *mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (mapped == MAP_FAILED) return;
    log_to = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    control = mapped;
    root_length = strlen(root);
}

static void die(void) {
    syscall(SYS_kill, getpid(), SIGKILL);
    for (;;) pause();
}

/* One step of the countdown: the errno to fail with, or 0. Under the lock. */
static int step(uint32_t kind) {
    if (control->action == NOTHING || !(control->kinds & kind)) return 0;
    if (!control->fired) {
        if (--control->countdown > 0) return 0;
        control->fired = 1;
        if (control->action == DIE_BEFORE) die();
        if (control->action == DIE_AFTER) dying = 1;
    }
    if (control->action != FAIL || control->times == 0) return 0;
    if (control->times > 0) control->times--;
    return control->error;
}

static void stepped(void) {
    if (dying) die();
}

static uint64_t say(char kind, uint64_t inode, int64_t offset, int64_t size, const void *more, size_t length) {
    struct line line = { (uint32_t)kind, (uint32_t)length, inode, offset, size };
    struct iovec parts[2] = { { &line, sizeof line }, { (void *)more, length } };
    if (syscall(SYS_writev, log_to, parts, 2) != (long)(sizeof line + length)) die();
    return lines++;
}

static int is_known(uint64_t inode, int add) {
    for (uint64_t at = inode * 0x9E3779B97F4A7C15u >> 48;; at = (at + 1) % KNOWN) {
        if (known[at] == inode) return 1;
        if (known[at] == 0) {
            if (add) known[at] = inode;
            return 0;
        }
    }
}

/* The whole path, if it is under the root. */
static int inside(int folder, const char *path, char *whole) {
    if (!control || !path) return 0;
    if (path[0] == '/') {
        if (strlen(path) >= PATH_MAX) return 0;
        strcpy(whole, path);
    } else {
        char base[PATH_MAX], link[64];
        ssize_t length;
        if (folder == AT_FDCWD) strcpy(link, "/proc/self/cwd");
        else snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        length = readlink(link, base, sizeof base - 1);
        if (length < 0) return 0;
        base[length] = 0;
        if (snprintf(whole, PATH_MAX, "%s/%s", base, path) >= PATH_MAX) return 0;
    }
    return strncmp(whole, root, root_length) == 0 && (whole[root_length] == '/' || whole[root_length] == 0);
}

/* SQLite's index of its log is memory that happens to have a name: nothing of it outlives a start. */
static int is_memory(const char *path) {
    size_t length = strlen(path);
    return length > 4 && strcmp(path + length - 4, "-shm") == 0;
}

static int is_ours(int fd, struct stat *found) {
    return control && fstat(fd, found) == 0 && S_ISREG(found->st_mode) && found->st_dev == device
        && is_known(found->st_ino, 0);
}

/* Takes room for a file that grows; ENOSPC if there is not enough. Under the lock. */
static int take_room(int64_t grows) {
    if (!control->limited || grows < 0) return 0;
    if (grows > control->room) {
        control->refused++;
        return ENOSPC;
    }
    control->room -= grows;
    return 0;
}

static int failed(int error) {
    pthread_mutex_unlock(&turn);
    errno = error;
    return -1;
}

static int open_in(int folder, const char *path, int flags, mode_t mode) {
    REAL(openat);
    char whole[PATH_MAX];
    if (!inside(folder, path, whole)) return real_openat(folder, path, flags, mode);
    struct stat found;
    pthread_mutex_lock(&turn);
    int there = fstatat(AT_FDCWD, whole, &found, 0) == 0;
    if (there && S_ISDIR(found.st_mode)) {
        pthread_mutex_unlock(&turn);
        return real_openat(folder, path, flags, mode);
    }
    int error = step(OPEN);
    if (!error && !there && (flags & O_CREAT) && control->limited && control->room < 4096) {
        control->refused++;
        error = ENOSPC;
    }
    if (error) return failed(error);
    int64_t before = there ? found.st_size : 0;
    int fd = real_openat(folder, path, flags, mode);
    int kept = errno;
    if (fd >= 0 && fstat(fd, &found) == 0 && S_ISREG(found.st_mode) && !is_memory(whole)) {
        device = found.st_dev;
        is_known(found.st_ino, 1);
        if (!there) say('C', found.st_ino, 0, 0, whole, strlen(whole));
        else if ((flags & O_TRUNC) && before > 0) say('T', found.st_ino, 0, 0, NULL, 0);
        if (control->limited && there && (flags & O_TRUNC)) control->room += before;
    }
    stepped();
    pthread_mutex_unlock(&turn);
    errno = kept;
    return fd;
}

#define MODE mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); }

int open(const char *path, int flags, ...) { MODE return open_in(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE return open_in(AT_FDCWD, path, flags, mode); }
int openat(int folder, const char *path, int flags, ...) { MODE return open_in(folder, path, flags, mode); }
int openat64(int folder, const char *path, int flags, ...) { MODE return open_in(folder, path, flags, mode); }

/* Whether this is the file that is looked for. */
static int is_named(int fd) {
    char path[PATH_MAX], link[64];
    size_t wanted = strnlen(control->file, sizeof control->file);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path);
    return wanted > 0 && length >= (ssize_t)wanted && memcmp(path + length - wanted, control->file, wanted) == 0;
}

static int is_empty(const struct iovec *parts, int count) {
    for (int part = 0; part < count; part++)
        for (size_t byte = 0; byte < parts[part].iov_len; byte++)
            if (((const char *)parts[part].iov_base)[byte]) return 0;
    return 1;
}

static uint32_t kind_of(int fd, const struct iovec *parts, int count, int64_t start) {
    size_t length = strnlen(control->word, sizeof control->word);
    uint32_t kind = WRITE;
    for (int part = 0; length > 0 && part < count; part++)
        if (memmem(parts[part].iov_base, parts[part].iov_len, control->word, length)) kind |= WORD;
    if (!(control->kinds & PUT) || !is_named(fd)) return kind;
    if (control->stride && (start % control->stride != control->at || is_empty(parts, count))) return kind;
    return kind | PUT;
}

/* What goes to a peer: the process can die before it or after. */
static ssize_t told(long number, int fd, const void *what, size_t length, int flags, const struct iovec *parts, int count) {
    size_t word = control && control->kinds & SAY ? strnlen(control->word, sizeof control->word) : 0;
    int last = word > 0 && count > 0 && parts[0].iov_len >= word && memcmp(parts[0].iov_base, control->word, word) == 0;
    if (last) {
        pthread_mutex_lock(&turn);
        int error = step(SAY);
        if (error) return failed(error);
        pthread_mutex_unlock(&turn);
    }
    ssize_t sent = number == SYS_sendto ? syscall(number, fd, what, length, flags, NULL, 0) : syscall(number, fd, what, length);
    if (last) stepped();
    return sent;
}

/* All writes end here; `at` < 0 is the descriptor's own place. */
static ssize_t write_to(int fd, const struct iovec *parts, int count, off_t at) {
    struct stat found;
    pthread_mutex_lock(&turn);
    int appends = at < 0 && (fcntl(fd, F_GETFL) & O_APPEND);
    int64_t wanted = 0, start = at;
    if (fstat(fd, &found) != 0) return failed(errno);
    if (at < 0) start = appends ? found.st_size : lseek(fd, 0, SEEK_CUR);
    for (int part = 0; part < count; part++) wanted += parts[part].iov_len;
    int error = step(kind_of(fd, parts, count, start));
    if (!error && start + wanted > found.st_size) error = take_room(start + wanted - found.st_size);
    if (error) return failed(error);
    ssize_t written = at < 0 ? syscall(SYS_writev, fd, parts, count) : syscall(SYS_pwritev, fd, parts, count, at, 0);
    int kept = errno;
    if (written > 0) {
        char *all = malloc(written);
        ssize_t copied = 0;
        for (int part = 0; part < count && copied < written; part++) {
            size_t length = parts[part].iov_len;
            if (length > (size_t)(written - copied)) length = written - copied;
            memcpy(all + copied, parts[part].iov_base, length);
            copied += length;
        }
        say('W', found.st_ino, start, written, all, written);
        free(all);
    }
    stepped();
    pthread_mutex_unlock(&turn);
    errno = kept;
    return written;
}

ssize_t write(int fd, const void *bytes, size_t length) {
    struct stat found;
    struct iovec part = { (void *)bytes, length };
    if (!is_ours(fd, &found)) return told(SYS_write, fd, bytes, length, 0, &part, 1);
    return write_to(fd, &part, 1, -1);
}

ssize_t send(int fd, const void *bytes, size_t length, int flags) {
    struct iovec part = { (void *)bytes, length };
    return told(SYS_sendto, fd, bytes, length, flags, &part, 1);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    struct stat found;
    if (!is_ours(fd, &found)) return told(SYS_writev, fd, parts, count, 0, parts, count);
    return write_to(fd, parts, count, -1);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) {
    struct stat found;
    if (!is_ours(fd, &found)) return syscall(SYS_pwrite64, fd, bytes, length, at);
    struct iovec part = { (void *)bytes, length };
    return write_to(fd, &part, 1, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) { return pwrite(fd, bytes, length, at); }

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
    struct stat found;
    if (!is_ours(fd, &found)) return syscall(SYS_pwritev, fd, parts, count, at, 0);
    return write_to(fd, parts, count, at);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) { return pwritev(fd, parts, count, at); }

int ftruncate(int fd, off_t length) {
    struct stat found;
    if (!is_ours(fd, &found)) return syscall(SYS_ftruncate, fd, length);
    pthread_mutex_lock(&turn);
    int error = step(TRUNCATE);
    if (!error) error = take_room(length - found.st_size);
    if (error) return failed(error);
    int done = syscall(SYS_ftruncate, fd, length), kept = errno;
    if (done == 0) {
        if (control->limited && length < found.st_size) control->room += found.st_size - length;
        say('T', found.st_ino, 0, length, NULL, 0);
    }
    stepped();
    pthread_mutex_unlock(&turn);
    errno = kept;
    return done;
}

int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }

/* Room is not reserved: callers fall back to writing zeros, which is seen. */
int fallocate(int fd, int mode, off_t at, off_t length) {
    struct stat found;
    if (!is_ours(fd, &found)) return syscall(SYS_fallocate, fd, mode, at, length);
    errno = EOPNOTSUPP;
    return -1;
}

int fallocate64(int fd, int mode, off64_t at, off64_t length) { return fallocate(fd, mode, at, length); }

ssize_t copy_file_range(int from, off64_t *at, int to, off64_t *put, size_t length, unsigned flags) {
    struct stat found;
    if (!is_ours(to, &found)) return syscall(SYS_copy_file_range, from, at, to, put, length, flags);
    errno = ENOSYS;
    return -1;
}

ssize_t sendfile(int to, int from, off_t *at, size_t length) {
    struct stat found;
    if (!is_ours(to, &found)) return syscall(SYS_sendfile, to, from, at, length);
    errno = EINVAL;
    return -1;
}

ssize_t sendfile64(int to, int from, off64_t *at, size_t length) { return sendfile(to, from, at, length); }

static int sync_of(int fd, long number) {
    struct stat found;
    char folder[PATH_MAX] = "";
    int ours = is_ours(fd, &found);
    if (!ours && control && fstat(fd, &found) == 0 && S_ISDIR(found.st_mode)) {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(link, folder, sizeof folder - 1);
        if (length > 0) folder[length] = 0;
        ours = length > 0 && strncmp(folder, root, root_length) == 0;
    }
    if (!ours) return syscall(number, fd);
    pthread_mutex_lock(&turn);
    int error = step(SYNC | (ours && control->kinds & SETTLE && is_named(fd) ? SETTLE : 0));
    if (control->lying && !error) {
        pthread_mutex_unlock(&turn);
        return 0;
    }
    uint64_t inode = found.st_ino, began = say('S', inode, 0, 0, folder, strlen(folder));
    if (error) {
        /* As Linux does it: what was not written is dropped, and the next sync knows nothing of it. */
        say('F', inode, 0, began, folder, strlen(folder));
        return failed(error);
    }
    pthread_mutex_unlock(&turn);
    int done = syscall(number, fd), kept = errno;
    pthread_mutex_lock(&turn);
    say(done == 0 ? 'E' : 'F', inode, 0, began, folder, strlen(folder));
    stepped();
    pthread_mutex_unlock(&turn);
    errno = kept;
    return done;
}

int fsync(int fd) { return sync_of(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_of(fd, SYS_fdatasync); }

static int rename_in(int from_folder, const char *from, int to_folder, const char *to, unsigned flags) {
    char names[2 * PATH_MAX + 1], new[PATH_MAX];
    if (!inside(to_folder, to, new) || !inside(from_folder, from, names))
        return syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
    pthread_mutex_lock(&turn);
    int error = step(RENAME);
    if (error) return failed(error);
    int done = syscall(SYS_renameat2, from_folder, from, to_folder, to, flags), kept = errno;
    size_t length = strlen(names) + 1;
    strcpy(names + length, new);
    if (done == 0) say('R', 0, 0, 0, names, length + strlen(new));
    stepped();
    pthread_mutex_unlock(&turn);
    errno = kept;
    return done;
}

int rename(const char *from, const char *to) { return rename_in(AT_FDCWD, from, AT_FDCWD, to, 0); }
int renameat(int a, const char *from, int b, const char *to) { return rename_in(a, from, b, to, 0); }
int renameat2(int a, const char *from, int b, const char *to, unsigned f) { return rename_in(a, from, b, to, f); }

static int unlink_in(int folder, const char *path, int flags) {
    char whole[PATH_MAX];
    if (!inside(folder, path, whole)) return syscall(SYS_unlinkat, folder, path, flags);
    struct stat found;
    pthread_mutex_lock(&turn);
    int error = step(UNLINK);
    if (error) return failed(error);
    int there = fstatat(AT_FDCWD, whole, &found, AT_SYMLINK_NOFOLLOW) == 0;
    int done = syscall(SYS_unlinkat, folder, path, flags), kept = errno;
    if (done == 0 && !is_memory(whole)) {
        if (control->limited && there && S_ISREG(found.st_mode)) control->room += found.st_size;
        say('U', 0, 0, 0, whole, strlen(whole));
    }
    stepped();
    pthread_mutex_unlock(&turn);
    errno = kept;
    return done;
}

int unlink(const char *path) { return unlink_in(AT_FDCWD, path, 0); }
int unlinkat(int folder, const char *path, int flags) { return unlink_in(folder, path, flags); }
int rmdir(const char *path) { return unlink_in(AT_FDCWD, path, AT_REMOVEDIR); }

static int folder_in(int folder, const char *path, mode_t mode) {
    char whole[PATH_MAX];
    if (!inside(folder, path, whole)) return syscall(SYS_mkdirat, folder, path, mode);
    pthread_mutex_lock(&turn);
    int done = syscall(SYS_mkdirat, folder, path, mode), kept = errno;
    if (done == 0) say('D', 0, 0, 0, whole, strlen(whole));
    pthread_mutex_unlock(&turn);
    errno = kept;
    return done;
}

int mkdir(const char *path, mode_t mode) { return folder_in(AT_FDCWD, path, mode); }
int mkdirat(int folder, const char *path, mode_t mode) { return folder_in(folder, path, mode); }
