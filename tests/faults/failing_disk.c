/* A disk that fails once: preloaded into a process, it lets the call number FAULT_AT that changes
 * something below FAULT_UNDER fail with the error FAULT_ERRNO, and counts all of them in FAULT_COUNT.
 * With FAULT_STATES it copies FAULT_UNDER there before each of these calls, from number FAULT_FIRST
 * on: what a kill would leave.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static int below(const char *path) {
  const char *under = getenv("FAULT_UNDER");
  return under != NULL && path != NULL && strncmp(path, under, strlen(under)) == 0;
}

static int below_file(int file) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return below(path);
}

static void keep_state(const char *states, long number) {
  const char *first = getenv("FAULT_FIRST");
  if (first != NULL && number < atol(first)) return;
  char command[3 * PATH_MAX];
  snprintf(command, sizeof command, "LD_PRELOAD= cp -a '%s' '%s/%06ld'", getenv("FAULT_UNDER"),
           states, number);
  if (system(command) != 0) perror(command);
}

/* The count lives in a file, so that child processes continue it. */
static int fails_now(void) {
  const char *name = getenv("FAULT_COUNT"), *at = getenv("FAULT_AT");
  const char *states = getenv("FAULT_STATES");
  if (name == NULL || at == NULL) return 0;
  static ssize_t (*real_write)(int, const void *, size_t);
  if (real_write == NULL) real_write = dlsym(RTLD_NEXT, "write");
  int file = open(name, O_WRONLY | O_APPEND | O_CREAT, 0600);
  if (file < 0) return 0;
  real_write(file, ".", 1);
  struct stat size;
  int failed = fstat(file, &size) == 0 && size.st_size == atol(at);
  if (states != NULL) keep_state(states, (long)size.st_size);
  close(file);
  if (failed) errno = atoi(getenv("FAULT_ERRNO") ? getenv("FAULT_ERRNO") : "28");
  return failed;
}

#define REAL(name) \
  static __typeof__(name) *real; \
  if (real == NULL) real = dlsym(RTLD_NEXT, #name)

ssize_t write(int file, const void *bytes, size_t count) {
  REAL(write);
  return below_file(file) && fails_now() ? -1 : real(file, bytes, count);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset) {
  REAL(pwrite64);
  return below_file(file) && fails_now() ? -1 : real(file, bytes, count, offset);
}

int rename(const char *from, const char *to) {
  REAL(rename);
  return below(to) && fails_now() ? -1 : real(from, to);
}

int mkdir(const char *path, mode_t mode) {
  REAL(mkdir);
  return below(path) && fails_now() ? -1 : real(path, mode);
}

int chmod(const char *path, mode_t mode) {
  REAL(chmod);
  return below(path) && fails_now() ? -1 : real(path, mode);
}

int fsync(int file) {
  REAL(fsync);
  return below_file(file) && fails_now() ? -1 : real(file);
}

int ftruncate64(int file, off64_t length) {
  REAL(ftruncate64);
  return below_file(file) && fails_now() ? -1 : real(file, length);
}
