/* Starts the services that the kernel command line asks for, and waits. Keys (defaults):
 *   vms.stream=PORT (5901)         TCP stream, see stream.c; the default is the remote desktop port so that a shadow loop ranks it
 *   vms.control=PORT (7001)        status and verify, see control.c
 *   vms.disk=KBPS[:MB] (off; 16)   writes verifiable blocks to /data/pattern, see disk.c
 *   vms.spread=DEVICE[,DEVICE...] (none)   the blocks go to these disks too, see disk.c
 *   vms.variable=MS (off)          writes a UEFI variable each so many ms, see variable.c
 *   vms.tpm=MS (off)               counts in the TPM each so many ms, see tpm.c
 *   vms.dirty=KBPS[:MB[:fill]] (off; 16)  touches verifiable pages of memory, see memory.c */
#include "vms-guest.h"
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct shared *shared;

uint64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

/* splitmix64: cheap, and no two keys share a sequence in practice. */
uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15ull;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

void fill_pattern(void *p, size_t bytes, uint64_t key) {
  uint64_t *q = p;
  for (size_t i = 0; i < bytes / 8; i++) q[i] = mix(key + i);
}

int holds_pattern(const void *p, size_t bytes, uint64_t key) {
  const uint64_t *q = p;
  for (size_t i = 0; i < bytes / 8; i++)
    if (q[i] != mix(key + i)) return 0;
  return 1;
}

int listen_on(int port) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, (void *)&a, sizeof a) || listen(fd, 16)) {
    perror("vms-guest: listen");
    exit(1);
  }
  return fd;
}

/* The value of a key of the kernel command line, or NULL. */
static const char *key(const char *cmdline, const char *name) {
  const char *p = strstr(cmdline, name);
  return p ? p + strlen(name) : NULL;
}

int main(void) {
  static char cmdline[4096];
  FILE *f = fopen("/proc/cmdline", "r");
  if (f) {
    (void)!fread(cmdline, 1, sizeof cmdline - 1, f);
    fclose(f);
  }
  signal(SIGPIPE, SIG_IGN);
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return 1;

  const char *stream = key(cmdline, "vms.stream="), *control = key(cmdline, "vms.control=");
  const char *disk = key(cmdline, "vms.disk="), *dirty = key(cmdline, "vms.dirty=");
  const char *variable = key(cmdline, "vms.variable="), *tpm = key(cmdline, "vms.tpm=");
  if (fork() == 0) serve_stream(stream ? atoi(stream) : 5901);
  if (fork() == 0) serve_control(control ? atoi(control) : 7001);
  if (disk && fork() == 0) {
    unsigned kbps = 0, mb = 16;
    sscanf(disk, "%u:%u", &kbps, &mb);
    write_disk("/data/pattern", key(cmdline, "vms.spread="), mb, kbps);
  }
  if (dirty && fork() == 0) {
    unsigned kbps = 0, mb = 16;
    char fill[8] = "";
    sscanf(dirty, "%u:%u:%4s", &kbps, &mb, fill);
    touch_memory(mb, kbps, strcmp(fill, "fill") == 0);
  }
  if (variable && fork() == 0) write_variable(atoi(variable));
  if (tpm && fork() == 0) count_in_tpm(atoi(tpm));
  printf("vms: READY\n");
  fflush(stdout);
  int status = 0;
  pid_t pid = wait(&status);
  printf("vms: service %d ended with status %d\n", (int)pid, status);
  return 1;
}
