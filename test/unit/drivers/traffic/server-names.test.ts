import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setImmediate as settled } from 'node:timers/promises';
import { ServerNames } from '../../../../drivers/traffic/server-names.js';
import { FingerprintPolicy, SamplingPolicy } from '../../../../domain/model/policy.js';
import { parsePolicySettings } from '../../../../cli/policy-settings.js';
import { resolveName } from '../../../../os/resolve-name.js';

const MINUTE_MS = 60_000;

/** A resolver whose answers the test changes, and what was asked of it. */
function fakeDns(answers: Record<string, string[] | Promise<string[]>>) {
  const asked: string[] = [];
  const problems: string[] = [];
  const clock = { nowMs: 1_000_000 };
  const names = new ServerNames({
    resolve: async (name) => {
      asked.push(name);
      const answer = await answers[name];
      if (answer === undefined) throw new Error(`queryA ENOTFOUND ${name}`);
      return answer;
    },
    now: () => clock.nowMs,
    onProblem: (problem) => problems.push(problem),
  });
  const pass = async (ms: number) => {
    clock.nowMs += ms;
    names.refresh();
    await settled();
  };
  return { names, answers, asked, problems, pass };
}

describe('sensitiveServers of the policy', () => {
  it.each([
    '203.0.113.0/24',
    '203.0.113.7/32',
    'cdn.example.com',
    'CDN-1.Example.com',
    'xn--bcher-kva.example',
  ])('takes %s', (entry) => {
    expect(FingerprintPolicy.parse({ sensitiveServers: [entry] }).sensitiveServers).toEqual([entry]);
  });

  it.each([
    '203.0.113.7',
    '203.0.113.0/33',
    '203.0.113',
    'localhost',
    '*.example.com',
    'https://cdn.example.com',
    'cdn.example.com:443',
    'cdn..example.com',
    '-cdn.example.com',
    `${'a'.repeat(64)}.example.com`,
    `${'a.'.repeat(130)}com`,
    '2001:db8::/32',
    '',
  ])('refuses %j and says what it wants instead', (entry) => {
    const { error } = FingerprintPolicy.safeParse({ sensitiveServers: ['192.0.2.0/24', entry] });
    expect(error?.issues).toMatchObject([{ path: ['sensitiveServers', 1] }]);
    expect(error?.issues[0]?.message).toBe(
      `${JSON.stringify(entry)}: expected an IPv4 range such as 203.0.113.0/24 (/32 for one address) or a full host name such as cdn.example.com`,
    );
  });

  it('refuses more names than hosts should ask for all the time, but takes any number of ranges', () => {
    const many = (entry: (i: number) => string) => ({
      sensitiveServers: Array.from({ length: 65 }, (_, i) => entry(i)),
    });
    expect(FingerprintPolicy.safeParse(many((i) => `192.0.2.${i}/32`)).success).toBe(true);
    expect(FingerprintPolicy.safeParse(many((i) => `s${i}.example.com`)).error?.issues[0]?.message).toContain(
      'at most 64 host names',
    );
  });

  it('is set on the command line as a list with commas', () => {
    expect(parsePolicySettings(['sensitiveServers=cdn.example.com,192.0.2.0/24'])).toEqual({
      fingerprint: { sensitiveServers: ['cdn.example.com', '192.0.2.0/24'] },
    });
  });

  it('is among what hosts sample by', () => {
    const policy = FingerprintPolicy.parse({ sensitiveServers: ['cdn.example.com'] });
    expect(SamplingPolicy.parse(policy).sensitiveServers).toEqual(['cdn.example.com']);
  });
});

