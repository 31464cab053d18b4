import { parseListeners } from '../../../os/listeners.js';

it('reads who listens where, in every form of an address', () => {
  const text = [
    'udp   UNCONN 0      0      192.168.122.1%virbr0:67        0.0.0.0:*    users:(("dnsmasq",pid=100,fd=3))',
    'udp   UNCONN 0      0            0.0.0.0%virbr0:67        0.0.0.0:*    users:(("dnsmasq",pid=100,fd=3))',
    'tcp   LISTEN 0      511             192.0.2.11:7947       0.0.0.0:*    users:(("node",pid=7,fd=20),("node",pid=8,fd=20))',
    'tcp   LISTEN 0      4096                     *:7946             *:*    users:(("dockerd",pid=9,fd=41))',
    'tcp   LISTEN 0      128                   [::]:22            [::]:*',
    'tcp   LISTEN 0      128  [::ffff:192.0.2.11]:80                *:*    users:(("java",pid=10,fd=4))',
  ].join('\n');
  const read = parseListeners(text);
  expect(
    read.map((s) =>
      `${s.protocol} ${s.address}:${String(s.port)} ${s.program ?? '-'} ${s.pids.join(',')}`.trim(),
    ),
  ).toEqual([
    'udp 192.168.122.1:67 dnsmasq 100',
    // Bound to a device: to the desktops' taps it is no wildcard.
    'udp virbr0:67 dnsmasq 100',
    'tcp 192.0.2.11:7947 node 7,8',
    'tcp 0.0.0.0:7946 dockerd 9',
    'tcp 0.0.0.0:22 -',
    'tcp 192.0.2.11:80 java 10',
  ]);
});
