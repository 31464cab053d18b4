/* Writes 4 KB blocks at random places of one file, in batches ended by fdatasync. With further disks the blocks go round about file and disks,
 * so that one memory vouches for all of them. RAM keeps the generation of each block's last finished
 * write; a block on disk holds its own index and generation in its pattern. `verify` re-reads all past the page cache: a lost, torn or
 * stale write, or a disk that is not the one this memory belongs to, is a bad block. */
#define _GNU_SOURCE
#include "vms-guest.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK 4096
static uint32_t *generations;
static unsigned char *buffer;

#define MOST_PLACES 8
static const char *places[MOST_PLACES];
static int fds[MOST_PLACES];
static unsigned place_count;

static int fd_of(uint64_t index) { return fds[index % place_count]; }
static off_t offset_of(uint64_t index) { return index / place_count * BLOCK; }

static void sync_all(void) {
  for (unsigned i = 0; i < place_count; i++)
    if (fdatasync(fds[i])) shared->disk_errors++;
}

static uint64_t block_key(uint64_t index, uint32_t generation) { return (index << 40) + ((uint64_t)generation << 12); }

static void write_block(uint64_t index) {
  uint64_t started = now_ms();
  fill_pattern(buffer, BLOCK, block_key(index, ++generations[index]));
  if (pwrite(fd_of(index), buffer, BLOCK, offset_of(index)) != BLOCK) shared->disk_errors++;
  uint64_t took = now_ms() - started;
  if (took > shared->disk_write_stall_ms) shared->disk_write_stall_ms = took;
  shared->disk_blocks_written++;
}

static void verify(uint64_t blocks) {
  uint64_t bad = 0;
  for (uint64_t i = 0; i < blocks; i++)
    if (pread(fd_of(i), buffer, BLOCK, offset_of(i)) != BLOCK || !holds_pattern(buffer, BLOCK, block_key(i, generations[i]))) bad++;
  shared->verify_blocks = blocks;
  shared->verify_bad = bad;
  shared->verify_done = shared->verify_asked;
}

/* The words of a comma-separated list, up to a blank, as further places. */
static void add_places(const char *list) {
  static char copy[256];
  if (!list || sscanf(list, "%255s", copy) != 1) return;
  for (char *p = strtok(copy, ","); p && place_count < MOST_PLACES; p = strtok(NULL, ",")) places[place_count++] = p;
}

void write_disk(const char *path, const char *disks, unsigned megabytes, unsigned kilobytes_per_second) {
  const uint64_t blocks = megabytes * 1024ull * 1024 / BLOCK;
  generations = calloc(blocks, sizeof *generations);
  buffer = aligned_alloc(BLOCK, BLOCK);
  /* O_DIRECT: each write reaches the virtual disk when it is made, not when the guest's kernel likes. */
  places[place_count++] = path;
  add_places(disks);
  for (unsigned i = 0; i < place_count; i++)
    if ((fds[i] = open(places[i], O_RDWR | O_CREAT | O_DIRECT, 0644)) < 0 || !generations || !buffer) {
      perror("vms-guest: disk");
      exit(1);
    }
  for (uint64_t i = 0; i < blocks; i++) write_block(i);
  sync_all();
  printf("vms: disk pattern of %u MB written\n", megabytes);
  fflush(stdout);

  const uint64_t started = now_ms();
  uint64_t seed = 1, written = 0;
  for (;;) {
    const uint64_t wanted = (now_ms() - started) * kilobytes_per_second / 4000;
    int wrote = 0;
    for (; written < wanted && wrote < 64; written++, wrote++) write_block(mix(seed++) % blocks);
    if (wrote) {
      sync_all();
      shared->disk_syncs++;
    }
    if (shared->verify_asked != shared->verify_done) verify(blocks);
    if (written >= wanted) usleep(20000);
  }
}
