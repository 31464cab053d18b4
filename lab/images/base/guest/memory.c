/* Dirties memory at a given rate, page after page. `fill` rewrites the whole page with new pattern (does not compress); otherwise one
 * counter a page changes (compresses well as a delta). Before each write the page is checked against what it must hold. */
#include "vms-guest.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096

void touch_memory(unsigned megabytes, unsigned kilobytes_per_second, int fill) {
  const uint64_t pages = megabytes * 1024ull * 1024 / PAGE;
  unsigned char *memory = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    perror("vms-guest: memory");
    exit(1);
  }
  for (uint64_t i = 0; i < pages; i++) {
    fill_pattern(memory + i * PAGE, PAGE, i << 32);
    if (!fill) *(uint64_t *)(memory + i * PAGE) = 0;
  }
  printf("vms: %u MB of memory in use\n", megabytes);
  fflush(stdout);
  const uint64_t started = now_ms();
  uint64_t touched = 0;
  for (;;) {
    const uint64_t wanted = (now_ms() - started) * kilobytes_per_second / 4000;
    for (; touched < wanted; touched++) {
      const uint64_t page = touched % pages, round = touched / pages;
      unsigned char *p = memory + page * PAGE;
      if (fill) {
        if (!holds_pattern(p, PAGE, (page << 32) + round * 512)) shared->memory_errors++;
        fill_pattern(p, PAGE, (page << 32) + (round + 1) * 512);
      } else {
        /* The rest of the page never changes: one word of it is checked each time. */
        const uint64_t word = 1 + mix(touched) % 511;
        if (*(uint64_t *)p != round || ((uint64_t *)p)[word] != mix((page << 32) + word)) shared->memory_errors++;
        *(uint64_t *)p = round + 1;
      }
      shared->memory_pages_touched++;
    }
    usleep(10000);
  }
}
