// What iproute2 prints (of Debian 12's and 13's), as it stands in facts.
import {
  parseDefaultRoutes,
  parseDevices,
  parseForeignQdiscs,
  parseSockets,
} from '../../../../drivers/machine/parse.js';

it('reads devices with their IPv4 addresses', () => {
  const link = (ifname: string, flags: string[], ...addr_info: object[]) => ({
    ifindex: 1,
    ifname,
    flags,
    mtu: 1500,
    addr_info,
  });
  const inet = { family: 'inet', local: '192.0.2.11', prefixlen: 24, scope: 'global' };
  const inet6 = { family: 'inet6', local: 'fe80::1', prefixlen: 64, scope: 'link' };
  const json = JSON.stringify([
    link('eth0', ['BROADCAST', 'UP', 'LOWER_UP'], inet, inet6),
    link('eth1', ['NO-CARRIER']),
  ]);
  expect(parseDevices(json)).toEqual([
    { name: 'eth0', up: true, addresses: ['192.0.2.11/24'] },
    { name: 'eth1', up: false, addresses: [] },
  ]);
});

it('reads default routes, several next hops too, the preferred first', () => {
  const json = JSON.stringify([
    { dst: 'default', gateway: '10.0.0.1', dev: 'wlan0', metric: 600, flags: [] },
    { dst: 'default', gateway: '192.0.2.1', dev: 'eth0', flags: [] },
    {
      dst: 'default',
      metric: 700,
      nexthops: [
        { gateway: '10.1.0.1', dev: 'a' },
        { gateway: '10.2.0.1', dev: 'b' },
      ],
    },
  ]);
  expect(parseDefaultRoutes(json).map((r) => r.device)).toEqual(['eth0', 'wlan0', 'a', 'b']);
  expect(parseDefaultRoutes('')).toEqual([]);
});

it('reads who listens where, in every form of an address', () => {
  const text = [
    'udp   UNCONN 0      0      192.168.122.1%virbr0:67        0.0.0.0:*    users:(("dnsmasq",pid=100,fd=3))',
    'udp   UNCONN 0      0            0.0.0.0%virbr0:67        0.0.0.0:*    users:(("dnsmasq",pid=100,fd=3))',
    'tcp   LISTEN 0      511             192.0.2.11:7947       0.0.0.0:*    users:(("node",pid=7,fd=20),("node",pid=8,fd=20))',
    'tcp   LISTEN 0      4096                     *:7946             *:*    users:(("dockerd",pid=9,fd=41))',
    'tcp   LISTEN 0      128                   [::]:22            [::]:*',
    'tcp   LISTEN 0      128  [::ffff:192.0.2.11]:80                *:*    users:(("java",pid=10,fd=4))',
  ].join('\n');
  const read = parseSockets(text, (pid) => pid === 8);
  expect(
    read.map(
      (s) => `${s.protocol} ${s.address}:${String(s.port)} ${s.program ?? '-'}${s.ours ? ' ours' : ''}`,
    ),
  ).toEqual([
    'udp 192.168.122.1:67 dnsmasq',
    // Bound to a device: to the desktops' taps it is no wildcard.
    'udp virbr0:67 dnsmasq',
    'tcp 192.0.2.11:7947 node ours',
    'tcp 0.0.0.0:7946 dockerd',
    'tcp 0.0.0.0:22 -',
    'tcp 192.0.2.11:80 java',
  ]);
});

it("tells a traffic control of others from the kernel's and ours", () => {
  const qdisc = (dev: string, kind: string, handle: string, root = true) => ({
    kind,
    handle,
    dev,
    root,
    options: {},
  });
  const json = JSON.stringify([
    qdisc('lo', 'noqueue', '0:'),
    qdisc('eth0', 'mq', '0:'),
    qdisc('eth1', 'htb', '8674:'),
    qdisc('eth2', 'cake', '8001:'),
    { kind: 'fq_codel', handle: '10:', dev: 'eth3', parent: '1:10', options: {} },
  ]);
  expect(parseForeignQdiscs(json)).toEqual({ eth2: 'cake' });
});
