import { DesktopId } from '../../../../domain/model/ids.js';
import { Layout, copyKeyOf } from '../../../../drivers/qemu/process/layout.js';

const desktop = DesktopId.parse('d'.repeat(32));

describe('the layout of the driver’s files', () => {
  it('keeps every socket path within what the kernel takes', () => {
    const layout = new Layout('/var/lib/vmshadow', `/run/${'r'.repeat(51)}`);
    const move = { desktop, moveId: 'm' };
    const { monitor } = layout.copy(desktop, copyKeyOf(move));
    for (const path of [
      monitor,
      layout.replicaServer(move).monitor,
      layout.view(desktop, copyKeyOf(move)).socket,
    ])
      expect(Buffer.byteLength(path)).toBeLessThan(108);
  });

  it('refuses a run folder that is too long before anything is started', () => {
    expect(() => new Layout('/state', `/run/${'r'.repeat(60)}`)).toThrow(/too long.*\/run\/vmshadow/s);
  });

  it('refuses a move id that could leave the folder', () => {
    for (const moveId of ['../x', 'a/b', '', '.', 'x'.repeat(65)])
      expect(() => copyKeyOf({ desktop, moveId })).toThrow(/move id must be/);
  });

  it('gives two moves of a desktop different files', () => {
    const layout = new Layout('/state', '/run');
    const [one, two] = ['m1', 'm2'].map((moveId) => layout.copy(desktop, copyKeyOf({ desktop, moveId })));
    expect(Object.values(one!).filter((path) => Object.values(two!).includes(path))).toEqual([]);
  });
});
