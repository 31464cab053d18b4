/* Writes 4 KB blocks at random places of one file, in batches ended by fdatasync. RAM keeps the generation of each block's last finished
 * write; a block on disk holds its own index and generation in its pattern. `verify` re-reads all past the page cache: a lost, torn or
 * stale write, or a disk that is not the one this memory belongs to, is a bad block. */
#define _GNU_SOURCE
#include "vms-guest.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define BLOCK 4096
static uint32_t *generations;
static unsigned char *buffer;

static uint64_t block_key(uint64_t index, uint32_t generation) { return (index << 40) + ((uint64_t)generation << 12); }

static void write_block(int fd, uint64_t index) {
  uint64_t started = now_ms();
  fill_pattern(buffer, BLOCK, block_key(index, ++generations[index]));
  if (pwrite(fd, buffer, BLOCK, index * BLOCK) != BLOCK) shared->disk_errors++;
  uint64_t took = now_ms() - started;
  if (took > shared->disk_write_stall_ms) shared->disk_write_stall_ms = took;
  shared->disk_blocks_written++;
}

static void verify(const char *path, uint64_t blocks) {
  uint64_t bad = 0;
  int fd = open(path, O_RDONLY | O_DIRECT);
  for (uint64_t i = 0; i < blocks; i++)
    if (pread(fd, buffer, BLOCK, i * BLOCK) != BLOCK || !holds_pattern(buffer, BLOCK, block_key(i, generations[i]))) bad++;
  close(fd);
  shared->verify_blocks = blocks;
  shared->verify_bad = bad;
  shared->verify_done = shared->verify_asked;
}

void write_disk(const char *path, unsigned megabytes, unsigned kilobytes_per_second) {
  const uint64_t blocks = megabytes * 1024ull * 1024 / BLOCK;
  generations = calloc(blocks, sizeof *generations);
  buffer = aligned_alloc(BLOCK, BLOCK);
  /* O_DIRECT: each write reaches the virtual disk when it is made, not when the guest's kernel likes. */
  int fd = open(path, O_RDWR | O_CREAT | O_DIRECT, 0644);
  if (fd < 0 || !generations || !buffer) {
    perror("vms-guest: disk");
    exit(1);
  }
  for (uint64_t i = 0; i < blocks; i++) write_block(fd, i);
  fdatasync(fd);
  printf("vms: disk pattern of %u MB written\n", megabytes);
  fflush(stdout);

  const uint64_t started = now_ms();
  uint64_t seed = 1, written = 0;
  for (;;) {
    const uint64_t wanted = (now_ms() - started) * kilobytes_per_second / 4000;
    int wrote = 0;
    for (; written < wanted && wrote < 64; written++, wrote++) write_block(fd, mix(seed++) % blocks);
    if (wrote) {
      if (fdatasync(fd)) shared->disk_errors++;
      shared->disk_syncs++;
    }
    if (shared->verify_asked != shared->verify_done) verify(path, blocks);
    if (written >= wanted) usleep(20000);
  }
}
