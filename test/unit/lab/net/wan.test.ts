import { planWorld, bothWays } from '../../../../lab/net/plan.js';
import {
  classCommands,
  coreClasses,
  linkOf,
  pairsOf,
  queueBytes,
  renderCoreRules,
  renderQueueRules,
} from '../../../../lab/net/wan.js';

const { spec, plan } = planWorld({
  prefix: 'labunit',
  sites: [{ id: 'west' }, { id: 'east', hosts: ['h1', 'h2'] }],
  users: [{ id: 'alice' }],
  links: [...bothWays('west', 'alice', 100, 60), { from: 'west', to: 'east', delayMs: 35, rateMbps: null }],
});
const pairs = pairsOf(plan);

describe('the WAN of a lab world', () => {
  it('has one numbered pair for each direction between different ends, and none within a site', () => {
    expect(pairs.map((p) => `${String(p.number)} ${p.from} ${p.to}`)).toEqual([
      '1 west east',
      '2 west alice',
      '3 east west',
      '4 east alice',
      '5 alice west',
      '6 alice east',
    ]);
    expect(pairs[0]).toMatchObject({ fromDevices: ['c0'], toDevices: ['c1', 'c2'] });
  });

  it('takes the last link named for a direction, and no delay where none is named', () => {
    const later = { links: [...spec.links, { from: 'west', to: 'alice', delayMs: 5, rateMbps: 10 }] };
    expect(linkOf(later, 'west', 'alice')).toMatchObject({ delayMs: 5, rateMbps: 10 });
    expect(linkOf(spec, 'alice', 'west')).toMatchObject({ delayMs: 50, rateMbps: 60 });
    expect(linkOf(spec, 'east', 'west')).toMatchObject({ delayMs: 0, rateMbps: null });
  });

  it('cuts before it counts, and counts before it queues', () => {
    const rules = renderCoreRules(pairs);
    expect(rules.indexOf('@cut drop')).toBeLessThan(rules.indexOf('counter name "pair1"'));
    expect(rules).toContain('hook forward priority -10');
    expect(rules).toContain(
      'iifname { "c0" } oifname { "c1", "c2" } counter name "pair1" meta priority set 1:1 accept',
    );
  });

  it('sends every pair of devices to the queue of its pair of ends', () => {
    expect(renderQueueRules(pairs).split('\n')).toEqual(
      expect.arrayContaining([
        '-A FORWARD -i c0 -o c1 -j NFQUEUE --queue-num 1',
        '-A FORWARD -i c0 -o c2 -j NFQUEUE --queue-num 1',
        '-A FORWARD -i c2 -o c3 -j NFQUEUE --queue-num 4',
      ]),
    );
    expect(renderQueueRules(pairs)).not.toContain('-i c1 -o c2');
  });

  it('shapes towards the receiving leg, with a class a sending end', () => {
    const lines = coreClasses(plan, pairs, spec, false);
    expect(lines.filter((line) => line.includes('dev c3 '))).toEqual([
      'qdisc add dev c3 root handle 1: htb',
      expect.stringMatching(/^class add dev c3 parent 1: classid 1:2 htb rate 60mbit ceil 60mbit /),
      'qdisc add dev c3 parent 1:2 handle 3: bfifo limit 750000',
      expect.stringMatching(/^class add dev c3 parent 1: classid 1:4 htb rate 40000mbit /),
      expect.stringMatching(/^qdisc add dev c3 parent 1:4 handle 5: bfifo/),
    ]);
  });

  it('numbers classes in hexadecimal, as tc reads them', () => {
    const [line] = classCommands(
      'c9',
      { number: 26 },
      { rateMbps: 1, delayMs: 0 },
      { netem: false, change: true },
    );
    expect(line).toContain('class change dev c9 parent 1: classid 1:1a ');
  });

  it('delays by netem where the kernel has it', () => {
    const lines = classCommands(
      'c1',
      { number: 3 },
      { rateMbps: 60, delayMs: 50 },
      { netem: true, change: false },
    );
    expect(lines[1]).toBe('qdisc add dev c1 parent 1:3 handle 4: netem delay 50ms limit 20000');
  });

  it.each([
    [60, 750_000],
    [0.1, 15_140],
  ])('gives a link of %d Mbit/s a queue of %d bytes', (rate, bytes) => {
    expect(queueBytes(rate)).toBe(bytes);
  });
});
