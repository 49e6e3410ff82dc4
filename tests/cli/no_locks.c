/* flock() of a file system without locks, for LD_PRELOAD. It fails with the
 * errno in NO_LOCKS. */
#include <errno.h>
#include <stdlib.h>

__attribute__((visibility("default"))) int flock(int file, int operation);

int flock(int file, int operation) {
  const char* error = getenv("NO_LOCKS");
  (void)file;
  (void)operation;
  errno = error ? atoi(error) : ENOLCK;
  return -1;
}
