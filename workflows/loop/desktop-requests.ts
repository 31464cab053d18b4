// What operators ask of a desktop where it is. Refused during a move: the target would know nothing of it.
import { VmshadowError } from '../../domain/errors.js';
import { isOff, type DesktopState } from '../../domain/model/desktop.js';
import { hostKey, type DesktopId, type HostRef } from '../../domain/model/ids.js';
import type {
  DesktopEdited,
  DesktopPower,
  DesktopRemoved,
  EditDesktop,
  EnrollClients,
  RemoveDesktop,
} from '../../temporal/contract/requests.js';
import { ctl } from '../host-proxies.js';
import { collect } from './collect.js';
import { cpuAsked, mustGiveCpu } from './cpu-choice.js';
import { knownDesktop } from './find-room.js';
import { refuseInMove } from './in-move.js';
import type { LoopState } from './loop-state.js';

/** Start or stop a desktop where it is. */
export async function desktopPower(state: LoopState, ask: DesktopPower): Promise<void> {
  await collect(state, false);
  const { host } = knownDesktop(state, ask.desktop);
  if (state.moves.has(ask.desktop)) await refuseInMove(state, ask.desktop);
  await ctl(host).desktopPower(ask);
  await collect(state, false, [host]);
}

function mustBeOff(desktop: DesktopId, host: HostRef, state: DesktopState): void {
  if (isOff(state)) return;
  throw new VmshadowError(
    'DESKTOP_RUNNING',
    `desktop ${desktop} is ${state} at ${hostKey(host)}; stop it first: \`vmshadow desktop stop ${desktop}\``,
  );
}

/** Make a desktop that does not run another from its next start on. */
export async function editDesktop(state: LoopState, ask: EditDesktop): Promise<DesktopEdited> {
  const { desktop, document } = ask;
  await collect(state, false);
  const { host, report } = knownDesktop(state, desktop);
  if (state.moves.has(desktop)) await refuseInMove(state, desktop);
  mustBeOff(desktop, host, report.state);
  const cpu = cpuAsked(state, document.cpu);
  mustGiveCpu(state, host, cpu);
  const changes = await ctl(host).editDesktop({ desktop, document: { ...document, cpu } });
  await collect(state, false, [host]);
  return { desktop, host, changes };
}

/** Remove a desktop with its disk, for ever; refused while it runs. */
export async function removeDesktop(state: LoopState, ask: RemoveDesktop): Promise<DesktopRemoved> {
  const { desktop } = ask;
  await collect(state, false);
  const { host, report } = knownDesktop(state, desktop);
  if (state.moves.has(desktop)) await refuseInMove(state, desktop);
  mustBeOff(desktop, host, report.state);
  await ctl(host).removeDesktop(ask);
  state.forget(desktop);
  await collect(state, false, [host]);
  return { desktop, host };
}

/** Let more clients speak for a desktop's users; refused during a move, which carries the clients of its beginning. */
export async function enrollClients(state: LoopState, ask: EnrollClients): Promise<void> {
  await collect(state, false);
  const { host } = knownDesktop(state, ask.desktop);
  if (state.moves.has(ask.desktop)) await refuseInMove(state, ask.desktop);
  await ctl(host).enrollClients(ask);
}
