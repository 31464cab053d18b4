import { readFileSync } from 'node:fs';
import { parseConfig } from '../../../../cli/config-file.js';
import { DesktopDefinition } from '../../../../domain/model/desktop.js';
import { DesktopDocument, documentOf, wantedOf } from '../../../../domain/model/desktop-document.js';

const parse = (text: string) => parseConfig(text, DesktopDocument, 'd1.yaml');
const network = { address: '10.77.0.2', gateway: '10.77.0.1', mac: '52:54:00:00:00:01' };

describe('the document of a desktop', () => {
  it('lists every problem at once, and refuses what it does not know', async () => {
    const text = `
memoryMiB: 128
firmware: uefi
cpus: 2
machine: "no such machine"
disks:
  - { sizeMiB: 0, bus: ide }
  - { size: 20 }
`;
    const error: unknown = await parse(text).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    const { message } = error as Error;
    for (const said of [
      'machine:',
      'disks.0.sizeMiB:',
      'disks.0.bus:',
      'disks.1.sizeMiB:',
      '"size"',
      '"cpus"',
    ])
      expect(message).toContain(said);
    await expect(parse('memoryMiB: 128\nfirmware: uefi\ndisks: [{ sizeMiB: 1 }]\n')).rejects.toThrow(
      /memoryMiB: expected at least 256 with firmware uefi/,
    );
    await expect(parse('memoryMiB: 64\n')).rejects.toThrow(/disks:/);
    const disks = 'disks: [{ sizeMiB: 1 }]\n';
    await expect(parse(`memoryMiB: 128\nsecureBoot: true\n${disks}`)).rejects.toThrow(
      /firmware: expected uefi with secureBoot[^]*machine: expected a q35 one/,
    );
    const secure = 'memoryMiB: 256\nsecureBoot: true\nfirmware: uefi\n';
    await expect(parse(`${secure}machine: pc-i440fx-10.0\n${disks}`)).rejects.toThrow(
      /machine: expected a q35/,
    );
    expect(await parse(`${secure}machine: pc-q35-10.0\n${disks}`)).toMatchObject({ secureBoot: true });
  });

  it('of one virtio disk makes what the options make', async () => {
    const simple = await parse('id: d1\nmemoryMiB: 64\ndisks: [{ sizeMiB: 20, image: a.raw }]\n');
    expect(wantedOf(simple)).toEqual({
      vcpus: 1,
      memoryMiB: 64,
      diskMiB: 20,
      image: 'a.raw',
      remoteDesktopPort: 5901,
    });
  });

  it('is what its definition is shown as', async () => {
    const document = await parse(
      'id: d1\nmemoryMiB: 512\nnic: e1000e\nboot: { kind: kernel, kernel: k, append: "a b" }\ndisks: [{ sizeMiB: 20, bus: scsi }, { sizeMiB: 1 }]\n',
    );
    const definition = DesktopDefinition.parse({ ...wantedOf(document), id: 'd1', network });
    expect(documentOf(definition)).toEqual({ ...document, machine: 'pc-i440fx-10.0' });
    const simple = DesktopDefinition.parse({ id: 'd1', memoryMiB: 64, diskMiB: 20, network });
    expect(documentOf(simple).disks).toEqual([{ sizeMiB: 20, bus: 'virtio' }]);
  });

  it('is as docs/desktops.md shows it', async () => {
    const page = readFileSync(new URL('../../../../docs/desktops.md', import.meta.url), 'utf8');
    const blocks = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map((m) => m[1] ?? '');
    expect(blocks.length).toBeGreaterThan(1);
    for (const block of blocks) await parse(block);
  });
});
