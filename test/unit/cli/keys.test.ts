import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCli } from '../../../cli/run.js';
import { EXAMPLE_CLOUD } from '../../../cli/example-config.js';
import { loadConfig } from '../../../cli/config-file.js';
import { ClientConfig } from '../../../guest-proxy/protocol/client-config.js';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'vms-keys-'));
  await writeFile(join(dir, 'vmshadow.yaml'), EXAMPLE_CLOUD);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function keys(...argv: string[]) {
  const out: string[] = [];
  const notes: string[] = [];
  const exit = await runCli(['keys', ...argv, '--dir', join(dir, 'keys'), '--json'], {
    out: (text) => out.push(text),
    note: (text) => notes.push(text),
    interactive: false,
    ask: null,
    env: {},
  });
  return { exit, data: JSON.parse(out.join('\n')) as Record<string, unknown>, notes: notes.join('\n') };
}

const enroll = (...more: string[]) =>
  keys(
    'enroll',
    'd1',
    '--external',
    '198.51.100.9',
    '--config',
    join(dir, 'vmshadow.yaml'),
    '--out',
    join(dir, 'client.yaml'),
    ...more,
  );

describe('vmshadow keys', () => {
  it('shows and issues nothing without an authority', async () => {
    expect((await keys('show')).exit).toBe(69);
    expect((await keys('issue', 'us-west/h1', '--address', '192.0.2.11')).exit).toBe(69);
  });

  it('refuses to enroll a client while a host has no identity, naming it', async () => {
    expect((await keys('init')).exit).toBe(0);
    const west = await keys('issue', 'us-west/h1', '--address', '192.0.2.11');
    expect(west.exit).toBe(0);
    const { exit, notes } = await enroll();
    expect(exit).toBe(69);
    expect(notes).toContain('no identity of us-central/h1');
  });

  it('keeps the identity of a host when its certificate is renewed', async () => {
    const first = await keys('issue', 'us-central/h1', '--address', '198.51.100.11');
    const again = await keys('issue', 'us-central/h1', '--address', '198.51.100.11', '198.51.100.12');
    expect(again.data['publicKey']).toBe(first.data['publicKey']);
    const { data } = await keys('show');
    expect(data['hosts']).toEqual([
      expect.objectContaining({
        name: 'us-central/h1',
        addresses: '198.51.100.11 198.51.100.12',
        publicKey: first.data['publicKey'],
      }),
      expect.objectContaining({ name: 'us-west/h1', addresses: '192.0.2.11' }),
    ]);
  });

  it('shows where a crash left a key beside the certificate of before, until it is renewed', async () => {
    const file = join(dir, 'keys/hosts/us-west/h1/client-cert.pem');
    const torn = async () =>
      ((await keys('show')).data['hosts'] as { tornPairs: string[] }[]).map((h) => h.tornPairs);
    const old = await readFile(file);
    await keys('renew', 'us-west/h1');
    expect(await torn()).toEqual([[], []]);
    await writeFile(file, old);
    expect(await torn()).toEqual([[], ['client']]);
    await keys('renew', 'us-west/h1');
    expect(await torn()).toEqual([[], []]);
  });

  it('renews a host for the addresses that it has, and says the days left', async () => {
    const before = await readFile(join(dir, 'keys/hosts/us-central/h1/server-cert.pem'), 'utf8');
    expect((await keys('renew', 'us-central/h1')).exit).toBe(0);
    expect(await readFile(join(dir, 'keys/hosts/us-central/h1/server-cert.pem'), 'utf8')).not.toBe(before);
    const { data } = await keys('list');
    expect(data['authority']).toMatchObject({ daysLeft: 3_649 });
    expect((data['hosts'] as unknown[])[0]).toMatchObject({
      addresses: '198.51.100.11 198.51.100.12',
      daysLeft: 364,
    });
    expect((await keys('renew', 'us-central/h9')).exit).toBe(69);
  });

  it('revokes a host or a client, in files for every host, and nothing that is no key', async () => {
    const key = `${'A'.repeat(43)}=`;
    const folders = ['us-central', 'us-west'].map((site) => join(dir, 'keys/hosts', site, 'h1'));
    const { exit, data } = await keys('revoke', '--client', key);
    expect(exit).toBe(0);
    expect((data['files'] as string[]).toSorted()).toEqual(folders.map((f) => join(f, 'cloud-keys.json')));
    const list = JSON.parse(await readFile(join(folders[0]!, 'cloud-keys.json'), 'utf8')) as {
      keys: unknown[];
    };
    expect(list.keys).toContainEqual(expect.objectContaining({ kind: 'client', key, revoked: true }));
    expect(list.keys.filter((k) => (k as { kind: string }).kind === 'host')).toHaveLength(2);
    for (const wrong of [[], ['--client', 'x'], ['us-west/h1', '--client', key]])
      expect((await keys('revoke', ...wrong)).exit).toBe(64);
    expect((await keys('revoke', 'us-west/h9')).exit).toBe(69);
  });

  it('shows which hosts are revoked, by certificate or by key, and that a new certificate alone brings none back', async () => {
    const states = async () =>
      Object.fromEntries(
        ((await keys('show')).data['hosts'] as { name: string; revoked: boolean }[]).map((h) => [
          h.name,
          h.revoked,
        ]),
      );
    await keys('issue', 'us-east/h1', '--address', '192.0.2.31');
    expect(await states()).toEqual({ 'us-central/h1': false, 'us-east/h1': false, 'us-west/h1': false });
    await keys('revoke', 'us-east/h1');
    expect(await states()).toEqual({ 'us-central/h1': false, 'us-east/h1': true, 'us-west/h1': false });
    const table: string[] = [];
    await runCli(['keys', 'show', '--dir', join(dir, 'keys')], {
      out: (text) => table.push(text),
      note: () => undefined,
      interactive: false,
      ask: null,
      env: {},
    });
    expect(table.join()).toMatch(/us-central\/h1 +valid/);
    expect(table.join()).toMatch(/us-east\/h1 +REVOKED/);
    await keys('renew', 'us-east/h1');
    expect((await states())['us-east/h1']).toBe(true);
    await keys('issue', 'us-east/h1', '--address', '192.0.2.31');
    expect((await states())['us-east/h1']).toBe(false);
    await rm(join(dir, 'keys/hosts/us-east'), { recursive: true });
  });

  it.each([
    ['cloud-keys.json', 74],
    ['ca-crl.pem', 78],
  ])('says that %s is truncated, and renews nothing until it is mended', async (name, code) => {
    const list = join(dir, 'keys', name);
    const certificate = join(dir, 'keys/hosts/us-west/h1/server-cert.pem');
    const [whole, before] = [await readFile(list, 'utf8'), await readFile(certificate, 'utf8')];
    await writeFile(list, whole.slice(0, whole.length / 2));
    try {
      for (const argv of [['show'], ['renew', 'us-west/h1']]) {
        const { exit, notes, data } = await keys(...argv);
        expect(exit).toBe(code);
        expect(JSON.stringify(data) + notes).toContain(list);
      }
      expect(await readFile(certificate, 'utf8')).toBe(before);
    } finally {
      await writeFile(list, whole);
    }
    expect((await keys('show')).exit).toBe(0);
  });

  it("makes a client's file that its proxy takes: private, with all hosts' keys and probes", async () => {
    const { exit, data } = await enroll();
    expect(exit).toBe(0);
    const file = join(dir, 'client.yaml');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const config = await loadConfig(file, ClientConfig, 'it');
    expect(config).toMatchObject({ desktop: 'd1', external: '198.51.100.9' });
    expect(config.identity.publicKey).toBe(data['publicKey']);
    const shown = (await keys('show')).data['hosts'] as { publicKey: string }[];
    expect([...config.hosts].sort()).toEqual(shown.map((h) => h.publicKey).sort());
    expect(config.probes.map((p) => p.site)).toEqual(['us-west', 'us-central']);
  });

  it("never overwrites a client's key", async () => {
    const before = await readFile(join(dir, 'client.yaml'), 'utf8');
    const { exit, notes } = await enroll();
    expect(exit).toBe(1);
    expect(notes).toContain('exists already');
    expect(await readFile(join(dir, 'client.yaml'), 'utf8')).toBe(before);
  });

  it('refuses names that are no SITE/HOST and addresses that are none', async () => {
    const { exit, notes } = await keys('issue', 'us-west', '--address', '300.1.1.1');
    expect(exit).toBe(64);
    expect(notes).toContain('expected SITE/HOST');
    expect(notes).toContain('expected an IPv4 address');
  });
});
