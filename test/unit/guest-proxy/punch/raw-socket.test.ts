import { constants } from 'node:os';
import { rawSocketError } from '../../../../guest-proxy/punch/raw-socket.js';

const { EACCES, EMFILE, ENETUNREACH, EPERM } = constants.errno;

it.each([
  ['socket', EPERM, 'PREREQUISITE', 'cannot open a raw socket (EPERM): run as root'],
  ['setsockopt', EPERM, 'PREREQUISITE', 'cannot mark a raw socket (EPERM): run as root'],
  ['socket', EACCES, 'PREREQUISITE', 'CAP_NET_RAW'],
  ['socket', EMFILE, 'INTERNAL', 'socket of a raw socket failed (EMFILE)'],
  ['sendto', ENETUNREACH, 'NETWORK', 'to 192.0.2.1 (ENETUNREACH): look at its routes'],
  ['sendto', EPERM, 'NETWORK', 'to 192.0.2.1 (EPERM): a rule of this machine drops it'],
] as const)('a failed %s (errno %d) is %s and says what to do', (call, errno, code, text) => {
  const error = rawSocketError(call, errno, '192.0.2.1');
  expect(error.code).toBe(code);
  expect(error.message).toContain(text);
});
