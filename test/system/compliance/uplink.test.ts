// The tc driver at a cable out of a namespace. Needs root.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseSlots } from '../../../drivers/uplink/rate-cap.js';
import { runCommand } from '../../../os/run-command.js';
import type { LinkCap } from '../../../ports/uplink.js';
import { describeUplink, type UplinkWorld } from '../../compliance/uplink.js';
import { Helper, remote } from '../../support/rpc.js';

const script = new URL('./uplink-process.ts', import.meta.url);
const namespace = `vmsu-${String(process.pid)}`;
const ip = (...argv: string[]) => runCommand(['ip', '-n', namespace, ...argv]);
const tc = (...argv: string[]) => runCommand(['tc', '-n', namespace, ...argv]);

/** Rates of our classes, megabits a second, by slot. */
async function rates(): Promise<Map<number, number>> {
  const shown = await tc('class', 'show', 'dev', 'wan');
  const classes = shown.matchAll(/^class htb 8674:(\d+) .* rate (\d+)Mbit/gm);
  return new Map([...classes].map(([, slot, mbps]) => [Number(slot), Number(mbps)]));
}

async function make(): Promise<UplinkWorld> {
  const stateDir = await mkdtemp(join(tmpdir(), 'vms-uplink-'));
  await runCommand(['ip', 'netns', 'add', namespace]);
  await ip('link', 'add', 'wan', 'type', 'veth', 'peer', 'name', 'far');
  for (const device of ['wan', 'far']) await ip('link', 'set', device, 'up');
  const start = async (): Promise<Helper> => {
    const started = Helper.spawn(namespace, script);
    await started.ready({ stateDir, uplink: 'wan', shapeUplink: true });
    return started;
  };
  let helper = await start();
  return {
    linkCap: remote((method, args) => helper.call('call', method, args)) as LinkCap,
    peers: ['10.202.0.2', '10.202.0.3'],
    rateOf: async (peer, port) => {
      if ((await rates()).size === 0) return null;
      const slots = parseSlots(await tc('-j', 'filter', 'show', 'dev', 'wan', 'parent', '8674:'));
      const slot = slots.find((s) => s.peer === peer && s.ports.includes(port))?.slot;
      return slot === undefined ? null : ((await rates()).get(slot) ?? null);
    },
    count: async () => (await rates()).size,
    kept: async () => {
      const qdisc = (await tc('qdisc', 'show', 'dev', 'wan')).includes('8674:') ? ['qdisc 8674:'] : [];
      return [...qdisc, ...(await readdir(join(stateDir, 'caps')).catch(() => []))];
    },
    restart: async () => {
      await helper.kill();
      helper = await start();
    },
    remove: async () => {
      await helper.kill();
      await runCommand(['ip', 'netns', 'del', namespace]);
      await rm(stateDir, { recursive: true });
    },
  };
}

describeUplink('the tc uplink', make);
