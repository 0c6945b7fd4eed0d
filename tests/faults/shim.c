// Stands between the daemon and its C library, and does what a kernel may do and rarely does: writes that are cut short or find no
// room, syncs that fail, and a clock that jumps, stands still for one thread, or fails for one thread. A page shared with the
// test says what, and counts it.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct page {
  _Atomic int64_t time_shift_ns;   // added to the time of day
  _Atomic int64_t write_bytes_max; // no write takes more; 0 for no bound
  _Atomic int64_t stall_ms;        // how long the clock takes, once, in the thread of this name
  _Atomic int64_t clock_fails;     // whether it fails there
  _Atomic int64_t cut_writes;      // how many writes were cut short
  _Atomic int64_t shifted;         // how often the time of day was told wrong
  _Atomic int64_t fired;           // how often the thread was hit
  _Atomic int64_t no_room;         // whether writes at a place in a file find no room
  _Atomic int64_t refused_writes;  // how many found none
  _Atomic int64_t failing_syncs;   // how many syncs are still to fail
  _Atomic int64_t failed_syncs;    // how many failed
  char thread[16];
};

static struct page *page;
static int (*real_clock)(clockid_t, struct timespec *);
static ssize_t (*real_pwrite)(int, const void *, size_t, off64_t);
static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_fdatasync)(int);

__attribute__((constructor)) static void begin(void) {
  real_clock = dlsym(RTLD_NEXT, "clock_gettime");
  real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
  real_write = dlsym(RTLD_NEXT, "write");
  real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
  const char *path = getenv("FAULT_PAGE");
  int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
  if (file < 0) return;
  void *at = mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (at != MAP_FAILED) page = at;
}

static int is_meant(void) {
  char name[16] = "";
  return pthread_getname_np(pthread_self(), name, sizeof name) == 0 && strncmp(name, page->thread, 16) == 0;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  int result = real_clock(clock, now);
  if (!page || result != 0) return result;
  int64_t shift = page->time_shift_ns;
  if (clock == CLOCK_REALTIME && shift != 0) {
    int64_t ns = now->tv_sec * 1000000000LL + now->tv_nsec + shift;
    int64_t rest = ((ns % 1000000000LL) + 1000000000LL) % 1000000000LL;
    now->tv_sec = (ns - rest) / 1000000000LL;
    now->tv_nsec = rest;
    page->shifted++;
  }
  if (page->clock_fails && is_meant()) {
    page->fired++;
    errno = EINVAL;
    return -1;
  }
  if (page->stall_ms && is_meant()) {
    int64_t ms = atomic_exchange(&page->stall_ms, 0);
    page->fired += ms > 0;
    usleep((useconds_t)ms * 1000);
  }
  return result;
}

// At least one byte, as many as the lowest bits of a running count say, so that every length has its turn.
static size_t cut(size_t count) {
  int64_t most = page ? page->write_bytes_max : 0;
  if (most == 0 || count <= 1) return count;
  static _Atomic uint64_t turn;
  size_t taken = 1 + turn++ * 7919 % (uint64_t)most;
  if (taken >= count) return count;
  page->cut_writes++;
  return taken;
}

static int finds_no_room(void) {
  if (!page || !page->no_room) return 0;
  page->refused_writes++;
  errno = ENOSPC;
  return 1;
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t at) {
  return finds_no_room() ? -1 : real_pwrite(file, bytes, cut(count), at);
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) {
  return finds_no_room() ? -1 : real_pwrite(file, bytes, cut(count), at);
}

ssize_t write(int file, const void *bytes, size_t count) { return real_write(file, bytes, cut(count)); }

int fdatasync(int file) {
  if (!page || page->failing_syncs <= 0) return real_fdatasync(file);
  page->failing_syncs--;
  page->failed_syncs++;
  errno = EIO;
  return -1;
}
