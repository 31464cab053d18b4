// A host, or a site without hosts, as room: what is left of each kind.
import type { PlanHost } from '../request/model.js';

/** Sums of gigabytes such as 0.1 + 0.2 must not make a full host too full. */
export const SLACK = 1e-9;

export interface Bin {
  readonly site: number;
  readonly host: PlanHost | undefined;
  slots: number;
  vcpu: number;
  memoryGB: number;
  diskGB: number;
  /** Its residents' hosts are not known: nothing more goes here. */
  closed: boolean;
}

/** What is limited in a bin. */
export const ROOM_KINDS = ['slots', 'vcpu', 'memoryGB', 'diskGB'] as const;

export interface Size {
  readonly vcpu: number;
  readonly memoryGB: number;
  readonly diskGB: number;
}

/** Tell whether what is left takes so much. */
export const fits = (bin: Bin, size: Size) =>
  !bin.closed &&
  bin.slots >= 1 &&
  bin.vcpu + SLACK >= size.vcpu &&
  bin.memoryGB + SLACK >= size.memoryGB &&
  bin.diskGB + SLACK >= size.diskGB;

/** Give back (1) or take (-1) so much. */
export const change = (bin: Bin, size: Size, sign: 1 | -1) => {
  bin.slots += sign;
  bin.vcpu += sign * size.vcpu;
  bin.memoryGB += sign * size.memoryGB;
  bin.diskGB += sign * size.diskGB;
};

/** Make the bin of a host that is empty, or of a site without hosts. */
export const whole = (site: number, host: PlanHost | undefined): Bin => ({
  site,
  host,
  slots: host?.slots ?? Infinity,
  vcpu: host?.vcpu ?? Infinity,
  memoryGB: host?.memoryGB ?? Infinity,
  diskGB: host?.diskGB ?? Infinity,
  closed: false,
});
