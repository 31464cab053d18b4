import { changesOf, editedDefinition } from '../../../../domain/model/desktop-edit.js';
import { DesktopDefinition } from '../../../../domain/model/desktop.js';
import { DesktopDocument, documentOf } from '../../../../domain/model/desktop-document.js';

const network = { address: '10.77.0.2', gateway: '10.77.0.1', mac: '52:54:0a:4d:00:02' };
const simple = DesktopDefinition.parse({ id: 'd1', memoryMiB: 512, diskMiB: 64, network });
const rich = DesktopDefinition.parse({
  id: 'd1',
  memoryMiB: 512,
  diskMiB: 192,
  disks: [{ sizeMiB: 64, bus: 'sata', image: 'a.qcow2' }, { sizeMiB: 128 }],
  firmware: 'uefi',
  machine: 'pc-q35-9.2',
  cdrom: 'drivers.iso',
  tpm: true,
  network,
});
const doc = (fields: object) => DesktopDocument.parse(fields);

describe('editing a desktop', () => {
  it.each([simple, rich])('changes nothing by the document that it has itself', (current) => {
    const edited = editedDefinition(current, documentOf(current));
    expect(edited).toEqual(current);
    expect(changesOf(current, edited)).toEqual([]);
  });

  it('takes what the machine is, and says each change', () => {
    const edited = editedDefinition(
      simple,
      doc({
        vcpus: 4,
        memoryMiB: 1024,
        disks: [{ sizeMiB: 64, bus: 'sata', image: 'what-it-was-made-from.qcow2' }],
        nic: 'e1000e',
        remoteDesktopPort: 3389,
        boot: { kind: 'kernel', kernel: 'k', append: 'ip={address} gw={gateway}' },
      }),
    );
    expect(edited).toMatchObject({ id: 'd1', diskMiB: 64, network, disks: [{ sizeMiB: 64, bus: 'sata' }] });
    expect(changesOf(simple, edited)).toEqual([
      'vcpus: 1 -> 4',
      'memoryMiB: 512 -> 1024',
      expect.stringMatching(/^disks: .*virtio.* -> .*sata/),
      expect.stringMatching(/^boot: \(none\) -> .*ip=10\.77\.0\.2 gw=10\.77\.0\.1/),
      'remoteDesktopPort: 5901 -> 3389',
      'nic: (none) -> e1000e',
    ]);
  });

  it('drops what a document no longer names, and keeps the machine that it does not name', () => {
    const disks = [{ sizeMiB: 64, bus: 'sata' }, { sizeMiB: 128 }];
    const edited = editedDefinition(rich, doc({ memoryMiB: 512, disks, firmware: 'uefi', tpm: true }));
    expect(changesOf(rich, edited)).toEqual(['cdrom: drivers.iso -> (none)']);
    expect(edited).toMatchObject({ machine: 'pc-q35-9.2', disks: [{ image: 'a.qcow2' }, {}] });
  });

  it('names everything that cannot change', () => {
    const wanted = doc({ id: 'd2', memoryMiB: 512, disks: [{ sizeMiB: 65 }] });
    expect(() => editedDefinition(rich, wanted)).toThrow(
      /d1: 4 problems[^]*id: d2[^]*firmware: is uefi[^]*tpm: is true[^]*disks: they are of 64, 128 MiB[^]*65 MiB/,
    );
  });
});
