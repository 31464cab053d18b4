import { medianOfReplies } from '../../../os/ping.js';

describe('medianOfReplies', () => {
  it.each([
    [
      '64 bytes: icmp_seq=1 ttl=64 time=30.1 ms\n64 bytes: icmp_seq=2 ttl=64 time=20.0 ms\n64 bytes: icmp_seq=3 ttl=64 time=21.5 ms',
      21.5,
    ],
    ['64 bytes: icmp_seq=1 ttl=64 time=0.05 ms', 0.05],
    ['3 packets transmitted, 0 received, 100% packet loss', null],
    ['', null],
  ])('reads %j', (output, median) => {
    expect(medianOfReplies(output)).toBe(median);
  });
});
