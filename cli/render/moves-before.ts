// What `vmshadow status` says of moves that are over: what they gave, and which like them are held back.
import type { Felt } from '../../domain/migration/realised-gain.js';
import { hostKey } from '../../domain/model/ids.js';
import type { LoopStatus } from '../../temporal/contract/status.js';
import { cut, formatAge, formatMs, UNKNOWN } from './format.js';
import { printable, section, type Column } from './table.js';

/** How many gains are shown. */
const GAINS_SHOWN = 5;

/** What the last moves gave; a manager of a release before does not say. */
export function renderGains({ gains }: Partial<Pick<LoopStatus, 'gains'>>, atMs: number): string[] {
  if (gains === undefined || gains.length === 0) return [];
  const rows = gains.slice(0, GAINS_SHOWN).map((g) => {
    const { before, predicted, realised } = g;
    const way = (pick: (felt: Felt) => number | null) => {
      const said = (felt: Felt | null) => (felt === null ? UNKNOWN : formatMs(pick(felt)));
      return `${said(before)} -> ${said(predicted)} / ${said(realised)}`;
    };
    const verdict = g.verdict.replace('-', ' ');
    return [
      g.desktop,
      `${hostKey(g.from)} -> ${hostKey(g.to)}`,
      way((felt) => felt.rttMs),
      way((felt) => felt.responseMs),
      verdict,
      formatAge(g.endedAtMs, atMs),
    ];
  });
  return [section('GAINS (before -> predicted / realised)', GAIN_COLUMNS, rows, '')];
}

const GAIN_COLUMNS: readonly Column[] = [
  { head: 'desktop' },
  { head: 'move' },
  { head: 'RTT' },
  { head: 'response' },
  { head: 'verdict' },
  { head: 'moved' },
];

/** How many holds are shown. */
const HELD_SHOWN = 10;

/** Moves that the loop does not try for now. A manager of a release before holds none. */
export function renderHeld(
  loop: Omit<LoopStatus, 'held'> & Partial<Pick<LoopStatus, 'held'>>,
  atMs: number,
): string[] {
  const { held = [], heldCount } = loop;
  if (held.length === 0) return [];
  const rows = held
    .slice(0, HELD_SHOWN)
    .map((h) => [
      h.what,
      formatAge(h.untilMs, atMs),
      String(h.failures),
      cut(printable(`${h.code}: ${h.reason}`), 100),
    ]);
  const hidden = heldCount - rows.length;
  const rest = hidden > 0 ? `\n  and ${String(hidden)} more: \`vmshadow status --json\`` : '';
  return [
    `${section('HELD BACK', HELD_COLUMNS, rows, '')}${rest}\n  (\`vmshadow retry\` lets the plan try them at once, \`vmshadow move --force\` one of them)`,
  ];
}

const HELD_COLUMNS: readonly Column[] = [
  { head: 'moves' },
  { head: 'tried again' },
  { head: 'failed', right: true },
  { head: 'why' },
];
