// Judges what other programs' nftables rules (firewalls; iptables' too, which are such) do to desktops: a packet that one of them drops is
// gone, whatever our own rules say. Pure: takes what `nft -j list ruleset` prints (libnftables-json(5)). A match that cannot be judged is
// taken for one that lets pass: what is warned of is surely closed.
import { z } from 'zod';

const Rule = z.object({
  family: z.string(),
  table: z.string(),
  chain: z.string(),
  expr: z.array(z.unknown()),
});
const Chain = z.object({
  family: z.string(),
  table: z.string(),
  name: z.string(),
  type: z.string().optional(),
  hook: z.string().optional(),
  policy: z.string().optional(),
});
/** What `nft -j list ruleset` prints; other objects (tables, sets, counters) are passed by. */
export const Ruleset = z.object({
  nftables: z.array(z.looseObject({ chain: Chain.optional(), rule: Rule.optional() })),
});
export type Ruleset = z.infer<typeof Ruleset>;
type Rule = z.infer<typeof Rule>;
type Chain = z.infer<typeof Chain>;

export interface ForeignProblem {
  /** Which rules, whose they most likely are, and what they do, in words. */
  readonly words: string;
  /** Commands that let pass what is needed, until whoever set it up does so again. */
  readonly remedy: readonly string[];
}

/** A packet that must pass. */
interface Need {
  readonly hook: 'forward' | 'input';
  readonly iif: string;
  readonly oif: string | null;
  /** Null: whatever a desktop sends. */
  readonly port: { readonly protocol: 'tcp' | 'udp'; readonly number: number } | null;
  readonly what: string;
  /** What lets it pass, as matches of nft and of iptables. */
  readonly rules: readonly { readonly nft: string; readonly iptables: string }[];
}

/** Names of taps begin with one of these (host/tap.ts). */
const TAPS = ['vs-', 'vh-'] as const;
const OWN_TABLES = /^vmshadow/;
const FAMILIES = ['ip', 'inet'];

function needs(uplink: string, controlPort: number): Need[] {
  const fromTaps = (more = '', option = '') =>
    TAPS.map((tap) => ({ nft: `iifname "${tap}*"${more}`, iptables: `-i ${tap}+${option}` }));
  const tap = `${TAPS[0]}desktop`;
  return [
    {
      hook: 'forward',
      iif: tap,
      oif: uplink,
      port: null,
      what: 'what desktops send',
      rules: fromTaps(),
    },
    {
      hook: 'forward',
      iif: uplink,
      oif: tap,
      port: null,
      what: 'what comes for desktops',
      rules: TAPS.map((name) => ({ nft: `oifname "${name}*"`, iptables: `-o ${name}+` })),
    },
    {
      hook: 'input',
      iif: tap,
      oif: null,
      port: { protocol: 'udp', number: 67 },
      what: "desktops' DHCP, without which they have no address",
      rules: fromTaps(' udp dport 67', ' -p udp --dport 67'),
    },
    {
      hook: 'input',
      iif: uplink,
      oif: null,
      port: { protocol: 'udp', number: controlPort },
      what: `what users' proxies send (UDP ${String(controlPort)})`,
      rules: [{ nft: `udp dport ${String(controlPort)}`, iptables: `-p udp --dport ${String(controlPort)}` }],
    },
  ];
}

/** Ports of the host itself, at its uplink. */
export interface PortRange {
  readonly protocol: 'tcp' | 'udp';
  readonly first: number;
  readonly last: number;
  readonly what: string;
}

/** The first of a range stands for all of it. */
function portNeed(uplink: string, { protocol, first, last, what }: PortRange): Need {
  const ports = first === last ? String(first) : `${String(first)}-${String(last)}`;
  const option = ports.replace('-', ':');
  return {
    hook: 'input',
    iif: uplink,
    oif: null,
    port: { protocol, number: first },
    what: `${what} (${protocol.toUpperCase()} ${ports})`,
    rules: [{ nft: `${protocol} dport ${ports}`, iptables: `-p ${protocol} --dport ${option}` }],
  };
}

