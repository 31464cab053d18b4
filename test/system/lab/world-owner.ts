// The owner of a world, for crash.test.ts: makes it, starts a process in it and one outside, says so, and destroys it on SIGINT.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startCommand } from '../../../os/start-command.js';
import { World } from '../../../lab/net/world.js';

const world = await World.create({
  prefix: process.argv[2] ?? '',
  sites: [{ id: 'a' }],
  users: [{ id: 'u' }],
});
const inside = world.spawn(world.host('a').namespace, ['sleep', '1000']);
const outside = startCommand(['sleep', '1000'], { detached: true, stdout: 'ignore', stderr: 'ignore' });
const folder = mkdtempSync(join(tmpdir(), 'vmshadow-lab-test-'));
world.alsoEnd(outside.pid ?? 0);
world.alsoRemove(folder);
process.once('SIGINT', () => {
  void world.destroy().then(() => process.exit(130));
});
console.log(JSON.stringify({ inside: inside.pid, outside: outside.pid, folder }));
setInterval(() => undefined, 1000);
