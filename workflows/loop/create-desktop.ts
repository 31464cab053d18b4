// A new desktop: the loop chooses the host and an internal address that nobody has.
import { VmshadowError } from '../../domain/errors.js';
import { DesktopDefinition, type Boot, type InternalNetwork } from '../../domain/model/desktop.js';
import { hostKey } from '../../domain/model/ids.js';
import { allocateInternal } from '../../domain/model/internal-address.js';
import type { CreateDesktop, DesktopCreated } from '../../temporal/contract/requests.js';
import { ctl } from '../host-proxies.js';
import { collect } from './collect.js';
import { knownSite, roomAt } from './find-room.js';
import type { LoopState } from './loop-state.js';

/** Make a desktop at a site; the loop chooses the host and the internal address. */
export async function createDesktop(state: LoopState, ask: CreateDesktop): Promise<DesktopCreated> {
  await collect(state, false);
  const exists = state.find(ask.id);
  if (state.creating.has(ask.id))
    throw new VmshadowError('ALREADY_EXISTS', `desktop ${ask.id} is being created right now`);
  if (exists !== null)
    throw new VmshadowError('ALREADY_EXISTS', `desktop ${ask.id} exists already, at ${hostKey(exists.host)}`);
  knownSite(state, ask.site);
  const silent = state.hosts().filter((h) => !state.isAlive(h));
  if (silent.length > 0 && state.reports.size < state.hosts().length)
    throw new VmshadowError(
      'HOST_UNREACHABLE',
      `${silent.map(hostKey).join(', ')} never answered: a free internal address cannot be chosen safely. Start \`vmshadow dom0\` there, or take it out of vmshadow.yaml.`,
    );
  const host = roomAt(state, ask.site, ask.host, ask, null);
  const reported = [...state.reports.values()].flatMap((r) =>
    r.desktops.map((d) => d.definition.network.address),
  );
  const network = allocateInternal(state.cloud.internalRange, [
    ...reported,
    ...[...state.creating.values()].map((c) => c.address),
  ]);
  const { vcpus, memoryMiB, diskMiB } = ask;
  state.creating.set(ask.id, { address: network.address, host, vcpus, memoryMiB, diskMiB });
  try {
    const definition = DesktopDefinition.parse({ ...ask, boot: withAddress(ask.boot, network), network });
    const { image, clients, start } = ask;
    const { external } = await ctl(host).createDesktop({ definition, image, clients, start });
    await collect(state, false, [host]);
    return {
      desktop: ask.id,
      host,
      internal: network.address,
      external,
      remoteDesktopPort: definition.remoteDesktopPort,
    };
  } finally {
    state.creating.delete(ask.id);
  }
}

/** A kernel's command line may name the address that only now is known: `{address}` and `{gateway}`. */
function withAddress(boot: Boot, network: InternalNetwork): Boot {
  if (boot.kind !== 'kernel') return boot;
  return {
    ...boot,
    append: boot.append.replaceAll('{address}', network.address).replaceAll('{gateway}', network.gateway),
  };
}