/**
 * Find the chains of others that surely drop what desktops or their users' proxies send, or what comes for `ports` of the host; one
 * problem a chain.
 */
export function foreignProblems(
  { nftables }: Ruleset,
  uplink: string,
  controlPort: number,
  ports: readonly PortRange[] = [],
): ForeignProblem[] {
  const chains = nftables.flatMap(({ chain }) => (chain === undefined ? [] : [chain]));
  const rules = nftables.flatMap(({ rule }) => (rule === undefined ? [] : [rule]));
  const rulesOf = (of: Pick<Chain, 'family' | 'table' | 'name'>) =>
    rules.filter((r) => r.family === of.family && r.table === of.table && r.chain === of.name);
  const bases = chains.filter(
    (c) => c.type === 'filter' && FAMILIES.includes(c.family) && !OWN_TABLES.test(c.table),
  );
  const all = [...needs(uplink, controlPort), ...ports.map((port) => portNeed(uplink, port))];
  return bases.flatMap((chain) => {
    const closed = all.filter(
      (need) => need.hook === chain.hook && judge(chain, need, rulesOf, 0) === 'drops',
    );
    return closed.length === 0 ? [] : [problem(chain, closed, chains)];
  });
}

type Verdict = 'drops' | 'passes' | 'goes on';
/** A chain cannot jump in circles; who prints such is not trusted. */
const MAX_DEPTH = 16;

function judge(
  chain: Chain,
  need: Need,
  rulesOf: (of: Pick<Chain, 'family' | 'table' | 'name'>) => Rule[],
  depth: number,
): Verdict {
  for (const rule of rulesOf(chain)) {
    const matches = rule.expr.map((e) => holds(e, need));
    if (matches.includes('no')) continue;
    const verdict = rule.expr.map(verdictOf).find((v) => v !== null) ?? null;
    if (verdict === null) continue;
    if (verdict === 'accept') return 'passes';
    if (verdict === 'return') {
      if (matches.includes('maybe')) continue;
      break;
    }
    if (verdict === 'drop') {
      if (matches.includes('maybe')) continue;
      return 'drops';
    }
    if (depth >= MAX_DEPTH) return 'passes';
    const there = judge(
      { ...chain, name: verdict.to, policy: undefined, hook: undefined },
      need,
      rulesOf,
      depth + 1,
    );
    if (there === 'passes') return 'passes';
    if (there === 'drops' && !matches.includes('maybe')) return 'drops';
    if (verdict.isGoto && !matches.includes('maybe')) break;
  }
  if (depth > 0) return 'goes on';
  return chain.policy === 'drop' ? 'drops' : 'passes';
}

type Holds = 'yes' | 'no' | 'maybe';

const Match = z.object({ match: z.object({ op: z.string(), left: z.unknown(), right: z.unknown() }) });
const Left = z.union([
  z.object({ meta: z.object({ key: z.string() }) }).transform(({ meta }) => meta.key),
  z
    .object({ payload: z.object({ protocol: z.string(), field: z.string() }) })
    .transform(({ payload }) => `${payload.protocol} ${payload.field}`),
  z.object({ ct: z.object({ key: z.string() }) }).transform(({ ct }) => `ct ${ct.key}`),
]);
const Xt = z.object({ xt: z.object({ type: z.string(), name: z.string() }) });

function holds(expression: unknown, need: Need): Holds {
  const xt = Xt.safeParse(expression);
  // Of iptables' own matches only the name shows: a state is almost always "established", of which a first packet is not.
  if (xt.success)
    return xt.data.xt.type === 'match' && ['conntrack', 'state'].includes(xt.data.xt.name) ? 'no' : 'maybe';
  const match = Match.safeParse(expression);
  if (!match.success) return 'yes';
  const { op, left, right } = match.data.match;
  const key = Left.safeParse(left);
  const is = key.success ? equals(key.data, right, need) : 'maybe';
  if (is === 'maybe' || (op !== '!=' && op !== '==' && op !== 'in')) return 'maybe';
  return (is === 'yes') === (op !== '!=') ? 'yes' : 'no';
}

