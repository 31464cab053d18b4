/* SPDX-License-Identifier: GPL-3.0-or-later
 * vmshadow-wan-delay: holds packets of NFQUEUE queues for a constant time each, in order. The lab's WAN where the kernel has no netem.
 *
 *   vmshadow-wan-delay SOCKET QUEUE:MICROSECONDS ...     prints "ready" on standard output when all queues are bound
 *
 * One line per connection to the unix socket: "set QUEUE MICROSECONDS" changes a delay (packets under way keep theirs, order is kept);
 * that and "stats" are answered with one line per queue. SIGTERM or SIGINT ends it; the kernel then drops what was held.
 * Only metadata is copied out of the kernel, and one batch verdict releases all packets that are due. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* 65536 packets: 1 Gbit/s of full frames for 0.78 s. Index arithmetic relies on a power of two. */
#define RING 65536u

struct held {
  uint32_t id;
  uint64_t due_ns;
};
struct queue {
  unsigned number;
  struct nfq_q_handle *handle;
  uint64_t delay_ns, packets, dropped, latest_ns;
  struct held *ring;
  uint32_t head, tail, deepest;
};

static struct queue *queues;
static int queue_count;
static volatile sig_atomic_t stop;

static void on_signal(int signal_number) {
  (void)signal_number;
  stop = 1;
}

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void die(const char *what) {
  fprintf(stderr, "vmshadow-wan-delay: %s: %s\n", what, strerror(errno));
  exit(1);
}

static int on_packet(struct nfq_q_handle *handle, struct nfgenmsg *message, struct nfq_data *data, void *user) {
  struct queue *q = user;
  const uint32_t id = ntohl(nfq_get_msg_packet_hdr(data)->packet_id);
  (void)message;
  if (q->tail - q->head >= RING) {
    q->dropped++;
    return nfq_set_verdict(handle, id, NF_DROP, 0, NULL);
  }
  q->ring[q->tail++ % RING] = (struct held){id, now_ns() + q->delay_ns};
  q->packets++;
  if (q->tail - q->head > q->deepest) q->deepest = q->tail - q->head;
  return 0;
}

/* Release what is due; the time at which the next one is, 0 when none is held. */
static uint64_t release_due(struct queue *q, uint64_t now) {
  uint32_t last = 0;
  int any = 0;
  while (q->head != q->tail && q->ring[q->head % RING].due_ns <= now) {
    const struct held *h = &q->ring[q->head++ % RING];
    if (now - h->due_ns > q->latest_ns) q->latest_ns = now - h->due_ns;
    last = h->id;
    any = 1;
  }
  /* A batch verdict covers every packet with an id up to this one. */
  if (any) nfq_set_verdict_batch(q->handle, last, NF_ACCEPT);
  return q->head == q->tail ? 0 : q->ring[q->head % RING].due_ns;
}

static void open_queue(struct nfq_handle *nfq, struct queue *q, const char *argument) {
  unsigned long long microseconds;
  if (sscanf(argument, "%u:%llu", &q->number, &microseconds) != 2) {
    fprintf(stderr, "vmshadow-wan-delay: '%s': expected QUEUE:MICROSECONDS\n", argument);
    exit(64);
  }
  q->delay_ns = microseconds * 1000;
  q->ring = calloc(RING, sizeof *q->ring);
  q->handle = nfq_create_queue(nfq, q->number, on_packet, q);
  if (!q->ring || !q->handle) die(argument);
  if (nfq_set_mode(q->handle, NFQNL_COPY_META, 0) < 0) die("copy mode");
  if (nfq_set_queue_maxlen(q->handle, RING - 1) < 0) die("queue length");
}

/* One connection at a time, one line, one answer; called when there is something to read. A sender on a busy machine may need long
 * between its connect and its line: packets do not wait for it. */
