// What CPU this host's QEMU can give to guests, as QEMU itself says it: one without a machine is started, asked and ended (0.1 s each).
import { cpus } from 'node:os';
import { z } from 'zod';
import type { HostCpu } from '../../../domain/model/cpu.js';
import { parseInput } from '../../../domain/model/parse.js';
import { asUser, type RunAs } from '../../../os/run-as.js';
import { runCommand } from '../../../os/run-command.js';
import { QEMU, wholeCpu, type Accelerator } from './command-lines.js';

const Definitions = z.array(
  z.looseObject({ name: z.string(), 'unavailable-features': z.array(z.string()).default([]) }),
);
const Expansion = z.object({ model: z.looseObject({ props: z.record(z.string(), z.unknown()) }) });
const Reply = z.looseObject({ return: z.unknown(), id: z.string().optional() });

/** Models that stand for "all there is" or "nothing": no ones to agree upon. */
const NO_MODELS = ['max', 'host', 'base'];
/** A host says them each cycle; smaller ones nobody wants. */
const MOST_MODELS = 40;
/** Settings of QEMU's own that stand among the flags. */
const NO_FLAGS =
  /^(x-|hv-|kvm$|check$|enforce$|migratable$|legacy-cache$|l3-cache$|pmu$|acpi$|cpuid-0xb$|fill-mtrr-mask$|full-cpuid|tcg-cpuid$|vmware-cpuid|host-cache-info$|host-phys-bits$|hotpluggable$|realized$|start-powered-off$)/;

/** Under TCG the CPU is QEMU's own; under KVM it is the host's. */
export function cpuModelOf(accelerator: Accelerator): string {
  return accelerator === 'tcg' ? 'max' : (cpus()[0]?.model ?? 'unknown');
}

/** Ask QEMU. Throws COMMAND where it does not start. */
export async function readHostCpu(accelerator: Accelerator, runAs: RunAs | null): Promise<HostCpu> {
  const [whole, definitions] = await ask(accelerator, runAs, [
    expansionOf(wholeCpu(accelerator)),
    { execute: 'query-cpu-definitions' },
  ]);
  const names = usableModels(definitions);
  const expansions = await ask(accelerator, runAs, names.map(expansionOf));
  const sizes = names.map((name, i) => [name, flagsOf(expansions[i]).length] as const);
  const largest = sizes.toSorted(([, a], [, b]) => b - a).slice(0, MOST_MODELS);
  return { model: cpuModelOf(accelerator), flags: flagsOf(whole), models: Object.fromEntries(largest) };
}

interface Command {
  readonly execute: string;
  readonly arguments?: unknown;
}
const expansionOf = (name: string): Command => ({
  execute: 'query-cpu-model-expansion',
  arguments: { type: 'full', model: { name } },
});

/** Ask a QEMU of its own all of these; the answers, in their order (undefined: refused). */
async function ask(
  accelerator: Accelerator,
  runAs: RunAs | null,
  commands: readonly Command[],
): Promise<unknown[]> {
  const lines = [
    { execute: 'qmp_capabilities' },
    ...commands.map((command, i) => ({ ...command, id: String(i) })),
    { execute: 'quit' },
  ];
  const [program = QEMU, ...args] = asUser(runAs, [
    QEMU,
    ...['-machine', `none,accel=${accelerator}`],
    ...['-nodefaults', '-no-user-config'],
    ...['-display', 'none'],
    ...['-qmp', 'stdio'],
  ]);
  const out = await runCommand([program, ...args], {
    input: lines.map((l) => JSON.stringify(l)).join('\n') + '\n',
  });
  const replies = out
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .flatMap((line) => {
      const reply = Reply.safeParse(JSON.parse(line));
      return reply.success && reply.data.id !== undefined ? [reply.data] : [];
    });
  return commands.map((_, i) => replies.find((r) => r.id === String(i))?.return);
}

/** Models of which the host lacks nothing, without their numbered versions: the machine type says which one a name stands for. */
export function usableModels(definitions: unknown): string[] {
  return parseInput(Definitions, definitions, 'query-cpu-definitions')
    .filter(
      (d) => d['unavailable-features'].length === 0 && !NO_MODELS.includes(d.name) && !/-v\d+$/.test(d.name),
    )
    .map((d) => d.name);
}

/** Flags that are on; one is written in several ways (`sse4.1`, `sse4_1`). None of what QEMU refused to expand. */
export function flagsOf(expansion: unknown): string[] {
  const { data } = Expansion.safeParse(expansion);
  const on = Object.entries(data?.model.props ?? {}).filter(
    ([name, value]) => value === true && !NO_FLAGS.test(name),
  );
  return [...new Set(on.map(([name]) => name.replaceAll(/[._]/g, '-')))].toSorted();
}
