// The configuration of one host's dom0 (dom0.yaml): who it is, what it may give to desktops, how it is reached.
import { z } from 'zod';
import { Endpoint, Ipv4, Port } from './address.js';
import { Capacity } from './capacity.js';
import { GrowthPolicy } from './real-room.js';
import { HostId, SiteId } from './ids.js';

/** The user that set-up makes. */
export const DEFAULT_QEMU_USER = 'vmshadow-qemu';

export const Dom0Config = z
  .object({
    site: SiteId,
    host: HostId,
    /** Disks, definitions, ownership records: survives a reboot. */
    stateDir: z.string().startsWith('/', 'expected an absolute path'),
    /** Sockets and pid files; short, since a unix socket's path ends at 107 bytes. */
    runDir: z.string().startsWith('/', 'expected an absolute path').max(60),
    /** Where images, kernels and initrds lie; relative names are looked for here. */
    imageDir: z.string().startsWith('/', 'expected an absolute path'),
    /** Other folders in which they may lie; whatever is in none of them is refused. */
    images: z.array(z.string().startsWith('/', 'expected an absolute path')).default([]),
    /** Network device towards the users and the other sites. */
    uplink: z.string().regex(/^[a-zA-Z0-9._-]{1,15}$/, 'expected the name of a network device'),
    /** External addresses that this host may give to desktops. */
    externalPool: z.array(Ipv4).min(1),
    /** Where peers (other hosts) reach this one over TLS. */
    peer: Endpoint,
    /** Where RTT probes are answered (UDP). */
    probe: Endpoint,
    /** UDP port of the connection proxy's control channel on each external address. */
    controlPort: Port.default(7946),
    /** UDP port at the probe's address where hosts take each other's packets of connections that go on over an old site. */
    relayPort: Port.default(7949),
    /** An address that a desktop has left is kept for such connections at most so long. */
    relayLimitMinutes: z
      .number()
      .int()
      .min(1)
      .max(7 * 24 * 60)
      .default(60),
    /** TCP ports on which moves arrive. */
    migrationPorts: z.object({ first: Port, last: Port }).default({ first: 49_152, last: 49_215 }),
    capacity: Capacity,
    /** How much of what the desktops here may still grow by is kept free for them (domain/model/real-room.ts). */
    growth: GrowthPolicy.prefault({}),
    /** Folder with this host's certificate, key and the cloud's CA (`vmshadow keys issue`). */
    pkiDir: z.string().startsWith('/', 'expected an absolute path'),
    /** File of this host's Ed25519 identity (`vmshadow keys issue`); its public key is what clients are enrolled with. */
    identityFile: z.string().startsWith('/', 'expected an absolute path'),
    /** As whom QEMU and its storage daemons run: a user's name, or UID:GID. Where there is no user of the default's name: root, with a warning. */
    qemuUser: z
      .string()
      .regex(
        /^([a-z_][a-z0-9_-]{0,31}|[1-9]\d{0,8}:[1-9]\d{0,8}|[1-3]\d{9}:[1-3]\d{9})$/,
        'expected the name of a user, or UID:GID',
      )
      .default(DEFAULT_QEMU_USER),
    accel: z.enum(['auto', 'kvm', 'tcg']).default('auto'),
    /** Hold the cap of moves on the wire with htb at the uplink. */
    shapeUplink: z.boolean().default(true),
    /** What all moves away from this host may take of the uplink together, megabits a second; null: each its own cap. */
    movesMbps: z.number().positive().nullable().default(null),
    /** How disk and memory of moves to this host come: through relays, or from QEMU to QEMU. */
    transfer: z.enum(['relay', 'direct']).default('direct'),
    /** What the site cache of this host may take (2^20 bytes). */
    cacheMiB: z.number().int().min(64).max(32_768).default(4_096),
  })
  .superRefine((config, ctx) => {
    if (config.migrationPorts.last < config.migrationPorts.first + 1)
      ctx.addIssue({
        code: 'custom',
        path: ['migrationPorts'],
        message: 'at least two ports are needed: one for the disk, one for memory',
      });
    if (new Set(config.externalPool).size !== config.externalPool.length)
      ctx.addIssue({ code: 'custom', path: ['externalPool'], message: 'an address is named twice' });
  });
export type Dom0Config = z.infer<typeof Dom0Config>;
