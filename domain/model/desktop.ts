// What a desktop is, independent of the host it runs on. The definition travels with a move; it holds nothing of a site.
import { z } from 'zod';
import { HARDWARE, hardwareProblems } from './hardware.js';
import { readsOldNames } from './old-names.js';
import { Ipv4, MacAddress, Port } from './address.js';
import { DesktopId } from './ids.js';

/** How the guest boots: from its own disk (any operating system), or a Linux kernel given directly (fast; what the lab uses). */
export const Boot = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('disk') }),
  z.object({
    kind: z.literal('kernel'),
    kernel: z.string().min(1),
    initrd: z.string().min(1).optional(),
    append: z.string().default(''),
  }),
]);
export type Boot = z.infer<typeof Boot>;

/** The guest's own, never changing address (MMSys'14 section 6.2, the "internal" interface) on a /30 with its gateway, the same on every host. */
export const InternalNetwork = z.object({ address: Ipv4, gateway: Ipv4, mac: MacAddress });
export type InternalNetwork = z.infer<typeof InternalNetwork>;

/** A kernel's command line may name the address, which is chosen last: `{address}` and `{gateway}`. */
export function withAddress(boot: Boot, network: InternalNetwork): Boot {
  if (boot.kind !== 'kernel') return boot;
  return {
    ...boot,
    append: boot.append.replaceAll('{address}', network.address).replaceAll('{gateway}', network.gateway),
  };
}

export const DesktopDefinition = readsOldNames(
  z
    .object({
      id: DesktopId,
      vcpus: z.number().int().min(1).max(64).default(1),
      memoryMiB: z.number().int().min(32).max(1_048_576),
      /** Of all disks together. */
      diskMiB: z.number().int().min(1).max(134_217_728),
      boot: Boot.default({ kind: 'disk' }),
      network: InternalNetwork,
      /** TCP port of the remote desktop protocol inside the guest. */
      remoteDesktopPort: Port.default(5901),
      /** Versioned QEMU machine type: the same at both ends of a move. */
      machine: z
        .string()
        .regex(/^[a-z0-9][a-z0-9._-]{0,63}$/i, 'expected a machine type such as pc-i440fx-10.0')
        .default('pc-i440fx-10.0'),
      ...HARDWARE,
    })
    .superRefine((definition, ctx) => {
      for (const [field, message] of hardwareProblems(definition))
        ctx.addIssue({ code: 'custom', path: [field], message });
    }),
);
export type DesktopDefinition = z.infer<typeof DesktopDefinition>;

/**
 * What a desktop does on a host. `out-of-space`: its guest stands still at a write that its host's file system has no room for, and goes
 * on when there is room again.
 */
export type DesktopState =
  'running' | 'paused' | 'out-of-space' | 'incoming' | 'postmigrate' | 'stopped' | 'crashed';

/** Tell whether there is no guest in memory. */
export const isOff = (state: DesktopState): boolean => state === 'stopped' || state === 'crashed';

/** What a desktop should do: what was last asked for, or what its guest did by shutting itself down. */
export type PowerWish = 'running' | 'stopped';

/** The images that a desktop boots from or reads beside its own disks: kernel, initrd, CD-ROM, in this order. */
export function bootNames({ boot, cdrom }: DesktopDefinition): string[] {
  const names = [...(boot.kind === 'disk' ? [] : [boot.kernel, boot.initrd]), cdrom];
  return names.filter((name) => name !== undefined);
}
