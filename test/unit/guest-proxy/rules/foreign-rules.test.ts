// What other programs' firewalls do to desktops, as `nft -j list ruleset` prints it.
import { foreignProblems, Ruleset } from '../../../../guest-proxy/rules/foreign-rules.js';

const meta = (key: string, right: unknown, op = '==') => ({ match: { op, left: { meta: { key } }, right } });
const dport = (right: unknown, protocol = 'udp') => ({
  match: { op: '==', left: { payload: { protocol, field: 'dport' } }, right },
});
const state = (right: unknown) => ({ match: { op: 'in', left: { ct: { key: 'state' } }, right } });
const xt = (name: string) => ({ xt: { type: 'match', name } });
const [accept, drop, reject] = [{ accept: null }, { drop: null }, { reject: { type: 'icmpx' } }];
const counter = { counter: { packets: 0, bytes: 0 } };

interface Firewall {
  readonly hook?: string;
  readonly policy?: string;
  readonly table?: string;
  readonly family?: string;
  readonly type?: string;
  readonly rules?: readonly (readonly object[])[];
  /** Chains that are jumped to. */
  readonly others?: Readonly<Record<string, readonly (readonly object[])[]>>;
}

const problemsOf = (f: Firewall) => {
  const { hook = 'forward', policy = 'accept', table = 'filter', family = 'ip', type = 'filter' } = f;
  const name = hook.toUpperCase();
  const chain = (more: object) => ({ chain: { family, table, handle: 1, ...more } });
  const rules = (of: string, list: Firewall['rules'] = []) =>
    list.map((expr) => ({ rule: { family, table, chain: of, handle: 2, expr } }));
  const ruleset = {
    nftables: [
      { metainfo: { version: '1.0.6' } },
      { table: { family, name: table, handle: 1 } },
      chain({ name, type, hook, prio: 0, policy }),
      ...Object.keys(f.others ?? {}).map((other) => chain({ name: other })),
      ...rules(name, f.rules),
      ...Object.entries(f.others ?? {}).flatMap(([other, list]) => rules(other, list)),
    ],
  };
  return foreignProblems(Ruleset.parse(ruleset), 'up0', 4500);
};

