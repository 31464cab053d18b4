import { writeMbps } from '../../../../drivers/qemu/process/dirty-rates.js';
import { parseDirtyRate, parseWrittenBytes } from '../../../../drivers/qemu/qmp/qmp-replies.js';

describe('parseDirtyRate', () => {
  // Replies of QEMU 10.0.2.
  const rest = { 'sample-pages': 4096, mode: 'page-sampling', 'calc-time-unit': 'second', 'calc-time': 1 };
  it.each([
    ['unstarted', { ...rest, status: 'unstarted', 'start-time': 0 }, null],
    ['measuring', { ...rest, status: 'measuring', 'start-time': 1_795_681_662 }, null],
    ['measured', { ...rest, status: 'measured', 'dirty-rate': 16, 'start-time': 1_795_681_662 }, 16],
    ['measured', { ...rest, status: 'measured', 'dirty-rate': 0, 'start-time': 1_795_681_662 }, 0],
  ])('gives a result only of a sample that is %s', (status, reply, mibPerSecond) => {
    expect(parseDirtyRate(reply)).toEqual({ status, mibPerSecond });
  });

  it('refuses a reply of another shape', () => {
    expect(() => parseDirtyRate({ status: 'measured', 'dirty-rate': '16' })).toThrow(/dirty-rate/);
  });
});

describe('parseWrittenBytes', () => {
  const stats = (wr_bytes: number) => ({ stats: { wr_bytes, wr_operations: 3 } });
  const guest = { device: '', qdev: '/machine/peripheral/vd0/virtio-backend', ...stats(42_369_024) };

  it('gives the counter of the guest’s device, whatever node its writes go through', () => {
    for (const node of ['disk0', '#block331'])
      expect(parseWrittenBytes([{ ...guest, 'node-name': node }], ['vd0'])).toBe(42_369_024);
  });

  it('takes no other device or node for it', () => {
    const others = [
      { device: 'replica', 'node-name': 'disk0', ...stats(1) },
      { device: '', qdev: '/machine/peripheral/vd01/virtio-backend', ...stats(2) },
    ];
    expect(parseWrittenBytes([...others, guest], ['vd0'])).toBe(42_369_024);
    expect(parseWrittenBytes(others, ['vd0'])).toBeNull();
  });
});

describe('writeMbps', () => {
  const at = (atMs: number, bytes: number) => ({ atMs, bytes });
  it.each([
    ['megabits a second', at(1_000, 500_000), at(3_000, 3_000_000), 10],
    ['0 for a guest that wrote nothing', at(1_000, 500_000), at(3_000, 500_000), 0],
    ['nothing when the counter fell: QEMU has been started anew', at(1_000, 500_000), at(3_000, 4_096), null],
    ['nothing when the clock was set back', at(3_000, 0), at(1_000, 500_000), null],
  ])('gives %s', (_, before, now, mbps) => {
    expect(writeMbps(before, now)).toBe(mbps);
  });
});
