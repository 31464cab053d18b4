import { parseFlowList, renderFlowList, renderUnlisted } from '../../../../guest-proxy/rules/flow-list.js';

const element = (...concat: unknown[]) => ({ elem: { val: { concat }, timeout: 60, expires: 5 } });
const listing = (...elem: unknown[]) =>
  JSON.stringify({ nftables: [{ metainfo: { version: '1.0.6' } }, { set: { name: 'open', elem } }] });

it('reads the flows of one desktop, and leaves out what it cannot read', () => {
  const json = listing(
    element('10.77.0.2', 'tcp', 40_000, '203.0.113.80', 443),
    element('10.77.0.6', 'tcp', 40_000, '203.0.113.80', 443),
    element('10.77.0.2', 'udp', 40_001, '203.0.113.81', 53),
    element('10.77.0.2', 'icmp', 0, '203.0.113.81', 0),
    'rubbish',
  );
  expect(parseFlowList(json, '10.77.0.2')).toEqual([
    { protocol: 'tcp', port: 40_000, peer: { address: '203.0.113.80', port: 443 } },
    { protocol: 'udp', port: 40_001, peer: { address: '203.0.113.81', port: 53 } },
  ]);
  expect(parseFlowList(JSON.stringify({ nftables: [{ set: { name: 'open' } }] }), '10.77.0.2')).toEqual([]);
});

it('takes flows off the list, whether or not they have expired meanwhile', () => {
  const flow = { protocol: 'tcp', port: 40_000, peer: { address: '203.0.113.80', port: 443 } } as const;
  const element = 'element ip vmshadow_flows open { 10.77.0.2 . tcp . 40000 . 203.0.113.80 . 443 }';
  expect(renderUnlisted('10.77.0.2', [flow])).toBe(`add ${element}\ndelete ${element}\n`);
  expect(renderUnlisted('10.77.0.2', [])).toBe('');
});

it('never empties the list nor removes a chain when it is put in place again', () => {
  expect(renderFlowList()).not.toMatch(/flush (set|table)|delete (table|chain|set)/);
});
