import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig, parseConfig } from '../../../cli/config-file.js';
import { EXAMPLE_CLOUD, EXAMPLE_DOM0 } from '../../../cli/example-config.js';
import { CloudConfig } from '../../../domain/model/cloud.js';
import { Dom0Config } from '../../../domain/model/dom0.js';
import { Policy } from '../../../domain/model/policy.js';

const parse = (text: string) => parseConfig(text, CloudConfig, 'vmshadow.yaml');

describe('a configuration file', () => {
  it('lists every problem at once with its place', async () => {
    const text = `
sites:
  - id: us west
    kind: local
    hosts: []
limits: { moveMbps: -1 }
`;
    const error: unknown = await parse(text).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'CONFIG_INVALID' });
    const { message } = error as Error;
    expect(message).toContain('vmshadow.yaml: 4 problems');
    for (const place of ['sites.0.id', 'sites.0.kind', 'sites.0.hosts', 'limits.moveMbps'])
      expect(message).toContain(`  - ${place}:`);
  });

  it('that is no YAML is refused with the line', async () => {
    await expect(parse('sites: [1,\npool: "x')).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/not valid YAML\n {2}- .*line \d/) as string,
    });
  });

  it('may not name a key twice', async () => {
    await expect(parse('pool: a\npool: b\n')).rejects.toThrow(/not valid YAML[\s\S]*unique/);
  });

  it.each([
    ['', 'an empty file'],
    ['- a\n', 'a list'],
    ['text', 'string'],
  ])('that holds %j is refused as %s', async (text, what) => {
    await expect(parse(text)).rejects.toThrow(what);
  });

  it('that is missing or cannot be read says how to give it', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'vms-config-'));
    try {
      const missing = loadConfig(join(dir, 'no.yaml'), CloudConfig, "the cloud's configuration");
      await expect(missing).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining('no such file. Give the cloud') as string,
      });
      await expect(loadConfig(dir, CloudConfig, 'it')).rejects.toThrow(/cannot read it/);
      await writeFile(join(dir, 'a.yaml'), EXAMPLE_CLOUD);
      await expect(loadConfig(join(dir, 'a.yaml'), CloudConfig, 'it')).resolves.toMatchObject({
        pool: 'main',
      });
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});

describe('the example of `vmshadow dev --example`', () => {
  it('is valid, and the policy it shows is the default one', async () => {
    const cloud = await parse(EXAMPLE_CLOUD);
    expect(cloud.sites.map((s) => s.id)).toEqual(['us-west', 'us-central']);
    expect(cloud.policy).toEqual(Policy.parse({}));
    expect(cloud.limits).toEqual(CloudConfig.parse({ sites: cloud.sites }).limits);
  });
});

describe('the example of `vmshadow dom0 --example`', () => {
  it('is valid and has every setting, those that may be left out with their defaults', async () => {
    const host = await parseConfig(EXAMPLE_DOM0, Dom0Config, 'dom0.yaml');
    expect(Object.keys(host).toSorted()).toEqual(Object.keys(Dom0Config.shape).toSorted());
    for (const key of Object.keys(Dom0Config.shape))
      expect(EXAMPLE_DOM0).toMatch(new RegExp(`^${key}:`, 'm'));
    const needed = EXAMPLE_DOM0.slice(0, EXAMPLE_DOM0.indexOf('# All that follows may be left out'));
    expect(await parseConfig(needed, Dom0Config, 'dom0.yaml')).toEqual(host);
  });

  it('is as docs/operations.md shows it', async () => {
    const page = await readFile(new URL('../../../docs/operations.md', import.meta.url), 'utf8');
    expect(page).toContain(`\`\`\`yaml\n${EXAMPLE_DOM0}\`\`\`\n`);
  });

  it('is of the first host of the example cloud', async () => {
    const host = await parseConfig(EXAMPLE_DOM0, Dom0Config, 'dom0.yaml');
    const [site] = (await parse(EXAMPLE_CLOUD)).sites;
    const { peer, probe } = host;
    expect([site!.id, site!.hosts[0]]).toEqual([
      host.site,
      expect.objectContaining({ id: host.host, peer, probe }),
    ]);
  });
});
