import { FlowTable, MAX_FLOWS_KEPT } from '../../../../domain/fingerprint/capture/flow-table.js';
import { DesktopGuess } from '../../../../domain/fingerprint/session/desktop-guess.js';
import {
  findRemoteDesktop,
  type FlowEvidence,
} from '../../../../domain/fingerprint/session/remote-desktop.js';
import { FingerprintPolicy } from '../../../../domain/model/policy.js';
import { DESKTOP, play } from './synthetic-session.js';

const policy = FingerprintPolicy.parse({});
const flow = (parts: Partial<FlowEvidence>): FlowEvidence => ({
  protocol: 'tcp',
  desktopPort: 5901,
  peerAddress: '198.51.100.2',
  peerPort: 51_000,
  bytesIn: 6_200,
  packetsIn: 100,
  bytesOut: 900_000,
  packetsOut: 700,
  ...parts,
});

describe('findRemoteDesktop', () => {
  it.each<[string, FlowEvidence, 'port' | 'behaviour' | undefined]>([
    ['VNC on its port', flow({}), 'port'],
    ['a VNC display far up', flow({ desktopPort: 5977 }), 'port'],
    ['RDP', flow({ desktopPort: 3389 }), 'port'],
    [
      'TeamViewer through its relay',
      flow({ desktopPort: 51_000, peerPort: 5938, initiator: 'desktop' }),
      'port',
    ],
    ['VNC on a strange port', flow({ desktopPort: 8123 }), 'behaviour'],
    ['RDP inside TLS', flow({ desktopPort: 443, clientMessages: 90, clientMessageBytes: 83 }), 'behaviour'],
    [
      'a pointer over a still screen',
      flow({
        desktopPort: 6900,
        bytesIn: 190_000,
        packetsIn: 2_700,
        bytesOut: 60_000,
        clientMessages: 2_700,
        clientMessageBytes: 27,
      }),
      'behaviour',
    ],
    [
      'a download by the desktop',
      flow({ desktopPort: 51_000, peerPort: 443, bytesIn: 900_000, bytesOut: 6_000 }),
      undefined,
    ],
    ['a download from the desktop', flow({ desktopPort: 8080, bytesIn: 5_200, packetsIn: 100 }), undefined],
    [
      'a file sent to the desktop',
      flow({ desktopPort: 8080, bytesIn: 900_000, packetsIn: 700, bytesOut: 36_000 }),
      undefined,
    ],
    [
      'shell of the desktop on a server',
      flow({ desktopPort: 51_000, peerPort: 22, initiator: 'desktop' }),
      undefined,
    ],
  ])('judges %s', (_, f, foundBy) => {
    expect(findRemoteDesktop([f], policy)?.foundBy).toBe(foundBy);
  });

  it.each([
    [1_200, true],
    [1_199, false],
  ])('takes %d bytes out for 1,000 in for a screen: %j', (bytesOut, found) => {
    // Too few messages for a pointer over a still screen, too long for one of its.
    const edge = flow({
      desktopPort: 8123,
      bytesIn: 1_000,
      bytesOut,
      clientMessages: 10,
      clientMessageBytes: 100,
    });
    expect(findRemoteDesktop([edge], policy) !== null).toBe(found);
  });

  it('prefers a known port to behaviour, and the busier of two', () => {
    const strange = flow({ desktopPort: 8123, bytesOut: 9_000_000 });
    const quiet = flow({ peerPort: 2, bytesOut: 10 });
    const user = flow({ peerPort: 3 });
    expect(findRemoteDesktop([strange, quiet, user], policy)?.flow).toBe(user);
  });

  it('keeps the flow of the last cycle among those that behave', () => {
    const before = flow({ desktopPort: 8123 });
    const louder = flow({ desktopPort: 8124, bytesOut: 9_000_000 });
    expect(findRemoteDesktop([louder, before], { ...policy, previous: before })?.flow).toBe(before);
  });
});

describe('DesktopGuess', () => {
  it('takes the server of pieces of one size on a strange port for one that may be a desktop', () => {
    const guess = new DesktopGuess();
    for (const p of play({ rttMs: 20, changeEveryMs: 42, port: 8123 }).packets) guess.add(p);
    expect(guess.result(policy)).toEqual([{ address: DESKTOP, why: 'undecided' }]);
  });

  it('knows nothing of nothing', () => {
    expect(new DesktopGuess().result(policy)).toEqual([]);
  });
});

