// Captures that have to be judged: sessions on any port, those that look like something else, disturbed ones, and traffic that is no session.
import { disturbedKinds } from './kinds-disturbed.js';
import type { Kind } from './kind.js';
import { serviceKinds } from './kinds-services.js';
import { sessionKinds } from './kinds-sessions.js';
import { undecidedKinds } from './kinds-undecided.js';

export const judgedKinds = (): Kind[] => [
  ...sessionKinds(),
  ...undecidedKinds(),
  ...disturbedKinds(),
  ...serviceKinds(),
];
