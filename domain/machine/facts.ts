// What a machine is, as it was looked at: plain data, of which findings (and the proposal of a host's configuration) are made.
import type { MachineResources } from '../model/real-room.js';

export interface NetworkDevice {
  readonly name: string;
  readonly up: boolean;
  /** IPv4 with prefix length: `192.0.2.11/24`. */
  readonly addresses: readonly string[];
}

/** An address without its prefix length. */
export const bareAddress = (address: string): string => address.split('/')[0] ?? address;

export interface DefaultRoute {
  readonly device: string;
  readonly gateway: string | null;
  readonly metric: number;
}

/** A port that somebody listens at. */
export interface ListeningSocket {
  readonly protocol: 'tcp' | 'udp';
  /** `0.0.0.0` for all. */
  readonly address: string;
  readonly port: number;
  /** Name of the program; null where it was not told. */
  readonly program: string | null;
  /** It is one of ours: dom0, its relays, a desktop. */
  readonly ours: boolean;
}

/** Programs of others that have a say in networks or machines. */
export const SERVICES = [
  'NetworkManager',
  'systemd-networkd',
  'ufw',
  'firewalld',
  'docker',
  'libvirtd',
] as const;
export type Service = (typeof SERVICES)[number];

/** What holds for every machine. */
export interface MachineFacts {
  readonly root: boolean;
  readonly node: string;
  /** Programs and files of `tools.ts` that are there. */
  readonly tools: readonly string[];
  readonly devices: readonly NetworkDevice[];
  /** The one that the kernel prefers first. */
  readonly defaultRoutes: readonly DefaultRoute[];
  readonly sockets: readonly ListeningSocket[];
  readonly services: readonly Service[];
}

/** What is asked of a machine that is a host. */
export interface HostFacts extends MachineFacts {
  readonly cores: number;
  /** Of the file system that holds (or will hold) the state folder. */
  readonly resources: MachineResources;
  /** What disks of desktops take there already. */
  readonly desktopDisksMiB: number;
  /** Its file system is in memory. */
  readonly volatile: boolean;
  readonly qemuVersion: string | null;
  /** What the probe that boots something chose; null where QEMU is missing. */
  readonly accelerator: 'kvm' | 'tcg' | null;
  readonly kvmDevice: boolean;
  /** The user as whom QEMU is to run is there. */
  readonly qemuUser: boolean;
  /** Devices whose root qdisc somebody else has set up, with its kind. */
  readonly foreignQdiscs: Readonly<Record<string, string>>;
}

/** How the certificates and the identity of a host stand. */
export interface KeyFacts {
  /** What is wrong with them, in words; null: nothing. */
  readonly problem: string | null;
  readonly daysLeft: number | null;
  /** The certificate names the address at which peers reach the host. */
  readonly namesPeer: boolean;
}

/** Something that a firewall of another program drops. */
export interface ClosedByFirewall {
  readonly words: string;
  readonly remedy: readonly string[];
}
