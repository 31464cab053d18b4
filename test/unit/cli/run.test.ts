import { runCli } from '../../../cli/run.js';
import type { CliContext } from '../../../cli/context.js';

/** Run a command line in this process; gives what it printed and its exit code. */
async function cli(...argv: string[]) {
  const out: string[] = [];
  const notes: string[] = [];
  const context: CliContext = {
    out: (text) => out.push(text),
    note: (text) => notes.push(text),
    interactive: false,
    ask: null,
    env: {},
  };
  const exit = await runCli(argv, context);
  return { exit, out: out.join('\n'), notes: notes.join('\n') };
}

describe('the command line', () => {
  it.each([['--help'], ['help'], ['status', '--help'], ['keys', 'issue', '--help'], ['--version']])(
    '%s %s prints and ends with 0',
    async (...argv) => {
      const { exit, out } = await cli(...argv);
      expect(exit).toBe(0);
      expect(out).not.toBe('');
    },
  );

  it('names every command of the product in its help', async () => {
    const { out } = await cli('--help');
    for (const command of 'manager dom0 proxy dev status plan policy move cancel force desktop explain fingerprint keys'.split(
      ' ',
    ))
      expect(out).toMatch(new RegExp(`^ {2}${command} `, 'm'));
  });

  it.each([
    [['nonsense'], /unknown command/],
    [['status', '--nonsense'], /unknown option/],
    [['move', 'd1'], /missing required argument 'site'/],
    [['manager'], /--config/],
    [['dom0'], /--config: expected a dom0.yaml; one to begin with: vmshadow dom0 --example/],
  ])('%j is a usage error', async (argv, said) => {
    const { exit, notes, out } = await cli(...argv);
    expect(exit).toBe(64);
    expect(notes).toMatch(said);
    expect(out).toBe('');
  });

  it('lists all bad arguments at once, and as data with --json', async () => {
    const { exit, notes, out } = await cli('move', 'D1', 'us west', '--host', '-', '--pool', '', '--json');
    expect(exit).toBe(64);
    for (const name of ['desktop', 'site', '--host', '--pool']) expect(notes).toContain(`  - ${name}: `);
    expect(JSON.parse(out)).toMatchObject({ error: { code: 'INPUT_INVALID' } });
  });

  it('checks sizes of a new desktop before asking anybody', async () => {
    const { exit, notes } = await cli(
      ...'desktop create d1 --site us-west --memory 1 --disk 0 --vcpus 1000 --port 0'.split(' '),
    );
    expect(exit).toBe(64);
    for (const name of ['--memory', '--disk', '--vcpus', '--port']) expect(notes).toContain(`- ${name}: `);
  });

  it('wants a new desktop defined once: by all options that it needs, or by a file', async () => {
    const none = await cli(...'desktop create --site us-west --disk 64'.split(' '));
    expect(none.exit).toBe(64);
    expect(none.notes).toContain('expected id, --memory, or a file that defines the desktop (-f)');
    const both = await cli(
      ...'desktop create d1 --site us-west -f d1.yaml --memory 64 --port 5900'.split(' '),
    );
    expect(both.exit).toBe(64);
    expect(both.notes).toContain('--memory, --port: the file says that');
    const gone = await cli(...'desktop create d1 --site us-west -f /nowhere/d1.yaml'.split(' '));
    expect(gone.exit).toBe(78);
    expect(gone.notes).toContain("there is no such file. Give a desktop's definition");
  });

  it('lists all problems of a new desktop in one go: what is no number, too small, too large or no key', async () => {
    const { exit, notes } = await cli(
      ...'desktop create D1 --site us-west --memory 0 --disk abc --vcpus -1 --port 99999 --client x'.split(
        ' ',
      ),
    );
    expect(exit).toBe(64);
    expect(notes).toContain('6 problems');
    for (const said of [
      /- id: /,
      /- --memory: .*>=32/,
      /- --disk: expected a whole number/,
      /- --vcpus: .*>=1/,
      /- --port: .*<=65535/,
      /- --client.0: expected an Ed25519/,
    ])
      expect(notes).toMatch(said);
  });

  it.each([
    ['plan --budget-gb -2 --max-moves x --pool -', ['--budget-gb', '--max-moves', '--pool']],
    ['dev --ui-port 0 --port x --ip y', ['--ui-port', '--port', '--ip']],
    ['status --interval 0', ['--interval']],
    ['cancel D1 --pool -', ['desktop', '--pool']],
    ['force D1 --pool -', ['desktop', '--pool']],
    ['explain D1 --pool -', ['desktop', '--pool']],
    ['desktop start D1 --pool -', ['desktop', '--pool']],
    ['desktop remove D1 --pool -', ['desktop', '--pool']],
    ['keys issue x --address y', ['host', '--address.0']],
    ['keys renew x --address y', ['host', '--address.0']],
    ['keys revoke x', ['host']],
    ['keys enroll D1 --external y', ['desktop', '--external']],
  ])('%s names options and arguments as they are typed', async (line, names) => {
    const { exit, notes } = await cli(...line.split(' '));
    expect(exit).toBe(64);
    expect(
      notes
        .match(/^ {2}- [^:]+/gm)
        ?.map((found) => found.slice(4))
        .toSorted(),
    ).toEqual(names.toSorted());
  });

  it.each([
    ['status --interval 2', /--interval .* nothing without/],
    ['dev --no-web --web-port 8000', /--web-port .* --no-web/],
    ['web --host example.org --ui javascript:x', /--host: [\s\S]*--ui: /],
    ['window add west --from soon --to +1x', /--from: [\s\S]*--to: /],
    ['window add west --from 2030-01-01T10:00Z --to 2030-01-01T09:00Z', /--to: expected a time after --from/],
    ['window remove west --from +1h', /--from: expected the time that `vmshadow window list` shows/],
  ])('%s is refused with why', async (line, why) => {
    const { exit, notes } = await cli(...line.split(' '));
    expect([exit, notes]).toEqual([64, expect.stringMatching(why)]);
  });

  it('a configuration that is not there ends with 78', async () => {
    expect((await cli('manager', '--config', '/nonexistent/vmshadow.yaml')).exit).toBe(78);
    const dom0 = await cli('dom0', '--config', '/nonexistent/dom0.yaml');
    expect(dom0.exit).toBe(78);
    expect(dom0.notes).toContain('vmshadow dom0 --example');
    const dev = await cli('dev', '--config', '/nonexistent/vmshadow.yaml');
    expect(dev.exit).toBe(78);
    expect(dev.notes).toContain('vmshadow dev --example');
  });

  it('prints an example of a dom0.yaml', async () => {
    const { exit, out } = await cli('dom0', '--example');
    expect(exit).toBe(0);
    expect(out).toMatch(/^# dom0.yaml[^]*^site: us-west/m);
  });

  it('a plan file or a capture that is not there ends with 65', async () => {
    expect((await cli('plan', '--input', '/nonexistent.json')).exit).toBe(65);
    expect((await cli('fingerprint', '/nonexistent.pcap')).exit).toBe(65);
  });
});

it('answers a wrong command line with a document too, where one is asked for', async () => {
  for (const argv of [
    ['drain', '--json'],
    ['status', '--json', '--bogus'],
  ]) {
    const { exit, out } = await cli(...argv);
    expect([exit, JSON.parse(out)]).toEqual([
      64,
      { error: { code: 'INPUT_INVALID', message: expect.stringMatching(/place|bogus/) as string } },
    ]);
  }
});