static void answer(int fd) {
  char line[256], reply[8192];
  unsigned number;
  unsigned long long microseconds;
  size_t used = 0;
  const ssize_t n = recv(fd, line, sizeof line - 1, MSG_DONTWAIT);
  line[n > 0 ? n : 0] = 0;
  if (sscanf(line, "set %u %llu", &number, &microseconds) == 2)
    for (int i = 0; i < queue_count; i++)
      if (queues[i].number == number) queues[i].delay_ns = microseconds * 1000;
  for (int i = 0; i < queue_count && used < sizeof reply - 160; i++) {
    struct queue *q = &queues[i];
    used += snprintf(reply + used, sizeof reply - used, "%u delay_us=%llu packets=%llu dropped=%llu deepest=%u latest_us=%llu\n", q->number,
                     (unsigned long long)q->delay_ns / 1000, (unsigned long long)q->packets, (unsigned long long)q->dropped, q->deepest,
                     (unsigned long long)q->latest_ns / 1000);
  }
  (void)send(fd, reply, used, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static int open_control(const char *path) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (strlen(path) >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    die(path);
  }
  strcpy(address.sun_path, path);
  unlink(path);
  if (fd < 0 || bind(fd, (void *)&address, sizeof address) || listen(fd, 8)) die(path);
  return fd;
}

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: vmshadow-wan-delay SOCKET QUEUE:MICROSECONDS ...\n");
    return 64;
  }
  struct sigaction action = {.sa_handler = on_signal};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);

  struct nfq_handle *nfq = nfq_open();
  if (!nfq) die("nfnetlink queue (is the kernel without NFQUEUE?)");
  queue_count = argc - 2;
  queues = calloc(queue_count, sizeof *queues);
  for (int i = 0; i < queue_count; i++) open_queue(nfq, &queues[i], argv[i + 2]);

  const int packets_fd = nfq_fd(nfq), timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  const int control_fd = open_control(argv[1]);
  const int one = 1, buffer_bytes = 16 << 20;
  /* A full socket buffer must cost packets, not the whole socket. */
  setsockopt(packets_fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &one, sizeof one);
  setsockopt(packets_fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof buffer_bytes);
  fcntl(packets_fd, F_SETFL, fcntl(packets_fd, F_GETFL) | O_NONBLOCK);
  /* Software-emulated guests keep all cores busy; the delay must not depend on them. */
  const struct sched_param priority = {.sched_priority = 10};
  if (sched_setscheduler(0, SCHED_RR, &priority)) perror("vmshadow-wan-delay: real-time priority");
  printf("ready\n");
  fflush(stdout);

  static char buffer[1 << 16];
  struct pollfd polls[3] = {{packets_fd, POLLIN, 0}, {timer_fd, POLLIN, 0}, {control_fd, POLLIN, 0}};
  int asker = -1;
  while (!stop) {
    polls[2].fd = asker < 0 ? control_fd : asker;
    if (poll(polls, 3, -1) < 0) {
      if (errno != EINTR) die("poll");
      continue;
    }
    if (polls[0].revents) {
      ssize_t n;
      while ((n = recv(packets_fd, buffer, sizeof buffer, 0)) > 0) nfq_handle_packet(nfq, buffer, (int)n);
    }
    uint64_t expirations;
    if (polls[1].revents) (void)!read(timer_fd, &expirations, sizeof expirations);
    if (polls[2].revents && asker < 0) {
      asker = accept4(control_fd, NULL, NULL, SOCK_CLOEXEC);
    } else if (polls[2].revents) {
      answer(asker);
      close(asker);
      asker = -1;
    }
    const uint64_t now = now_ns();
    uint64_t next = 0;
    for (int i = 0; i < queue_count; i++) {
      const uint64_t due = release_due(&queues[i], now);
      if (due && (!next || due < next)) next = due;
    }
    /* Absolute: no drift, and a time already past fires at once. Zero disarms. */
    const struct itimerspec at = {.it_value = {(time_t)(next / 1000000000), (long)(next % 1000000000)}};
    timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
  }
  unlink(argv[1]);
  nfq_close(nfq);
  return 0;
}
