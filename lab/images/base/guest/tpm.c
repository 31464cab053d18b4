/* Keeps two numbers in the TPM, and what they must be in memory: a counter in its NV memory, which is in its state for ever, and a PCR, which
 * lives as long as the machine runs. Each is read back before and after it is changed. Commands as bytes: TPM 2.0 Library, part 3. */
#include "vms-guest.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define INDEX 0x01, 0x50, 0x00, 0x01
/* TPM_RS_PW with an empty password. */
#define NO_PASSWORD 0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0
#define SHA256 0x00, 0x0b
enum { PCR = 16, DIGEST_BYTES = 32, HEADER_BYTES = 10 };

/* What was wrong, see count_in_tpm. */
enum { OTHER = 1, REFUSED = 2, UNCHANGED = 3 };

static int device;
static uint32_t said;
static int answered;
static uint8_t answer[4096];

static uint32_t be32(const uint8_t *p) { return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3]; }

/* Run a command, its size in bytes 2 to 5 filled in; give the TPM's return code, or ~0 where there is no answer. */
static uint32_t run(uint8_t *command, size_t bytes) {
  command[4] = bytes >> 8;
  command[5] = bytes & 0xff;
  errno = 0;
  answered = write(device, command, bytes) == (ssize_t)bytes && read(device, answer, sizeof answer) >= HEADER_BYTES;
  said = answered ? be32(answer + 6) : errno;
  return answered ? said : ~0u;
}

static void wrong(uint64_t check) {
  shared->tpm_fault = check << 32 | said;
  shared->tpm_errors++;
}

static uint32_t define_counter(void) {
  /* Attributes: AUTHREAD, AUTHWRITE, a counter, no protection against guesses. */
  uint8_t c[] = {0x80, 2, 0, 0, 0, 0, 0, 0, 1, 0x2a, 0x40, 0, 0, 1, NO_PASSWORD, 0, 0,
                 0, 14, INDEX, SHA256, 0x02, 0x04, 0x00, 0x14, 0, 0, 0, 8};
  return run(c, sizeof c);
}

static uint32_t increment(void) {
  uint8_t c[] = {0x80, 2, 0, 0, 0, 0, 0, 0, 1, 0x34, INDEX, INDEX, NO_PASSWORD};
  return run(c, sizeof c);
}

/* 0 where it cannot be read: a counter is never 0 after its first increment. */
static uint64_t read_counter(void) {
  uint8_t c[] = {0x80, 2, 0, 0, 0, 0, 0, 0, 1, 0x4e, INDEX, INDEX, NO_PASSWORD, 0, 8, 0, 0};
  if (run(c, sizeof c) != 0) return 0;
  const uint8_t *value = answer + HEADER_BYTES + 6;
  return (uint64_t)be32(value) << 32 | be32(value + 4);
}

static uint32_t extend(uint64_t number) {
  uint8_t c[] = {0x80, 2, 0, 0, 0, 0, 0, 0, 1, 0x82, 0, 0, 0, PCR, NO_PASSWORD, 0, 0, 0, 1, SHA256,
                 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  memcpy(c + sizeof c - sizeof number, &number, sizeof number);
  return run(c, sizeof c);
}

static int read_pcr(uint8_t *digest) {
  uint8_t c[] = {0x80, 1, 0, 0, 0, 0, 0, 0, 1, 0x7e, 0, 0, 0, 1, SHA256, 3, 0, 0, 1};
  if (run(c, sizeof c) != 0) return 0;
  memcpy(digest, answer + HEADER_BYTES + 20, DIGEST_BYTES);
  return 1;
}

/* The system gives a command up after seconds, which a machine that has much else to do may need. What it did is read back then: it was run
 * once or not at all. Gives whether there was such a thing. */
static int gave_up(uint8_t *digest) {
  if (answered || (said != ETIME && said != ECANCELED)) return 0;
  uint64_t now;
  while ((now = read_counter()) == 0 && !answered) usleep(100000);
  if (now != shared->tpm_counter && now != shared->tpm_counter + 1) wrong(OTHER);
  shared->tpm_counter = now;
  while (!read_pcr(digest) && !answered) usleep(100000);
  return 1;
}

void count_in_tpm(unsigned interval_ms) {
  uint8_t before[DIGEST_BYTES], now[DIGEST_BYTES];
  device = open("/dev/tpm0", O_RDWR);
  /* After a start with a state of before it is defined already. */
  define_counter();
  if (increment() != 0 || (shared->tpm_counter = read_counter()) == 0 || !read_pcr(before)) wrong(REFUSED);
  for (;; usleep(interval_ms * 1000)) {
    if (read_counter() != shared->tpm_counter || !read_pcr(now) || memcmp(before, now, DIGEST_BYTES) != 0) {
      if (gave_up(before)) continue;
      wrong(OTHER);
    }
    if (increment() != 0 || extend(shared->tpm_counter) != 0) {
      if (gave_up(before)) continue;
      wrong(REFUSED);
    }
    if (!read_pcr(now) || memcmp(before, now, DIGEST_BYTES) == 0) {
      if (gave_up(before)) continue;
      wrong(UNCHANGED);
    }
    memcpy(before, now, DIGEST_BYTES);
    shared->tpm_counter++;
    shared->tpm_writes++;
  }
}
