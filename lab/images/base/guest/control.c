/* Control service: one line in, one line of JSON out, any number a connection.
 *   status   counters of all services, the guest's uptime and its wall clock
 *   verify   has the disk service re-read every block (at most 60 s), then status */
#include "vms-guest.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t clock_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

/* The last byte of a variable of the firmware's, which is asked anew each time: of SecureBoot, 1 where it is on. */
static int firmware_says(const char *path) {
  uint8_t value[8];
  int fd = open(path, O_RDONLY);
  ssize_t n = fd < 0 ? 0 : read(fd, value, sizeof value);
  if (fd >= 0) close(fd);
  return n > 0 ? value[n - 1] : 0;
}

static void report(FILE *out) {
  fprintf(out,
          "{\"uptimeMs\":%llu,\"clockMs\":%llu,\"stream\":{\"clients\":%llu,\"recordsIn\":%llu,\"recordsOut\":%llu,\"errors\":%llu},"
          "\"disk\":{\"blocksWritten\":%llu,\"syncs\":%llu,\"errors\":%llu,\"longestWriteMs\":%llu},"
          "\"verify\":{\"done\":%s,\"blocks\":%llu,\"bad\":%llu},"
          "\"memory\":{\"pagesTouched\":%llu,\"errors\":%llu},\"variable\":{\"writes\":%llu,\"errors\":%llu,\"secureBoot\":%s},"
          "\"tpm\":{\"counter\":%llu,\"writes\":%llu,\"errors\":%llu,\"fault\":%llu}}\n",
          (unsigned long long)now_ms(), (unsigned long long)clock_ms(), (unsigned long long)shared->stream_clients, (unsigned long long)shared->stream_records_in,
          (unsigned long long)shared->stream_records_out, (unsigned long long)shared->stream_errors,
          (unsigned long long)shared->disk_blocks_written, (unsigned long long)shared->disk_syncs,
          (unsigned long long)shared->disk_errors, (unsigned long long)shared->disk_write_stall_ms,
          shared->verify_asked && shared->verify_asked == shared->verify_done ? "true" : "false",
          (unsigned long long)shared->verify_blocks, (unsigned long long)shared->verify_bad,
          (unsigned long long)shared->memory_pages_touched, (unsigned long long)shared->memory_errors,
          (unsigned long long)shared->variable_writes, (unsigned long long)shared->variable_errors,
          firmware_says("/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c") == 1 ? "true" : "false",
          (unsigned long long)shared->tpm_counter, (unsigned long long)shared->tpm_writes, (unsigned long long)shared->tpm_errors,
          (unsigned long long)shared->tpm_fault);
  fflush(out);
}

static void serve(int fd) {
  char line[64];
  FILE *in = fdopen(fd, "r"), *out = fdopen(dup(fd), "w");
  while (in && out && fgets(line, sizeof line, in)) {
    if (strncmp(line, "verify", 6) == 0) {
      __atomic_add_fetch(&shared->verify_asked, 1, __ATOMIC_SEQ_CST);
      for (int i = 0; i < 600 && shared->verify_asked != shared->verify_done; i++) usleep(100000);
      report(out);
    } else if (strncmp(line, "status", 6) == 0) {
      report(out);
    } else {
      fprintf(out, "{\"error\":\"expected status or verify\"}\n");
      fflush(out);
    }
  }
  exit(0);
}

void serve_control(int port) {
  int listener = listen_on(port);
  for (;;) {
    int fd = accept(listener, NULL, NULL);
    if (fd < 0) continue;
    /* Grandchild, so that nobody has to wait for it. */
    if (fork() == 0) {
      if (fork() == 0) serve(fd);
      exit(0);
    }
    close(fd);
    wait(NULL);
  }
}