function equals(key: string, right: unknown, need: Need): Holds {
  const has = (value: string | number) => (valuesOf(right).some((v) => covers(v, value)) ? 'yes' : 'no');
  if (key === 'iifname' || key === 'iif') return has(need.iif);
  if (key === 'oifname' || key === 'oif') return need.oif === null ? 'no' : has(need.oif);
  if (key === 'ct state') return has('new');
  const { port } = need;
  if (key === 'tcp dport' || key === 'udp dport')
    return port === null || key !== `${port.protocol} dport` ? 'no' : has(port.number);
  if (key === 'tcp sport') return port?.protocol === 'tcp' ? 'maybe' : 'no';
  // A rule for one protocol does not let all pass that a desktop sends.
  if (key === 'l4proto' || key === 'ip protocol') return port === null ? 'no' : has(port.protocol);
  return 'maybe';
}

const Listed = z.object({ set: z.array(z.unknown()) });
const valuesOf = (right: unknown): unknown[] => {
  const listed = Listed.safeParse(right);
  return listed.success ? listed.data.set : Array.isArray(right) ? right : [right];
};

const Range = z.object({ range: z.tuple([z.number(), z.number()]) });
function covers(pattern: unknown, value: string | number): boolean {
  const range = Range.safeParse(pattern);
  if (range.success)
    return typeof value === 'number' && value >= range.data.range[0] && value <= range.data.range[1];
  // The name of a set, whose elements are not here.
  if (typeof pattern === 'string' && pattern.startsWith('@')) return true;
  if (typeof pattern === 'string' && pattern.endsWith('*'))
    return String(value).startsWith(pattern.slice(0, -1));
  return pattern === value;
}

const Jump = z.union([
  z
    .object({ jump: z.object({ target: z.string() }) })
    .transform(({ jump }) => ({ to: jump.target, isGoto: false })),
  z
    .object({ goto: z.object({ target: z.string() }) })
    .transform(({ goto }) => ({ to: goto.target, isGoto: true })),
]);

function verdictOf(e: unknown): 'accept' | 'drop' | 'return' | { to: string; isGoto: boolean } | null {
  if (typeof e !== 'object' || e === null) return null;
  if ('accept' in e) return 'accept';
  if ('drop' in e || 'reject' in e) return 'drop';
  if ('return' in e) return 'return';
  const jump = Jump.safeParse(e);
  return jump.success ? jump.data : null;
}

function problem(chain: Chain, closed: readonly Need[], chains: readonly Chain[]): ForeignProblem {
  const { family, table, name } = chain;
  const isIptables = family === 'ip' && table === 'filter' && name === name.toUpperCase();
  const remedy = closed.flatMap((need) =>
    need.rules.map(({ nft, iptables }) =>
      isIptables
        ? `iptables -I ${name} ${iptables} -j ACCEPT`
        : `nft insert rule ${family} ${table} ${name} ${nft} accept`,
    ),
  );
  const owner = ownerOf(chain, chains);
  return {
    words: `the chain ${name} of the table ${family} ${table} (${owner}) drops ${closed.map((n) => n.what).join(', and ')}`,
    remedy,
  };
}

/** Whose a chain most likely is, by the names that firewalls give to theirs. */
function ownerOf({ family, table }: Chain, chains: readonly Chain[]): string {
  const beside = chains.filter((c) => c.family === family && c.table === table).map((c) => c.name);
  if (table === 'firewalld') return 'firewalld';
  if (beside.some((name) => name.startsWith('ufw-'))) return 'ufw';
  if (beside.some((name) => name.startsWith('DOCKER'))) return 'Docker';
  return table === 'filter' ? 'iptables' : 'not known whose';
}