describe('foreignProblems', () => {
  it('names a forward chain that drops, whose it is, and what to do', () => {
    const [found, ...more] = problemsOf({ policy: 'drop' });
    expect(more).toEqual([]);
    expect(found?.words).toBe(
      'the chain FORWARD of the table ip filter (iptables) drops what desktops send, and what comes for desktops',
    );
    expect(found?.remedy).toEqual([
      'iptables -I FORWARD -i vs-+ -j ACCEPT',
      'iptables -I FORWARD -i vh-+ -j ACCEPT',
      'iptables -I FORWARD -o vs-+ -j ACCEPT',
      'iptables -I FORWARD -o vh-+ -j ACCEPT',
    ]);
  });

  it('names an input chain without DHCP and control port', () => {
    const [found] = problemsOf({ hook: 'input', policy: 'drop', family: 'inet', table: 'mine' });
    expect(found?.words).toMatch(
      /not known whose\) drops desktops' DHCP.*, and what users' proxies send \(UDP 4500\)/,
    );
    expect(found?.remedy).toEqual([
      'nft insert rule inet mine INPUT iifname "vs-*" udp dport 67 accept',
      'nft insert rule inet mine INPUT iifname "vh-*" udp dport 67 accept',
      'nft insert rule inet mine INPUT udp dport 4500 accept',
    ]);
  });

  it.each<[string, Firewall]>([
    [
      'the policy with established connections alone',
      { policy: 'drop', rules: [[xt('conntrack'), counter, accept]] },
    ],
    ['the same of nft', { policy: 'drop', rules: [[state({ set: ['established', 'related'] }), accept]] }],
    [
      'a last rule',
      {
        rules: [
          [meta('iifname', 'eth*'), accept],
          [counter, reject],
        ],
      },
    ],
    ['a rule for all but the loopback', { rules: [[meta('iifname', 'lo', '!='), drop]] }],
    ['a rule for some services', { policy: 'drop', rules: [[dport({ set: [80, 443] }, 'tcp'), accept]] }],
    [
      'a chain that it jumps to',
      { rules: [[{ jump: { target: 'closed' } }], [accept]], others: { closed: [[drop]] } },
    ],
    [
      'its policy after a chain that decides nothing',
      {
        policy: 'drop',
        rules: [[{ jump: { target: 'some' } }]],
        others: { some: [[meta('iifname', 'eth0'), accept]] },
      },
    ],
    [
      'a circle of chains that are never reached',
      {
        policy: 'drop',
        rules: [[meta('iifname', 'eth0'), { jump: { target: 'a' } }]],
        others: { a: [[{ jump: { target: 'a' } }]] },
      },
    ],
  ])('is told by %s', (_, firewall) => {
    expect(problemsOf(firewall)).toHaveLength(1);
  });

  const both = [
    [meta('iifname', 'vs-*'), accept],
    [meta('oifname', 'vs-*'), accept],
  ];
  it.each<[string, Firewall]>([
    ['it lets all pass', {}],
    ['rules let desktops pass', { policy: 'drop', rules: both }],
    ['rules let them pass before the last one drops', { rules: [...both, [drop]] }],
    ['what it matches by cannot be judged', { policy: 'drop', rules: [[xt('set'), accept]] }],
    [
      'it lets addresses pass, which may be the desktops',
      {
        policy: 'drop',
        rules: [
          [
            {
              match: { op: '==', left: { payload: { protocol: 'ip', field: 'saddr' } }, right: '10.0.0.0/8' },
            },
            accept,
          ],
        ],
      },
    ],
    [
      'a set of interfaces may hold theirs',
      {
        policy: 'drop',
        rules: [
          [meta('iifname', '@inner'), accept],
          [meta('oifname', '@inner'), accept],
        ],
      },
    ],
    [
      'a drop is of something else',
      {
        rules: [
          [dport(22, 'tcp'), drop],
          [state('invalid'), drop],
          [meta('iifname', 'eth9'), drop],
        ],
      },
    ],
    ['a drop may be of something else', { rules: [[xt('recent'), drop]] }],
    [
      'a chain returns before it drops',
      { rules: [[{ jump: { target: 'a' } }]], others: { a: [[{ return: null }], [drop]] } },
    ],
    [
      'input has the ports',
      {
        hook: 'input',
        policy: 'drop',
        rules: [
          [dport({ set: [53, 67] }), accept],
          [dport({ range: [4000, 5000] }), accept],
        ],
      },
    ],
    [
      'iptables matches the ports by its own means',
      { hook: 'input', policy: 'drop', rules: [[meta('l4proto', 'udp'), xt('multiport'), accept]] },
    ],
    ['it is no filter', { policy: 'drop', type: 'nat' }],
    ['it is for bridges', { policy: 'drop', family: 'bridge' }],
    ['it is IPv6’s', { policy: 'drop', family: 'ip6' }],
    ['it is ours', { policy: 'drop', table: 'vmshadow_host' }],
    [
      'it jumps in circles',
      { rules: [[{ jump: { target: 'a' } }]], others: { a: [[{ jump: { target: 'a' } }]] } },
    ],
  ])('finds nothing where %s', (_, firewall) => {
    expect(problemsOf(firewall)).toEqual([]);
  });

  it.each<[string, Firewall, RegExp]>([
    ['firewalld', { table: 'firewalld', family: 'inet', policy: 'drop' }, /firewalld/],
    ['ufw', { policy: 'drop', others: { 'ufw-before-forward': [] } }, /\(ufw\)/],
    ['Docker', { policy: 'drop', others: { 'DOCKER-USER': [] } }, /\(Docker\)/],
  ])('knows the names of %s', (_, firewall, owner) => {
    expect(problemsOf(firewall)[0]?.words).toMatch(owner);
  });
});

describe("a host's own ports", () => {
  const ports = [
    { protocol: 'tcp' as const, first: 7947, last: 7947, what: 'other hosts' },
    { protocol: 'tcp' as const, first: 49_152, last: 49_215, what: 'moves' },
    { protocol: 'udp' as const, first: 7948, last: 7948, what: 'RTT probes' },
  ];
  const closed = (...rules: object[][]) => {
    const chain = { family: 'inet', table: 'fw', name: 'in', type: 'filter', hook: 'input', policy: 'drop' };
    const nftables = [
      { chain },
      ...[...rules, [dport(4500), accept], [dport(67), accept]].map((expr) => ({
        rule: { family: 'inet', table: 'fw', chain: 'in', expr },
      })),
    ];
    return foreignProblems(Ruleset.parse({ nftables }), 'up0', 4500, ports);
  };

  it('are named where a chain drops them, each with the rule that lets it pass', () => {
    const [found, ...more] = closed();
    expect(more).toEqual([]);
    expect(found?.words).toMatch(
      /other hosts \(TCP 7947\), and moves \(TCP 49152-49215\), and RTT probes \(UDP 7948\)/,
    );
    expect(found?.remedy).toEqual([
      'nft insert rule inet fw in tcp dport 7947 accept',
      'nft insert rule inet fw in tcp dport 49152-49215 accept',
      'nft insert rule inet fw in udp dport 7948 accept',
    ]);
  });

  it('are open by rules of their protocol alone', () => {
    const range = { range: [49_000, 50_000] };
    expect(
      closed([dport(7947, 'tcp'), accept], [dport(range, 'tcp'), accept], [dport(7948), accept]),
    ).toEqual([]);
    expect(closed([dport(7948), accept], [dport({ set: [7947, range] }, 'tcp'), accept])).toEqual([]);
    expect(
      closed([dport(7947), accept], [dport(range, 'tcp'), accept], [dport(7948), accept])[0]?.words,
    ).toMatch(/drops other hosts \(TCP 7947\)$/);
    expect(closed([meta('l4proto', 'tcp'), accept], [dport(7948), accept])).toEqual([]);
  });
});
