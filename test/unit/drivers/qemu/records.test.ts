import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DesktopId } from '../../../../domain/model/ids.js';
import { Layout, moveName } from '../../../../drivers/qemu/process/layout.js';
import { qemuRecords } from '../../../../drivers/qemu/process/records.js';
import { fakeDesktop } from '../../../../lab/fakes/fake-host.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vms-qemu-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("the QEMU driver's records", () => {
  it('are found under the names that releases before gave them', async () => {
    const desktop = DesktopId.parse('d1');
    const move = { desktop, moveId: 'd1-0123456789ab' };
    const definition = fakeDesktop('d1');
    // SHA-256 of the move id, its first 12 digits.
    const name = 'd1.291b03593e2c';
    const resident = { definition, tap: 'vms-d1', copy: 'home', wanted: 'running', viewSha256: null };
    const incoming = { ...move, definition, tap: null, diskPort: 1, memoryPort: 2, phase: 'prepared' };
    const retired = { ...move, definition, copy: 'home' };
    const files = {
      desktops: ['d1', resident],
      incoming: [name, incoming],
      retired: [name, retired],
    } as const;
    for (const [kind, [id, record]] of Object.entries(files)) {
      await mkdir(join(folder, kind));
      await writeFile(join(folder, kind, `${id}.json`), `${JSON.stringify(record, null, 2)}\n`);
    }
    const records = qemuRecords(new Layout(folder, '/run/vmshadow'));
    expect(await records.desktops.get(desktop)).toEqual(resident);
    expect(await records.incoming.list('d1.')).toEqual([{ ...incoming, relay: null }]);
    expect(await records.incoming.get(moveName(move))).toEqual({ ...incoming, relay: null });
    expect(await records.retired.get(moveName(move))).toEqual(retired);
  });
});
