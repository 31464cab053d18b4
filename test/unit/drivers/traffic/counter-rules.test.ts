import {
  renderRemoval,
  renderSamplingTable,
  renderWatch,
} from '../../../../drivers/traffic/counter-rules.js';
import { addCounters, countersSince, parseCounters } from '../../../../drivers/traffic/flow-counters.js';

const desktop = { internalAddress: '10.77.0.2', tap: 'vms-d1' };

/** As nft 1.0.6 prints it. */
const listing = (out: number, back: number) =>
  JSON.stringify({
    nftables: [
      { metainfo: { version: '1.0.6' } },
      { table: { family: 'inet', name: 'vmshadow_sampling', handle: 1 } },
      {
        set: {
          name: 'sent',
          elem: [
            {
              elem: {
                val: { concat: ['10.77.0.2', 'tcp', 5901, '198.51.100.2', 40_000] },
                expires: 299,
                counter: { packets: out / 100, bytes: out },
              },
            },
            { elem: { val: { concat: ['10.77.0.2', 'icmp'] } } },
          ],
        },
      },
      {
        set: {
          name: 'received',
          elem: [
            {
              elem: {
                val: { concat: ['10.77.0.2', 'tcp', 5901, '198.51.100.2', 40_000] },
                counter: { packets: back / 100, bytes: back },
              },
            },
          ],
        },
      },
      { set: { name: 'leaving', elem: [{ concat: ['10.77.0.2', 'vms-d1'] }] } },
    ],
  });

describe('the sampling table', () => {
  const text = renderSamplingTable({ name: 'vmshadow_sampling', watched: [desktop] });

  it('hooks forwarding and never decides over a packet', () => {
    expect(text).toContain('type filter hook forward priority 0 ; policy accept ;');
    expect(text).not.toMatch(/\b(drop|reject|queue|jump|goto)\b/);
  });

  it('keeps counters when it is put in place again, and only replaces rules and desktops', () => {
    expect(text).not.toMatch(/flush set \S+ \S+ (sent|received)/);
    expect(text).not.toContain('delete');
    expect(text).toContain('flush chain inet vmshadow_sampling forward');
  });

  it('names a desktop by address and tap in both directions', () => {
    expect(renderWatch('t', 'add', desktop)).toBe(
      'add element inet t leaving { 10.77.0.2 . "vms-d1" }\nadd element inet t arriving { 10.77.0.2 . "vms-d1" }\n',
    );
  });

  it('is removed whether it is there or not', () => {
    expect(renderRemoval('t')).toBe('add table inet t\ndelete table inet t\n');
  });
});

describe('flow counters', () => {
  it('join both directions of a flow and pass over what is none', () => {
    expect([...parseCounters(listing(5000, 300)).values()]).toEqual([
      {
        address: '10.77.0.2',
        protocol: 'tcp',
        desktopPort: 5901,
        peerAddress: '198.51.100.2',
        peerPort: 40_000,
        bytesOut: 5000,
        packetsOut: 50,
        bytesIn: 300,
        packetsIn: 3,
      },
    ]);
  });

  it('give what came since the last read, and all of a flow that was forgotten in between', () => {
    const [first, second, fresh] = [listing(5000, 300), listing(7000, 300), listing(1000, 300)].map(
      parseCounters,
    );
    expect(countersSince(first!, second!)).toMatchObject([{ bytesOut: 2000, packetsOut: 20, bytesIn: 0 }]);
    expect(countersSince(second!, second!)).toEqual([]);
    expect(countersSince(second!, fresh!)).toMatchObject([{ bytesOut: 1000, packetsOut: 10 }]);
  });

  it('add up between two reports', () => {
    const now = parseCounters(listing(5000, 300));
    const sum: Parameters<typeof addCounters>[0] = new Map();
    addCounters(sum, [...now.values()]);
    addCounters(sum, [...now.values()]);
    expect([...sum.values()]).toMatchObject([{ bytesOut: 10_000, packetsIn: 6 }]);
  });

  it.each(['{}', '{"nftables": 5}'])('refuse the output %s', (text) => {
    expect(() => parseCounters(text)).toThrow('the output of nft');
  });
});
