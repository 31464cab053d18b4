// Copies and shells over SSH.
import { after, together, typing } from '../flows.js';
import { ELSEWHERE, paced, type Service, windowed } from './service.js';

export const SSH: readonly Service[] = [
  ['copying from SSH', { port: 22, said: windowed(10, 2_500, 32_768, 68) }, [2_222, 31_337]],
  [
    'copying from SSH, questions in clumps',
    { port: 22, said: windowed(10, 5_000, 32_768, 68, 4) },
    [2_222, 31_337],
  ],
  ['copying from SSH slowly', { port: 22, said: windowed(10, 400, 32_768, 52, 2) }, [2_222, 31_337]],
  ['copying to SSH', { port: 22, said: together(paced(8, 2_000, false), windowed(8, 60, 44, 100)) }, [2_222]],
  [
    'a shell that greets',
    { port: 22, opens: true, said: after([[true, 20, 'SSH-2.0-OpenSSH_9.2']], typing(10, 28)) },
    ELSEWHERE,
  ],
];
