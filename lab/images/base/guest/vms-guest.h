/* vms-guest: the small lab guest's services, one process each, started by main.c from the kernel command line.
 * Everything they claim is checked: streams carry sequence numbers and a pattern, disk blocks and memory pages are read back and compared
 * with what RAM says was written last. Errors are counted in `shared`, which the control service reports. */
#ifndef VMS_GUEST_H
#define VMS_GUEST_H
#include <stdint.h>
#include <stddef.h>

struct shared {
  volatile uint64_t stream_clients, stream_records_in, stream_records_out, stream_errors;
  volatile uint64_t disk_blocks_written, disk_syncs, disk_errors, disk_write_stall_ms;
  volatile uint64_t memory_pages_touched, memory_errors;
  volatile uint64_t variable_writes, variable_errors;
  volatile uint64_t tpm_counter, tpm_writes, tpm_errors, tpm_fault;
  /* Set by control, cleared by the disk service: re-read every block. */
  volatile uint32_t verify_asked, verify_done;
  volatile uint64_t verify_blocks, verify_bad;
};
extern struct shared *shared;

uint64_t now_ms(void);
uint64_t mix(uint64_t x);
/* Fill `bytes` (a multiple of 8) with the pattern of `key`; tell whether they still hold it. */
void fill_pattern(void *p, size_t bytes, uint64_t key);
int holds_pattern(const void *p, size_t bytes, uint64_t key);
int listen_on(int port);

void serve_stream(int port);
void write_disk(const char *path, const char *disks, unsigned megabytes, unsigned kilobytes_per_second);
void touch_memory(unsigned megabytes, unsigned kilobytes_per_second, int fill);
void write_variable(unsigned interval_ms);
void count_in_tpm(unsigned interval_ms);
void serve_control(int port);
#endif