describe('FlowTable', () => {
  const [first] = play({ rttMs: 20, changeEveryMs: 42 }).packets;
  const says = (payloads: readonly (Uint8Array | string | undefined)[]) => {
    const table = new FlowTable(DESKTOP);
    payloads.forEach((payload, n) =>
      table.add({ ...first!, timeMs: n, payload: payload === undefined ? undefined : Buffer.from(payload) }),
    );
    return [...table.flows.values()][0]!.says;
  };

  it.each([
    ['RFB 003.008\n', 'vnc'],
    ['REDQ\x02\x00\x00\x00', 'spice'],
    [Buffer.from('0300002b26e0', 'hex'), 'rdp'],
    [Buffer.from('030000130ed0', 'hex'), 'rdp'],
    ['SSH-2.0-OpenSSH_9.6\r\n', 'ssh'],
    ['220 mail.example.com ESMTP\r\n', 'mail or file transfer'],
    [Buffer.from('160301020001', 'hex'), undefined],
    ['GET / HTTP/1.1\r\n', undefined],
    ['', undefined],
  ])('recognises a protocol by its captured bytes: %j', (greeting, protocol) => {
    expect(says([greeting])).toBe(protocol);
    expect(says([undefined, '', 'noise', greeting])).toBe(protocol);
  });

  it('goes by the first greeting, and by none that comes late', () => {
    expect(says(['SSH-2.0-x', 'RFB 003.008\n'])).toBe('ssh');
    const talk = (n: number) => Array.from({ length: n }, () => 'some bytes');
    expect(says([...talk(15), 'RFB 003.008\n'])).toBe('vnc');
    expect(says([...talk(16), 'RFB 003.008\n'])).toBeUndefined();
  });

  it('takes jumps of the clock out of a flow’s time and counts them', () => {
    const table = new FlowTable(DESKTOP);
    for (const timeMs of [0, 100, 86_400_000, 86_400_050, 20, 60]) table.add({ ...first!, timeMs });
    const [flow] = table.flows.values();
    expect(flow).toMatchObject({ activeMs: 190, clockJumps: 2 });
    expect(table.activeMs).toBe(190);
  });

  it('is no sink for a port scan', () => {
    const table = new FlowTable(DESKTOP);
    for (let n = 0; n < MAX_FLOWS_KEPT + 500; n++)
      table.add({ ...first!, sourcePort: 1 + (n % 60_000), source: `192.0.${n % 7}.1` });
    expect(table.flows.size).toBe(MAX_FLOWS_KEPT);
    expect(table.unkept).toBe(500);
  });

  it('keeps the beginnings of many long flows, bounded together, and counts the rest', () => {
    const table = new FlowTable(DESKTOP, 1_000);
    for (let n = 0; n < 9_000; n++)
      table.add({ ...first!, timeMs: n, sourcePort: 1 + (n < 6_000 ? 0 : n % 60) });
    const flows = [...table.flows.values()];
    const kept = flows.reduce((n, f) => n + f.packets.length, 0);
    expect(kept).toBeLessThanOrEqual(1_000);
    expect(kept).toBeGreaterThan(500);
    for (const f of flows) {
      expect(f.packets.length).toBeGreaterThan(0);
      expect(f.packets.length + f.unkeptPackets).toBe(f.packetsIn + f.packetsOut);
    }
  });

  it('keeps the flows with most bytes from the desktop longest, whichever came first', () => {
    const table = new FlowTable(DESKTOP, 10_000);
    const types = (timeMs: number) => table.add({ ...first!, timeMs, sourcePort: 1_000 + (timeMs % 40) });
    const back = { source: DESKTOP, destination: first!.source, sourcePort: 5901, destinationPort: 999 };
    // Forty people who type, then a screen among them.
    for (let n = 0; n < 24_000; n++)
      if (n < 8_000 || n % 4 === 0) types(n);
      else table.add({ ...first!, ...back, timeMs: n });
    const flows = [...table.flows.values()];
    const screen = flows.find((f) => f.key.peerPort === 999)!;
    expect(flows.reduce((sum, f) => sum + f.packets.length, 0)).toBeLessThanOrEqual(10_000);
    expect(screen.packets.length).toBeGreaterThan(1_000);
    expect(screen.packets.length + screen.unkeptPackets).toBe(12_000);
  });

  it('tells the sides of a loopback capture apart by the lower port', () => {
    const table = new FlowTable('127.0.0.1');
    const there = { ...first!, source: '127.0.0.1', destination: '127.0.0.1' };
    const back = { ...there, sourcePort: there.destinationPort, destinationPort: there.sourcePort };
    table.add(there);
    table.add(back);
    expect([...table.flows.values()]).toMatchObject([
      { packetsIn: 1, packetsOut: 1, key: { desktopPort: 5901 } },
    ]);
  });
});
