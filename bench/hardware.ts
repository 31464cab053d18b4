// What further disks and a TPM cost in the pause of a move: one desktop of each shape, moved there and back between two hosts under load, in one
// run. Needs root and the guest images; QEMU runs under emulation. Between the hosts is a cable without delay: what is compared is the machines' part.
import { z } from 'zod';
import { renderTable } from '../cli/render/table.js';
import { DesktopDefinition } from '../domain/model/desktop.js';
import { percentile } from '../lab/demo/percentiles.js';
import { smallGuest } from '../lab/images/locate.js';
import { moveDesktop } from '../test/compliance/move-steps.js';
import { ends, smallDesktop, TAP, TwoHosts } from '../test/system/qemu/two-hosts.js';
import type { BenchResult } from './bench-result.js';

export const Options = z.strictObject({
  /** Of each shape, in each of some rounds; an even number. */
  moves: z.coerce.number().int().min(2).multipleOf(2).default(6),
});
/** A machine that others use is slower at one time than at another: the shapes take turns. */
const ROUNDS = 4;
const BOOT_MS = 300_000;
/** Beside the image's own disk. */
const SECOND_MIB = 24;

const small = (id: string, keys: Record<string, string | number>) =>
  smallDesktop(id, { 'vms.disk': '1000:16', 'vms.dirty': '1000:8', ...keys });
const twoDisks = (id: string, keys: Record<string, string | number>, more: object) => {
  const one = small(id, { 'vms.spread': '/dev/sda', 'vms.scsi': 1, ...keys });
  return DesktopDefinition.parse({
    ...one,
    diskMiB: one.diskMiB + SECOND_MIB,
    disks: [
      { sizeMiB: one.diskMiB, bus: 'virtio' },
      { sizeMiB: SECOND_MIB, bus: 'scsi' },
    ],
    ...more,
  });
};
const SHAPES = {
  'one virtio disk': small('one', {}),
  'virtio and scsi disks': twoDisks('two', {}, {}),
  'virtio and scsi disks, TPM': twoDisks('sealed', { 'vms.tpm': 200 }, { tpm: true }),
} as const satisfies Record<string, DesktopDefinition>;

interface Pause {
  readonly round: number;
  /** As QEMU reports it. */
  readonly downtimeMs: number;
  /** From the guest's stop, as the source's driver hears it, to the end of the call that lets it run. */
  readonly pauseMs: number;
}

/** Move each shape there and back, in turns. */
export async function run(raw: unknown): Promise<BenchResult> {
  const { moves } = Options.parse(raw);
  const world = await TwoHosts.make();
  const pauses: Record<string, Pause[]> = {};
  try {
    for (let round = 1; round <= ROUNDS; round++)
      for (const [shape, definition] of Object.entries(SHAPES)) {
        const more = await pausesOf(world, definition, round, moves);
        pauses[shape] = [...(pauses[shape] ?? []), ...more];
        console.log(`round ${String(round)}, ${shape}: ${more.map((p) => p.downtimeMs).join(', ')} ms`);
      }
  } finally {
    await world.remove();
  }
  const figure = (values: readonly number[], q: number) => (percentile(values, q) ?? 0).toFixed(0);
  const rows = Object.entries(pauses).map(([shape, all]) => {
    const [down, pause] = [all.map((p) => p.downtimeMs), all.map((p) => p.pauseMs)];
    return [
      shape,
      String(all.length),
      figure(down, 0.5),
      figure(down, 0.95),
      figure(pause, 0.5),
      figure(pause, 0.95),
    ];
  });
  const right = true;
  return {
    targets: [],
    table: renderTable(
      [
        { head: 'desktop' },
        { head: 'moves', right },
        { head: 'downtime p50 ms', right },
        { head: 'p95', right },
        { head: 'pause p50 ms', right },
        { head: 'p95', right },
      ],
      rows,
    ),
    raw: pauses,
  };
}

async function pausesOf(
  world: TwoHosts,
  definition: DesktopDefinition,
  round: number,
  moves: number,
): Promise<Pause[]> {
  const { id } = definition;
  await world.a.driver.create(definition, TAP, smallGuest().disk);
  await world.a.driver.start(id);
  await world.guest(world.a, 'status', BOOT_MS);
  const pauses: Pause[] = [];
  for (let i = 0; i < moves; i++) {
    const [from, to] = i % 2 === 0 ? [world.a, world.b] : [world.b, world.a];
    const move = { desktop: id, moveId: `${id}-${String(round)}-${String(i)}` };
    const { result, pauseMs } = await moveDesktop(ends(from, to, definition), move);
    await from.driver.removeRetired(move);
    const { disk, memory, tpm } = await world.guest(to);
    if (disk.errors + memory.errors + tpm.errors > 0) throw new Error(`${id} came with errors`);
    pauses.push({ round, downtimeMs: result.downtimeMs, pauseMs: Math.round(pauseMs) });
  }
  await world.a.driver.stop(id, 0);
  await world.a.driver.remove(id);
  return pauses;
}
