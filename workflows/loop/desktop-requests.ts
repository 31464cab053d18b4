// What operators ask of a desktop where it is. Refused during a move: the target would know nothing of it.
import { VmshadowError } from '../../domain/errors.js';
import type { DesktopPower, EnrollClients } from '../../temporal/contract/requests.js';
import { ctl } from '../host-proxies.js';
import { collect } from './collect.js';
import { knownDesktop } from './find-room.js';
import type { LoopState } from './loop-state.js';

/** Start or stop a desktop where it is. */
export async function desktopPower(state: LoopState, ask: DesktopPower): Promise<void> {
  await collect(state, false);
  const { host } = knownDesktop(state, ask.desktop);
  if (state.moves.has(ask.desktop))
    throw new VmshadowError(
      'MOVE_IN_PROGRESS',
      `desktop ${ask.desktop} is in a move; cancel it first: \`vmshadow cancel ${ask.desktop}\``,
    );
  await ctl(host).desktopPower(ask);
  await collect(state, false, [host]);
}

/** Let more clients speak for a desktop's users; refused during a move, which carries the clients of its beginning. */
export async function enrollClients(state: LoopState, ask: EnrollClients): Promise<void> {
  await collect(state, false);
  const { host } = knownDesktop(state, ask.desktop);
  if (state.moves.has(ask.desktop))
    throw new VmshadowError(
      'MOVE_IN_PROGRESS',
      `desktop ${ask.desktop} is in a move; enroll its client when that has ended`,
    );
  await ctl(host).enrollClients(ask);
}
