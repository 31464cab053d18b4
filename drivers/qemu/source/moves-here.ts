// What of moves this host has, by the driver's records and by what its QEMUs say themselves: also of moves that nobody remembers.
import { hasCode } from '../../../domain/errors.js';
import type { DesktopId } from '../../../domain/model/ids.js';
import type { MovesHere } from '../../../ports/hypervisor.js';
import { copyKeyOf } from '../process/layout.js';
import type { QemuHost } from '../process/qemu-host.js';
import type { DesktopRecord } from '../process/records.js';
import { diskCopiesOf } from './disk-copy.js';
import { memoryCopyOf } from './memory-copy.js';

/** A monitor answers in ms; whoever looks does not wait longer for one that hangs. */
const LOOK_PATIENCE_MS = 2_000;

/** List the copies that come in, the disks that were set aside and the copies that go out; of one desktop, or of all. */
export async function movesHere(host: QemuHost, desktop?: DesktopId): Promise<MovesHere> {
  const prefix = desktop === undefined ? '' : `${desktop}.`;
  // In this order: a copy that is activated meanwhile becomes a desktop before it ends to come in.
  const incoming = await host.records.incoming.list(prefix);
  const retired = await host.records.retired.list(prefix);
  const desktops =
    desktop === undefined
      ? await host.records.desktops.list()
      : [await host.records.desktops.get(desktop)].filter((d) => d !== null);
  const here = new Map(desktops.map((d) => [d.definition.id, d.copy]));
  const outgoing = await Promise.all(desktops.map((d) => copiesOf(host, d)));
  return {
    incoming: incoming.filter((m) => here.get(m.desktop) !== copyKeyOf(m)).map(keyOf),
    retired: retired.map(keyOf),
    outgoing: outgoing.filter(({ copies }) => copies.length > 0),
  };
}

const keyOf = ({ desktop, moveId }: { desktop: DesktopId; moveId: string }) => ({ desktop, moveId });

async function copiesOf(
  host: QemuHost,
  { definition: { id }, copy }: DesktopRecord,
): Promise<{ desktop: DesktopId; copies: string[] }> {
  const within = { timeoutMs: LOOK_PATIENCE_MS };
  try {
    const running = await host.findCopy(host.layout.copy(id, copy), id);
    if (running === null) return { desktop: id, copies: [] };
    const disk = await diskCopiesOf(running.qmp, within);
    const memory = await memoryCopyOf(running.qmp, within);
    return { desktop: id, copies: [...new Set([...disk, ...(memory === null ? [] : [memory])])] };
  } catch (error) {
    if (!hasCode(error, 'QMP_LOST')) throw error;
    host.log.warn({ desktop: id }, error.message);
    return { desktop: id, copies: [] };
  }
}
