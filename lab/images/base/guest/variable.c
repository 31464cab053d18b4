/* Writes one UEFI variable again and again, a number that grows, and reads it back before each write: it lives in the machine's flash, which
 * is neither memory nor a disk to the guest. */
#include "vms-guest.h"
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PATH "/sys/firmware/efi/efivars/Vms-6b1c2f0e-5d1a-4f0c-9a57-3d8b6f1e7c42"
/* Kept, for boot and runtime. */
#define ATTRIBUTES 7u

/* efivarfs protects what it does not know: the flag is taken away before each write. */
static int open_unprotected(int flags) {
  int fd = open(PATH, O_RDONLY), none = 0;
  if (fd >= 0) {
    ioctl(fd, FS_IOC_SETFLAGS, &none);
    close(fd);
  }
  return open(PATH, flags, 0644);
}

static int holds(uint32_t number) {
  uint32_t found[2] = {0, 0};
  int fd = open(PATH, O_RDONLY);
  ssize_t n = fd < 0 ? -1 : read(fd, found, sizeof found);
  if (fd >= 0) close(fd);
  return n == sizeof found && found[1] == number;
}

void write_variable(unsigned interval_ms) {
  for (uint32_t number = 1;; number++) {
    uint32_t value[2] = {ATTRIBUTES, number};
    int fd = open_unprotected(O_WRONLY | O_CREAT);
    if (fd < 0 || write(fd, value, sizeof value) != sizeof value) shared->variable_errors++;
    if (fd >= 0) close(fd);
    shared->variable_writes++;
    usleep(interval_ms * 1000);
    if (!holds(number)) shared->variable_errors++;
  }
}