describe('ServerNames', () => {
  it('answers at once with what it knows, and knows the addresses as soon as they come', async () => {
    let answer: (addresses: string[]) => void = () => undefined;
    const { names, asked } = fakeDns({
      'cdn.example.com': new Promise((resolve) => {
        answer = resolve;
      }),
    });
    names.use(['cdn.example.com']);
    expect(names.nameOf('192.0.2.1')).toBeUndefined();
    expect(names.unresolved()).toEqual([]);
    names.use(['cdn.example.com']);
    answer(['192.0.2.1', '192.0.2.2']);
    await settled();
    expect(names.nameOf('192.0.2.2')).toBe('cdn.example.com');
    expect(asked).toHaveLength(1);
  });

  it('asks again after five minutes, not before', async () => {
    const { names, asked, pass } = fakeDns({ 'cdn.example.com': ['192.0.2.1'] });
    names.use(['cdn.example.com']);
    await settled();
    await pass(4.9 * MINUTE_MS);
    expect(asked).toHaveLength(1);
    await pass(0.1 * MINUTE_MS);
    expect(asked).toHaveLength(2);
  });

  it('keeps the addresses of earlier answers for an hour, since connections to them go on', async () => {
    const { names, answers, pass } = fakeDns({ 'cdn.example.com': ['192.0.2.1'] });
    names.use(['cdn.example.com']);
    await settled();
    answers['cdn.example.com'] = ['192.0.2.9'];
    await pass(5 * MINUTE_MS);
    expect(['192.0.2.1', '192.0.2.9'].map((a) => names.nameOf(a))).toEqual([
      'cdn.example.com',
      'cdn.example.com',
    ]);
    await pass(61 * MINUTE_MS);
    expect(['192.0.2.1', '192.0.2.9'].map((a) => names.nameOf(a))).toEqual([undefined, 'cdn.example.com']);
  });

  it('keeps no more than 64 addresses of a name, the newest', async () => {
    const { names, answers, pass } = fakeDns({ 'cdn.example.com': ['198.51.100.1'] });
    names.use(['cdn.example.com']);
    await settled();
    answers['cdn.example.com'] = Array.from({ length: 64 }, (_, i) => `192.0.2.${i}`);
    await pass(5 * MINUTE_MS);
    expect(names.nameOf('198.51.100.1')).toBeUndefined();
    expect(names.nameOf('192.0.2.0')).toBe('cdn.example.com');
  });

  it('tells once of a name that does not resolve, tries it every minute, and leaves the others alone', async () => {
    const { names, answers, asked, problems, pass } = fakeDns({ 'cdn.example.com': ['192.0.2.1'] });
    names.use(['gone.example.com', 'cdn.example.com']);
    await settled();
    for (let i = 0; i < 3; i++) await pass(MINUTE_MS);
    expect(asked.filter((n) => n === 'gone.example.com')).toHaveLength(4);
    expect(problems).toEqual([
      expect.stringMatching(/^cannot resolve gone\.example\.com .*ENOTFOUND.*Check /),
    ]);
    expect(names.unresolved()).toEqual(['gone.example.com']);
    expect(names.nameOf('192.0.2.1')).toBe('cdn.example.com');
    answers['gone.example.com'] = ['192.0.2.7'];
    await pass(MINUTE_MS);
    expect(names.unresolved()).toEqual([]);
    expect(names.nameOf('192.0.2.7')).toBe('gone.example.com');
    expect(problems).toHaveLength(1);
  });

  it('goes on with the last known addresses while a name fails, however long', async () => {
    const { names, answers, problems, pass } = fakeDns({ 'cdn.example.com': ['192.0.2.1'] });
    names.use(['cdn.example.com']);
    await settled();
    answers['cdn.example.com'] = [];
    for (let i = 0; i < 20; i++) await pass(5 * MINUTE_MS);
    expect(names.nameOf('192.0.2.1')).toBe('cdn.example.com');
    expect(names.unresolved()).toEqual([]);
    expect(problems).toEqual([expect.stringContaining('the addresses it had stay in use')]);
  });

  it('forgets names that have left the policy', async () => {
    const { names, asked, pass } = fakeDns({ 'cdn.example.com': ['192.0.2.1'] });
    names.use(['cdn.example.com']);
    await settled();
    names.use([]);
    expect(names.nameOf('192.0.2.1')).toBeUndefined();
    await pass(60 * MINUTE_MS);
    expect(asked).toHaveLength(1);
  });

  it('asks for a few names at a time, and for all of them in the end', async () => {
    let under = 0;
    let most = 0;
    const names = new ServerNames({
      resolve: async () => {
        most = Math.max(most, ++under);
        await settled();
        under -= 1;
        return ['192.0.2.1'];
      },
    });
    const all = Array.from({ length: 20 }, (_, i) => `s${i}.example.com`);
    names.use(all);
    for (let i = 0; i < 30; i++) await settled();
    expect(most).toBe(4);
    names.use(all.slice(-1));
    expect(names.nameOf('192.0.2.1')).toBe('s19.example.com');
  });
});

describe('resolveName', () => {
  let dns: Socket;
  let server: string;

  // Answers every question with two addresses, names below `gone.` with "no such name".
  beforeAll(async () => {
    dns = createSocket('udp4');
    dns.on('message', (query, from) => {
      const question = query.subarray(12, query.indexOf(0, 12) + 5);
      const gone = question.includes('gone');
      const header = Buffer.from([0, 0, 0x81, gone ? 0x83 : 0x80, 0, 1, 0, gone ? 0 : 2, 0, 0, 0, 0]);
      query.copy(header, 0, 0, 2);
      const record = (last: number) =>
        Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, last]);
      const parts = gone ? [header, question] : [header, question, record(1), record(2)];
      dns.send(Buffer.concat(parts), from.port, from.address);
    });
    dns.bind(0, '127.0.0.1');
    await once(dns, 'listening');
    server = `127.0.0.1:${dns.address().port}`;
  });
  afterAll(() => void dns.close());

  it('gives the addresses that the DNS server knows', async () => {
    expect((await resolveName('cdn.example.com', [server])).sort()).toEqual(['192.0.2.1', '192.0.2.2']);
  });

  it('throws with the name when there is no such name', async () => {
    await expect(resolveName('gone.example.com', [server])).rejects.toThrow(/ENOTFOUND gone\.example\.com/);
  });
});
