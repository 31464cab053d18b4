// docs/nat.md: what became of connections through each kind of NAT. Pure text.
import { type Cell, CELLS, type Measured, nameOf } from './cells.js';

type Run = Cell & Measured;

/** What each kind of NAT does. */
const WORDS: Readonly<Record<Cell['nat'], string>> = {
  'answer-rst': 'MASQUERADE, answers what it does not expect by RST',
  drop: 'MASQUERADE, drops what it does not expect',
  'random-fully': 'MASQUERADE --random-fully: another port to each destination',
  'drop-invalid': 'FORWARD drops INVALID',
  'needs-syn': 'FORWARD drops NEW without SYN',
  'loose-0': 'nf_conntrack_tcp_loose=0',
  'loose-0-liberal': 'tcp_loose=0, be_liberal=1',
  'loose-0-invalid-random': 'tcp_loose=0, drops INVALID, --random-fully',
  liberal: 'be_liberal=1',
};

export const worst = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b), 0);

function row(cell: Cell, runs: readonly Run[]): string {
  const sends = cell.protocol === 'udp' ? 'both, UDP' : cell.first;
  if (runs.length === 0) return `| ${WORDS[cell.nat]} | ${sends} | not run | | | |`;
  const [total, relayed] = (['connections', 'relayed'] as const).map((key) =>
    runs.reduce((n, r) => n + r[key], 0),
  );
  const path = relayed === 0 ? 'direct' : relayed === total ? 'relay' : `${String(relayed)} on the relay`;
  const lost = worst(runs.map((r) => r.lost ?? 0));
  const intact = `${String(runs.filter((r) => r.intact).length)} of ${String(runs.length)}${lost > 0 ? `, ${String(lost)} datagrams lost` : ''}`;
  const gap = (worst(runs.map((r) => r.gapMs - r.pauseMs)) || 0).toFixed(0);
  const leaked = String(worst(runs.map((r) => r.leaked)));
  return `| ${WORDS[cell.nat]} | ${sends} | ${path} | ${intact} | ${gap} | ${leaked} |`;
}

/** The table, a line a cell. */
export function natTable(runs: readonly Run[]): string {
  const head = [
    '| client’s NAT | sends | path 2 s after | intact | gap beyond the pause, ms (worst) | leaked |',
    '| --- | --- | --- | --- | --- | --- |',
  ];
  return [
    ...head,
    ...CELLS.map((cell) =>
      row(
        cell,
        runs.filter((r) => nameOf(r) === nameOf(cell)),
      ),
    ),
  ].join('\n');
}

/** The page. */
export function natPage(runs: readonly Run[]): string {
  return `# Connections through NATs

Made by \`npm run bench -- nat\`, after each cell. A desktop moves once, with a pause of 300 ms, while three TCP connections, or a socket of datagrams each 5 ms, run from a client with a proxy behind
a NAT of Linux in a namespace; hosts, proxies and rules are the real ones (kernel plane), without delay on the links. Intact: every byte arrived once, on the same sockets;
of datagrams, that they go on both ways.
Leaked: packets that left the NAT with their inner address. Gaps are those of the machine that it ran on, which was busy with other things.

${natTable(runs)}
`;
}
