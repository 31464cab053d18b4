import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DesktopDefinition } from '../../../../domain/model/desktop.js';
import { createDesktop } from '../../../../drivers/qemu/process/desktops.js';
import { HOME_COPY } from '../../../../drivers/qemu/process/layout.js';
import { QemuHost } from '../../../../drivers/qemu/process/qemu-host.js';
import { DesktopRecord } from '../../../../drivers/qemu/process/records.js';
import { NODE_FILES } from '../../../../os/file-operations.js';
import { RecordStore } from '../../../../os/record-store.js';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vms-create-'));
});
afterEach(() => rm(dir, { recursive: true }));

const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

it.each(['EMFILE', 'EIO'])(
  'keeps the disk of a new desktop whose record may stand: %s as soon as it was renamed',
  async (code) => {
    const host = new QemuHost(
      {
        stateDir: join(dir, 'state'),
        runDir: join(dir, 'run'),
        imageDir: dir,
        pki: { dir },
        incoming: { address: '127.0.0.1', ports: { first: 5_000, last: 5_010 } },
      },
      { info: () => undefined, warn: () => undefined },
      Date.now,
    );
    let broken = false;
    const unlessBroken = <T>(then: () => Promise<T>) =>
      broken ? Promise.reject(Object.assign(new Error(code), { code })) : then();
    const files = {
      ...NODE_FILES,
      rename: async (from: string, to: string) => {
        await NODE_FILES.rename(from, to);
        broken = true;
      },
      sync: (path: string) => unlessBroken(() => NODE_FILES.sync(path)),
      readText: (path: string) => unlessBroken(() => NODE_FILES.readText(path)),
    };
    const desktops = new RecordStore(host.layout.desktopsFolder, DesktopRecord, 'desktop', { files });
    Object.defineProperty(host, 'records', { value: { ...host.records, desktops } });
    const definition = DesktopDefinition.parse({
      id: 'office',
      name: 'office',
      vcpus: 1,
      memoryMiB: 64,
      diskMiB: 8,
      machine: 'pc-q35-10.0',
      boot: { kind: 'disk' },
      remoteDesktopPort: 5_900,
      network: { address: '10.77.0.2', gateway: '10.77.0.1', prefix: 30, mac: '52:54:00:00:00:01' },
    });
    const make = () =>
      createDesktop(host, definition, 'tap0', null, { onProgress: () => undefined, signal: null });
    await expect(make()).rejects.toMatchObject({ code: 'RECORD_UNREADABLE' });
    broken = false;
    expect(await host.records.desktops.get(definition.id)).not.toBeNull();
    await make();
    expect(await isThere(host.layout.copy(definition.id, HOME_COPY).disk)).toBe(true);
  },
);
