// One session, captured badly: clocks, order, copies, holes, halves.
import { pcap, type Frame } from './files.js';
import { after, pulled, typing } from './flows.js';
import { framed, inOrder, type Kind, type Right } from './kind.js';
import { packetsOf, SERVER, type Conversation, type Packet } from './packets.js';

const film = (rttMs: number, seconds = 8): Conversation => ({
  port: 5901,
  rttMs,
  opens: true,
  said: pulled(seconds, { rttMs }),
});
const right = (rttMs: number, fps: number): Right => ({
  desktops: [SERVER],
  framesPerSecond: fps,
  rttMs,
  rank: { least: 0.95, most: 1 },
});
const file = (packets: readonly Packet[]) => pcap(framed(packets));
const hop = (ip: Buffer): Buffer => {
  const b = Buffer.from(ip);
  b.writeUInt8(63, 8);
  return b;
};

export function disturbedKinds(): Kind[] {
  const group = 'disturbed';
  const kinds: Kind[] = [];
  const add = (name: string, want: Right, make: () => Buffer, desktop?: string) =>
    kinds.push({ group, name, right: want, file: make, ...(desktop === undefined ? {} : { desktop }) });
  const near = packetsOf(film(20));
  const far = packetsOf(film(100));
  const doubt = /not to be trusted|the clocks|clock/;

  for (const ms of [10, 30, 60, 120, 200]) {
    for (const side of ['user', 'desktop'] as const) {
      const shifted = (list: readonly Packet[], by: number) =>
        list.map((p) => (p.fromServer === (side === 'desktop') ? { ...p, timeMs: p.timeMs + by } : p));
      for (const by of [ms, -ms])
        for (const [what, list] of [
          ['20 ms away', near],
          ['100 ms away', far],
        ] as const) {
          // In the order in which they passed: the skew can be told, and be mended where there is little between question and answer.
          add(`${side}'s clock ${by} ms off, ${what}, in the order of arrival`, { says: doubt }, () =>
            file(shifted(list, by)),
          );
          add(`${side}'s clock ${by} ms off, ${what}, sorted`, { says: doubt }, () =>
            file(inOrder(shifted(list, by))),
          );
        }
    }
  }
  for (const ms of [-50, -300, -1_500, -10_000, -3_600_000, 30_000, 3_600_000])
    add(
      `the clock stepped by ${ms} ms in the middle`,
      { ...right(20, 24), says: /sorted by time|jumped/ },
      () => {
        const middle = near[Math.floor(near.length / 2)]?.timeMs ?? 0;
        return file(near.map((p) => (p.timeMs > middle ? { ...p, timeMs: p.timeMs + ms } : p)));
      },
    );
  add('batches of 100 ms an interface', { ...right(20, 24), says: /sorted by time/ }, () =>
    file(
      [...near].sort(
        (a, b) =>
          Math.floor(a.timeMs / 100) - Math.floor(b.timeMs / 100) ||
          Number(a.fromServer) - Number(b.fromServer) ||
          a.timeMs - b.timeMs,
      ),
    ),
  );
  add('one direction behind the other, as two files appended', { unknown: /reordercap/ }, () =>
    file([...near.filter((p) => p.fromServer), ...near.filter((p) => !p.fromServer)]),
  );
  const copies: readonly (readonly [string, number, (f: Frame) => Frame])[] = [
    ['with another TTL', 0.05, (f) => f],
    [
      'with another MAC',
      0.05,
      (f) => ({ ...f, bytes: Buffer.concat([Buffer.from('0a0000000009', 'hex'), f.bytes.subarray(6)]) }),
    ],
    [
      'with a VLAN tag',
      0.08,
      (f) => ({
        ...f,
        wireBytes: f.wireBytes + 4,
        bytes: Buffer.concat([f.bytes.subarray(0, 12), Buffer.from('81000064', 'hex'), f.bytes.subarray(12)]),
      }),
    ],
    ['a millisecond later', 1, (f) => f],
  ];
  for (const [what, lateMs, change] of copies) {
    const twice = (n: number) => () => {
      const first = framed(near);
      const second = framed(
        near.map((p) => (what === 'with another TTL' ? { ...p, bytes: hop(p.bytes) } : p)),
      );
      return pcap(
        inOrder(
          first.flatMap((f, i) => [
            f,
            ...Array.from({ length: n - 1 }, (_, k) => ({
              ...change(second[i] as Frame),
              timeMs: f.timeMs + lateMs * (k + 1),
            })),
          ]),
        ),
      );
    };
    add(`each packet twice, ${what}`, { ...right(20, 24), says: /captured a second time/ }, twice(2));
    add(`each packet three times, ${what}`, { ...right(20, 24), says: /captured a second time/ }, twice(3));
  }
  add('copies of one direction only', { ...right(20, 24), says: /captured a second time/ }, () =>
    file(
      inOrder(
        near.flatMap((p) =>
          p.fromServer ? [p, { ...p, bytes: hop(p.bytes), timeMs: p.timeMs + 0.04 }] : [p],
        ),
      ),
    ),
  );
  add('copies in a tunnel', { ...right(20, 24), says: /captured a second time/ }, () =>
    pcap(
      inOrder(
        framed(near).flatMap((f) => [
          f,
          {
            timeMs: f.timeMs + 0.05,
            wireBytes: f.wireBytes + 8,
            bytes: Buffer.concat([
              f.bytes.subarray(0, 12),
              Buffer.from('8864 1100 0001 0030 0021'.replaceAll(' ', ''), 'hex'),
              f.bytes.subarray(14),
            ]),
          },
        ]),
      ),
    ),
  );
  add('a hole of two seconds', { ...right(20, 24), says: /gap/ }, () => {
    const start = (near[0]?.timeMs ?? 0) + 3_000;
    return file(near.filter((p) => p.timeMs < start || p.timeMs > start + 2_000));
  });
  add('every fifth packet of the desktop lost', { desktops: [SERVER], says: /gap/ }, () =>
    file(near.filter((p, i) => !p.fromServer || i % 5 > 0)),
  );
  add('less than a second', { unknown: /at least a second/ }, () =>
    file(near.filter((p) => p.timeMs < (near[0]?.timeMs ?? 0) + 900)),
  );
  add('ten packets', { unknown: /no rank/ }, () => file(near.slice(0, 10)));
  for (const [what, c] of [
    ['VNC pulled', film(20)],
    ['VNC on a strange port', { ...film(20), port: 8123 }],
    ['typing over RDP', { port: 3389, opens: true, said: typing(10, 29) }],
    ['typing on a strange port', { port: 7123, opens: true, said: after([], typing(10, 29)) }],
    ['a stream over UDP', { protocol: 'udp', port: 47_998, said: pulled(8) }],
  ] as const satisfies readonly (readonly [string, Conversation])[])
    for (const fromServer of [true, false])
      add(`${what}, only ${fromServer ? 'from' : 'to'} the desktop`, { unknown: /only one direction/ }, () =>
        file(packetsOf(c).filter((p) => p.fromServer === fromServer)),
      );
  add('taken at the user’s end', { says: /beside|away from the desktop/ }, () =>
    file(inOrder(packetsOf(film(60)).map((p) => ({ ...p, timeMs: p.timeMs + (p.fromServer ? 30 : -30) })))),
  );
  return kinds;
}
