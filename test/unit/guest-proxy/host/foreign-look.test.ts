import { ForeignLook } from '../../../../guest-proxy/host/foreign-look.js';

const chain = (policy: string) =>
  JSON.stringify({
    nftables: [
      { chain: { family: 'ip', table: 'filter', name: 'FORWARD', type: 'filter', hook: 'forward', policy } },
    ],
  });

it('says once what is in the way, and when it is so no more', async () => {
  const said: string[] = [];
  const log = (level: string) => (_: object, text: string) => void said.push(`${level}: ${text}`);
  let listing: () => Promise<string> = () => Promise.resolve(chain('drop'));
  const look = new ForeignLook({
    uplink: 'up0',
    controlPort: 4500,
    logger: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
    list: () => listing(),
  });
  await look.look();
  await look.look();
  expect(said).toEqual([
    expect.stringMatching(/^warn: the chain FORWARD .*run `iptables -I FORWARD -i vs-\+ -j ACCEPT`/),
  ]);
  expect(look.notes()).toEqual([said[0]!.replace('warn: ', '')]);
  listing = () => Promise.reject(new Error('no nft'));
  await look.look();
  listing = () => Promise.resolve('{"nftables": [{"chain": 7}]}');
  await look.look();
  expect(said.slice(1).every((line) => line.startsWith('debug: '))).toBe(true);
  listing = () => Promise.resolve(chain('accept'));
  await look.look();
  expect(said.at(-1)).toMatch(/^info: no more: the chain FORWARD/);
  expect(look.notes()).toEqual([]);
  await look.stop();
});

it('says with it what was found elsewhere', async () => {
  const said: string[] = [];
  const quiet = { debug: () => undefined, info: () => undefined, error: () => undefined };
  const qdisc = {
    words: 'somebody else has set up the traffic control of up0 (tbf)',
    remedy: ['tc qdisc del'],
  };
  const look = new ForeignLook({
    uplink: 'up0',
    controlPort: 4500,
    logger: { ...quiet, warn: (_: object, text: string) => void said.push(text) },
    list: () => Promise.resolve(chain('drop')),
    lookFurther: () => Promise.resolve([qdisc]),
  });
  await look.look();
  await look.look();
  expect(said).toEqual([
    expect.stringMatching(/FORWARD/),
    expect.stringMatching(/\(tbf\): run `tc qdisc del`/),
  ]);
  expect(look.notes()).toEqual(said);
});
