import { parseSockets, StreamCount, WireMeter } from '../../../../drivers/qemu/source/wire-meter.js';
import { DesktopId } from '../../../../domain/model/ids.js';

const PRINTED = `ESTAB 0      4608     10.201.0.1:43866  10.201.0.2:15800 cubic wscale:7,7 rto:204 rtt:0.1/0.05 mss:1448 bytes_sent:26200000 bytes_retrans:1448 bytes_acked:26195392 bytes_received:9000 segs_out:100 segs_in:90 data_segs_out:99 send 1Gbps
TIME-WAIT 0    0        10.201.0.1:40000  10.201.0.2:15800
ESTAB 0      0        10.201.0.1:43870  10.201.0.2:15801 cubic bytes_sent:100 segs_out:2 segs_in:1
`;

describe('parseSockets', () => {
  it('gives what each socket has sent, headers included, and leaves out those without counters', () => {
    expect(parseSockets(PRINTED)).toEqual([
      { localPort: 43866, peer: { address: '10.201.0.2', port: 15800 }, bytes: 26_200_000 + 100 * 52 },
      { localPort: 43870, peer: { address: '10.201.0.2', port: 15801 }, bytes: 100 + 2 * 52 },
    ]);
    expect(parseSockets('')).toEqual([]);
    expect(parseSockets('nonsense\n')).toEqual([]);
  });
});

describe('StreamCount', () => {
  it('counts on over a connection that broke and one that took its place, also from the same port', () => {
    const count = new StreamCount();
    expect(count.add([{ localPort: 1, bytes: 10 }])).toBe(10);
    expect(count.add([])).toBe(10);
    expect(count.add([{ localPort: 2, bytes: 5 }])).toBe(15);
    expect(count.add([{ localPort: 2, bytes: 3 }])).toBe(18);
    expect(count.add([{ localPort: 2, bytes: 4 }])).toBe(19);
  });
});

describe('WireMeter', () => {
  const move = { desktop: DesktopId.parse('d1'), moveId: 'm1' };
  const disk = { address: '192.0.2.1', port: 1 };
  const memory = { address: '192.0.2.1', port: 2 };
  const meterOf = (readings: ReturnType<typeof parseSockets>[]) =>
    new WireMeter(async () => {
      const next = readings.shift();
      if (next === undefined) throw new Error('ss is gone');
      return next;
    });

  it('tells the streams of a move apart by the port that they go to', async () => {
    const meter = meterOf([
      [
        { localPort: 7, peer: disk, bytes: 30 },
        { localPort: 8, peer: memory, bytes: 4 },
      ],
    ]);
    expect(await meter.read(move)).toEqual({ disk: null, memory: null });
    meter.watch(move, 'disk', disk);
    meter.watch(move, 'memory', memory);
    expect(await meter.read(move)).toEqual({ disk: 30, memory: 4 });
  });

  it('adds what a second try at memory sends to another port', async () => {
    const again = { ...memory, port: 3 };
    const meter = meterOf([
      [{ localPort: 8, peer: memory, bytes: 40 }],
      [{ localPort: 9, peer: again, bytes: 5 }],
    ]);
    meter.watch(move, 'memory', memory);
    await meter.read(move);
    meter.watch(move, 'memory', again);
    expect(await meter.read(move)).toEqual({ disk: null, memory: 45 });
  });

  it('keeps its figures when the kernel does not answer, and forgets an ended move', async () => {
    const meter = meterOf([[{ localPort: 7, peer: disk, bytes: 30 }]]);
    meter.watch(move, 'disk', disk);
    await meter.read(move);
    expect(await meter.read(move)).toEqual({ disk: 30, memory: null });
    meter.forget(move);
    expect(meter.last(move)).toEqual({ disk: null, memory: null });
  });
});
