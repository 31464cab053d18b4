// The host proxies of two hosts in namespaces, and a client's proxy behind a NAT. Needs root.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DesktopNetwork } from '../../../ports/desktop-network.js';
import { describeDesktopNetwork, type NetworkWorld, type Side } from '../../compliance/desktop-network.js';
import { remote } from '../../support/rpc.js';
import { definition, HOSTS } from '../guest-proxy/support/lab.js';
import { DesktopSession } from '../guest-proxy/support/session.js';

async function make(): Promise<NetworkWorld> {
  const session = await DesktopSession.create();
  const network = async (side: Side): Promise<DesktopNetwork> =>
    remote((method, args) => session.call(side, method, ...args), {
      publicKey: await session.hosts[side].call<string>('publicKey'),
    }) as DesktopNetwork;
  const lines = (text: string) => text.split('\n').map((line) => line.trim());
  return {
    a: await network('a'),
    b: await network('b'),
    definition,
    client: session.config.identity.publicKey,
    restart: async (side) => {
      await session.hosts[side].kill();
      await session.restartHost(side);
    },
    kept: async (side) => {
      const { namespace, address } = HOSTS[side];
      const devices = lines(await session.lab.ip('-n', namespace, '-br', 'link')).filter((l) =>
        /^v[sh]-/.test(l),
      );
      const addresses = lines(
        await session.lab.ip('-n', namespace, '-br', '-4', 'addr', 'show', 'dev', 'wan0'),
      )
        .flatMap((line) => line.match(/[\d.]+\/32/g) ?? [])
        .filter((external) => !external.startsWith(`${address}/`));
      const rules = lines(
        await session.lab.exec(namespace, 'nft', '-s', 'list', 'table', 'ip', 'vmshadow_host'),
      ).filter((line) => /10\.77\.|198\.51\.100\.1[01]|192\.0\.2\.1[01]/.test(line));
      const dhcp = lines(await session.lab.exec(namespace, 'ss', '-lunpH', 'sport = :67')).filter((line) =>
        line.includes('dnsmasq'),
      );
      const files = await readdir(join(session.lab.folder, side, 'desktops')).catch(() => []);
      const relays = await readdir(join(session.lab.folder, side, 'relays')).catch(() => []);
      return [...devices, ...addresses, ...rules, ...dhcp, ...files, ...relays];
    },
    remove: () => session.dispose(),
  };
}

describeDesktopNetwork('the host proxy', make);
