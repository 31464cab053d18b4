/* A TCP stream that cannot lose or double a byte unseen. Little endian.
 *   hello  client to server, 16 bytes: "VMSSTRM1", u32 interval_ms (0: one record per record received), u32 payload bytes (multiple of 4)
 *   record both ways, 32 bytes + payload: u32 "VMSR", u32 payload bytes, u64 sequence (from 0), u64 records received so far, u64 errors
 *          seen so far; payload: u32 words, word i is mix32(sequence * 0x9e3779b9 + i)
 * A record out of sequence or with a wrong payload counts as an error, is reported in every later record, and never forgiven. */
#include "vms-guest.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_CLIENTS 32
#define MAX_PAYLOAD (256 * 1024)
#define MAGIC 0x52534d56u
struct record {
  uint32_t magic, length;
  uint64_t sequence, received, errors;
};
#define INPUT_SIZE (sizeof(struct record) + MAX_PAYLOAD)

struct client {
  int greeted;
  uint32_t interval_ms, payload;
  uint64_t next_ms, out, in, errors;
  unsigned char *inbuf, *outbuf;
  size_t in_used, out_used, out_sent;
};
static struct pollfd polls[MAX_CLIENTS + 1];
static struct client clients[MAX_CLIENTS + 1];
static int count = 1;

/* 32 bits, so that a client in JavaScript can keep up. */
static uint32_t mix32(uint32_t x) {
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  return x ^ (x >> 16);
}

static void fill_payload(unsigned char *p, size_t bytes, uint64_t sequence) {
  for (size_t i = 0; i < bytes / 4; i++) {
    const uint32_t word = mix32((uint32_t)sequence * 0x9e3779b9u + (uint32_t)i);
    memcpy(p + 4 * i, &word, 4);
  }
}

static int holds_payload(const unsigned char *p, size_t bytes, uint64_t sequence) {
  for (size_t i = 0; i < bytes / 4; i++) {
    const uint32_t word = mix32((uint32_t)sequence * 0x9e3779b9u + (uint32_t)i);
    if (memcmp(p + 4 * i, &word, 4)) return 0;
  }
  return 1;
}

static void drop(int i) {
  close(polls[i].fd);
  free(clients[i].inbuf);
  free(clients[i].outbuf);
  count--;
  polls[i] = polls[count];
  clients[i] = clients[count];
  shared->stream_clients = count - 1;
}

static void error_in(struct client *c) {
  c->errors++;
  shared->stream_errors++;
}

/* One record into the output buffer; 0 when the last one has not gone out whole: the peer is slow, and a stream has no skips. */
static int put_record(struct client *c) {
  if (c->out_used) return 0;
  struct record r = {MAGIC, c->payload, c->out, c->in, c->errors};
  memcpy(c->outbuf, &r, sizeof r);
  fill_payload(c->outbuf + sizeof r, c->payload, c->out);
  c->out_used = sizeof r + c->payload;
  c->out_sent = 0;
  c->out++;
  shared->stream_records_out++;
  return 1;
}

static int flush(int i) {
  struct client *c = &clients[i];
  while (c->out_sent < c->out_used) {
    ssize_t n = write(polls[i].fd, c->outbuf + c->out_sent, c->out_used - c->out_sent);
    if (n < 0) return errno == EAGAIN ? 0 : -1;
    c->out_sent += n;
  }
  c->out_used = c->out_sent = 0;
  return 0;
}

/* Take one message off the front of the input; bytes used, 0 when it is incomplete, -1 when the stream makes no sense. */
static ssize_t take(struct client *c) {
  if (!c->greeted) {
    if (c->in_used < 16) return 0;
    if (memcmp(c->inbuf, "VMSSTRM1", 8)) return -1;
    memcpy(&c->interval_ms, c->inbuf + 8, 4);
    memcpy(&c->payload, c->inbuf + 12, 4);
    if (c->payload > MAX_PAYLOAD || c->payload % 4) return -1;
    c->greeted = 1;
    c->next_ms = now_ms();
    return 16;
  }
  struct record r;
  if (c->in_used < sizeof r) return 0;
  memcpy(&r, c->inbuf, sizeof r);
  if (r.magic != MAGIC || r.length > MAX_PAYLOAD || r.length % 4) {
    error_in(c);
    return -1;
  }
  if (c->in_used < sizeof r + r.length) return 0;
  if (r.sequence != c->in || !holds_payload(c->inbuf + sizeof r, r.length, r.sequence)) error_in(c);
  c->in = r.sequence + 1;
  shared->stream_records_in++;
  if (c->interval_ms == 0) put_record(c);
  return sizeof r + r.length;
}

/* Take what has come in; in answer mode the next request waits until the last answer is out. */
static int process(int i) {
  struct client *c = &clients[i];
  while (!(c->greeted && c->interval_ms == 0 && c->out_used)) {
    ssize_t used = take(c);
    if (used <= 0) return (int)used;
    memmove(c->inbuf, c->inbuf + used, c->in_used -= used);
    if (flush(i)) return -1;
  }
  return 0;
}

static int receive(int i) {
  struct client *c = &clients[i];
  ssize_t n = read(polls[i].fd, c->inbuf + c->in_used, INPUT_SIZE - c->in_used);
  if (n < 0 && errno == EAGAIN) return 0;
  if (n <= 0) return -1;
  c->in_used += n;
  return 0;
}

static void greet(int listener) {
  int fd = accept(listener, NULL, NULL), one = 1;
  if (fd < 0) return;
  if (count > MAX_CLIENTS) {
    close(fd);
    return;
  }
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  memset(&clients[count], 0, sizeof clients[count]);
  clients[count].inbuf = malloc(INPUT_SIZE);
  clients[count].outbuf = malloc(INPUT_SIZE);
  polls[count++] = (struct pollfd){.fd = fd, .events = POLLIN};
  shared->stream_clients = count - 1;
}

/* Everything that can be done for one client now; -1 when it is over. */
static int serve_client(int i, uint64_t now) {
  struct client *c = &clients[i];
  if (polls[i].revents & POLLOUT && flush(i)) return -1;
  if (polls[i].revents & (POLLIN | POLLHUP | POLLERR) && receive(i)) return -1;
  if (process(i)) return -1;
  if (c->greeted && c->interval_ms && c->next_ms <= now && put_record(c)) {
    c->next_ms = now + c->interval_ms;
    return flush(i);
  }
  return 0;
}

void serve_stream(int port) {
  polls[0] = (struct pollfd){.fd = listen_on(port), .events = POLLIN};
  for (;;) {
    uint64_t now = now_ms(), next = now + 1000;
    for (int i = 1; i < count; i++) {
      struct client *c = &clients[i];
      polls[i].events = (c->in_used < INPUT_SIZE ? POLLIN : 0) | (c->out_used ? POLLOUT : 0);
      if (c->greeted && c->interval_ms && !c->out_used && c->next_ms < next) next = c->next_ms;
    }
    poll(polls, count, next > now ? (int)(next - now) : 0);
    now = now_ms();
    for (int i = count - 1; i >= 1; i--)
      if (serve_client(i, now)) drop(i);
    if (polls[0].revents) greet(polls[0].fd);
  }
}
