// What iproute2 prints (of Debian 12's and 13's), as it stands in facts.
import { parseDefaultRoutes, parseDevices, parseForeignQdiscs } from '../../../../drivers/machine/parse.js';

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
