import { clientFindings, type ClientLook } from '../../../../domain/machine/client-findings.js';
import { managerFindings, type ManagerLook } from '../../../../domain/machine/manager-findings.js';
import type { Finding } from '../../../../domain/machine/finding.js';
import { CloudConfig } from '../../../../domain/model/cloud.js';
import { FACTS } from './facts.js';

const wrong = (findings: readonly Finding[]) =>
  findings.filter((f) => f.level === 'problem' || f.level === 'warning').map((f) => [f.level, f.about]);

const CLIENT: ClientLook = {
  facts: FACTS,
  file: 'client.yaml',
  readByOthers: false,
  nftWorks: true,
  sites: [
    { site: 'us-west', rttMs: 60 },
    { site: 'us-east', rttMs: 10 },
  ],
  external: '198.51.100.10',
};
const CONTROL = { temporalProblem: null, loopProblem: null, silent: [] };
const host = (id: string, address: string) => ({
  id,
  peer: { address, port: 7947 },
  probe: { address, port: 7948 },
});
const cloudOf = (...hosts: object[]) =>
  CloudConfig.parse({ sites: [{ id: 'us-west', kind: 'regional', hosts }] });
const MANAGER: ManagerLook = {
  facts: FACTS,
  cloud: cloudOf(host('h1', '192.0.2.11'), host('h2', '192.0.2.12')),
  geoProblem: null,
  control: CONTROL,
};

describe('a thin client', () => {
  it.each<[string, Partial<ClientLook>, string[][]]>([
    ['all is well', {}, []],
    ['somebody else than root asks', { facts: { ...FACTS, root: false } }, [['problem', 'root']]],
    [
      'nft is missing',
      { facts: { ...FACTS, tools: ['setpriv'] }, nftWorks: null },
      [['problem', 'package:nftables']],
    ],
    ['the kernel has no nftables', { nftWorks: false }, [['problem', 'nft']]],
    ['others may read its key', { readByOthers: true }, [['problem', 'file']]],
    ["it is the desktop's host", { external: '192.0.2.11' }, [['problem', 'address']]],
    [
      'one site is silent',
      { sites: [CLIENT.sites[0]!, { site: 'us-east', rttMs: null }] },
      [['warning', 'sites']],
    ],
    [
      'all sites are silent',
      { sites: CLIENT.sites.map((s) => ({ ...s, rttMs: null })) },
      [['problem', 'sites']],
    ],
    ['its file names no sites', { sites: [] }, []],
  ])('is judged where %s', (_, look, expected) =>
    expect(wrong(clientFindings({ ...CLIENT, ...look }))).toEqual(expected),
  );
});

describe('a manager', () => {
  it.each<[string, Partial<ManagerLook>, string[][]]>([
    ['all is well', {}, []],
    [
      'Temporal is away',
      { control: { ...CONTROL, temporalProblem: 'no server' } },
      [['problem', 'temporal']],
    ],
    ['no manager runs', { control: { ...CONTROL, loopProblem: 'no answer' } }, [['problem', 'loop']]],
    [
      'a host is silent',
      { control: { ...CONTROL, silent: [{ host: 'us-west/h2', problem: 'gone' }] } },
      [['problem', 'host']],
    ],
    ['its map cannot be read', { geoProblem: 'ENOENT' }, [['problem', 'geo-database']]],
    [
      'two hosts are one machine',
      { cloud: cloudOf(host('h1', '192.0.2.11'), host('h2', '192.0.2.11')) },
      [
        ['problem', 'cloud'],
        ['problem', 'cloud'],
      ],
    ],
  ])('is judged where %s', (_, look, expected) =>
    expect(wrong(managerFindings({ ...MANAGER, ...look }))).toEqual(expected),
  );
});
