// Room at sites and hosts while a plan is made or carried out. Invariant: what does not fit is never put; a site without
// hosts is one bin that only its slots limit.
import { suits, type Group, type PlannedSite } from '../request/constraints.js';
import type { PlanDesktop } from '../request/model.js';
import type { Problem } from '../request/problem.js';
import { change, fits, ROOM_KINDS, SLACK, whole, type Bin, type Size } from './bins.js';
import { inferSeats } from './seat-inference.js';

export class Room {
  readonly warnings: string[] = [];
  readonly #bins: readonly Bin[];
  readonly #bySite: readonly (readonly number[])[];
  readonly #freeSlots: Int32Array;
  readonly #sizes: readonly Size[];
  readonly #sites: readonly PlannedSite[];
  /** For the desktops that not every host suits: themselves. */
  readonly #choosy: readonly (PlanDesktop | undefined)[];
  readonly #keptApart: readonly (readonly Group[] | undefined)[];
  /** Members there, by group and host or site. */
  readonly #members = new Map<string, number[]>();
  /** Bin of each desktop; -1 where its host is not known. */
  readonly #binOf: Int32Array;
  #preferred: Int32Array | undefined;

  private constructor(p: Problem, bins: Bin[]) {
    const siteSlots = Int32Array.from(p.sites, (s) => s.slots);
    this.#sizes = p.desktops;
    this.#sites = p.sites;
    this.#choosy = p.desktops.map((d) =>
      d.requires === undefined && d.unfitHosts === undefined ? undefined : d,
    );
    this.#keptApart = p.keptApart;
    this.#bins = bins;
    this.#freeSlots = siteSlots;
    this.#binOf = new Int32Array(p.desktopCount).fill(-1);
    this.#bySite = Array.from(siteSlots, (_, j) => bins.flatMap((bin, b) => (bin.site === j ? [b] : [])));
  }

  /**
   * The room as it is now: residents and reservations counted. A host that holds more than it may is said in `warnings` and
   * takes nothing more.
   */
  static now(p: Problem): Room {
    const bins = p.sites.flatMap((s, j) =>
      s.hosts === undefined || s.hosts.length === 0 ? [whole(j, undefined)] : s.hosts.map((h) => whole(j, h)),
    );
    const room = new Room(p, bins);
    room.#settle(p);
    return room;
  }

  #settle(p: Problem): void {
    const binNamed = (site: number, host: string | undefined) =>
      (this.#bySite[site] ?? []).find((b) => this.#bins[b]?.host?.id === host);
    const unplaced: { site: number; size: Size; desktop: number; name: string }[] = [];
    const seat = (site: number, host: string | undefined, size: Size, desktop: number, name: string) => {
      this.#freeSlots[site] = (this.#freeSlots[site] ?? 0) - 1;
      const b = binNamed(site, host);
      const bin = b === undefined ? undefined : this.#bins[b];
      if (b === undefined || bin === undefined) unplaced.push({ site, size, desktop, name });
      else {
        change(bin, size, -1);
        if (desktop >= 0) this.#binOf[desktop] = b;
      }
      if (desktop >= 0) this.#count(desktop, site, b ?? -1, 1);
    };
    p.desktops.forEach((d, i) => seat(p.current[i] ?? 0, d.host, d, i, d.id));
    const sizes = new Map(p.desktops.map((d) => [d.id, d]));
    for (const r of p.reservations)
      seat(p.siteIndex.get(r.site) ?? 0, r.host, sizes.get(r.desktop) ?? r, -1, r.desktop);
    const problems = this.#bins.flatMap((bin) => this.#overfull(p, bin));
    problems.push(
      ...p.sites.flatMap((s, j) =>
        this.#shortage(
          s.id,
          j,
          unplaced.filter((u) => u.site === j).map((u) => u.size),
        ),
      ),
    );
    this.warnings.push(...problems);
    const lost = new Map<number, string[]>();
    for (const site of new Set(unplaced.map((u) => u.site))) {
      const bins = this.#bySite[site] ?? [];
      const here = unplaced.filter((u) => u.site === site);
      const seats = inferSeats(
        bins.flatMap((b) => this.#bins[b] ?? []),
        here.map((u) => u.size),
      );
      here.forEach((u, x) => {
        const b = bins[seats[x] ?? -1];
        const bin = b === undefined ? undefined : this.#bins[b];
        if (b === undefined || bin === undefined) lost.set(site, [...(lost.get(site) ?? []), u.name]);
        else {
          change(bin, u.size, -1);
          if (u.desktop >= 0) {
            this.#count(u.desktop, site, -1, -1);
            this.#count(u.desktop, site, b, 1);
            this.#binOf[u.desktop] = b;
          }
        }
      });
    }
    for (const [site, names] of lost) this.#close(p, site, names);
  }

  #overfull(p: Problem, bin: Bin): string[] {
    const what = ROOM_KINDS.filter((k) => bin[k] < -SLACK);
    if (what.length === 0 || bin.host === undefined) return [];
    const over = what.map((k) => `${k} by ${Number((-bin[k]).toFixed(3))}`).join(', ');
    return [
      `host ${bin.host.id} of ${p.sites[bin.site]?.id ?? ''}: what is already there is above its capacity (${over})`,
    ];
  }

  /** What the residents without a known host need beyond all the room that the site's hosts have left together. */
  #shortage(id: string, site: number, sizes: readonly Size[]): string[] {
    const bins = (this.#bySite[site] ?? []).flatMap((b) => this.#bins[b] ?? []);
    const short = (['vcpu', 'memoryGB', 'diskGB'] as const).flatMap((k) => {
      const left = bins.reduce((sum, bin) => sum + bin[k], 0) - sizes.reduce((sum, size) => sum + size[k], 0);
      return left < -1e-6 ? [`${k} by ${Number((-left).toFixed(3))}`] : [];
    });
    if (bins.reduce((sum, bin) => sum + bin.slots, 0) < sizes.length) short.push('slots');
    return short.length === 0
      ? []
      : [`site ${id}: what is already there is above the capacity of its hosts (${short.join(', ')})`];
  }

  /** Residents that fit no host by their sizes, though all together would: nothing more is sent there. */
  #close(p: Problem, site: number, names: readonly string[]): void {
    const id = p.sites[site]?.id ?? '';
    for (const b of this.#bySite[site] ?? []) {
      const bin = this.#bins[b];
      if (bin !== undefined) bin.closed = true;
    }
    this.warnings.push(
      `${id}: ${names.length} desktops (${names.slice(0, 3).join(', ')}${names.length > 3 ? ', ...' : ''}) do not fit its hosts as they are described; ` +
        `nothing more is sent there. Give their "host", or correct the hosts' capacity`,
    );
  }

  /** Count desktop `i` in (1) or out (-1) of its groups at `site` and in `bin`. */
  #count(i: number, site: number, bin: number, by: 1 | -1): void {
    for (const g of this.#keptApart[i] ?? []) {
      const key = this.#groupKey(g, site, bin);
      const there = this.#members.get(key) ?? [];
      if (by === 1) there.push(i);
      else if (there.includes(i)) there.splice(there.indexOf(i), 1);
      this.#members.set(key, there);
    }
  }

  /** A site and the part of it that is emptied are one site. A site without hosts is one host. */
  #groupKey(g: Group, site: number, bin: number): string {
    return g.per === 'site' ? `site ${this.#sites[site]?.id ?? ''} ${g.name}` : `host ${bin} ${g.name}`;
  }

  /** Members of desktop `i`'s groups, itself left out, that it would meet in `bin` of `site`. */
  meets(i: number, site: number, bin: number): number {
    let met = 0;
    for (const g of this.#keptApart[i] ?? [])
      for (const other of this.#members.get(this.#groupKey(g, site, bin)) ?? []) if (other !== i) met++;
    return met;
  }

  /** Tell whether a bin is one that desktop `i` may be in, room aside. */
  #suits(i: number, bin: Bin): boolean {
    const d = this.#choosy[i];
    const site = this.#sites[bin.site];
    return d === undefined || site === undefined || suits(d, site, bin.host);
  }

  #bestBin(i: number, size: Size, site: number): number {
    let best = -1;
    let bestLeft = Infinity;
    let bestSlots = -1;
    for (const b of this.#bySite[site] ?? []) {
      const bin = this.#bins[b];
      if (bin === undefined || !fits(bin, size) || !this.#suits(i, bin) || this.meets(i, site, b) > 0)
        continue;
      const left = bin.memoryGB === Infinity ? 1e300 : bin.memoryGB - size.memoryGB;
      if (left < bestLeft || (left === bestLeft && bin.slots > bestSlots)) {
        best = b;
        bestLeft = left;
        bestSlots = bin.slots;
      }
    }
    return best;
  }

  /** Slots free at a site now. */
  freeSlots(site: number): number {
    return this.#freeSlots[site] ?? 0;
  }

  /** Let desktops go to these bins where they can (-1: to any). */
  prefer(bins: Int32Array): void {
    this.#preferred = bins;
  }

  /** The bin at `site` that desktop `i` prefers, or else fits best (least memory left over); -1 when it fits none. */
  binFor(i: number, site: number): number {
    const size = this.#sizes[i];
    const wish = this.#preferred?.[i] ?? -1;
    if (this.#bins[wish]?.site === site && this.fitsIn(i, wish)) return wish;
    return size === undefined || this.freeSlots(site) < 1 ? -1 : this.#bestBin(i, size, site);
  }

  /** The bins of a site. */
  binsOf(site: number): readonly number[] {
    return this.#bySite[site] ?? [];
  }

  /** Tell whether desktop `i` fits into this very bin now. */
  fitsIn(i: number, b: number): boolean {
    const bin = this.#bins[b];
    const size = this.#sizes[i];
    if (bin === undefined || size === undefined || this.freeSlots(bin.site) < 1) return false;
    return fits(bin, size) && this.#suits(i, bin) && this.meets(i, bin.site, b) === 0;
  }

  /** Undo `put` of desktop `i` into `bin`; it is in `before` again, which it had not left. */
  takeBack(i: number, bin: number, before: number): void {
    const site = this.#bins[bin]?.site;
    if (site === undefined) return;
    this.leave(i, bin, site);
    this.#binOf[i] = before;
  }

  /** Tell whether any host of the site, empty, could hold desktop `i`. */
  couldEverHold(i: number, site: number): boolean {
    return (this.#bySite[site] ?? []).some((b) => this.#empty(i, b));
  }

  #empty(i: number, b: number): boolean {
    const [size, bin] = [this.#sizes[i], this.#bins[b]];
    if (size === undefined || bin === undefined) return false;
    return fits(whole(bin.site, bin.host), size) && this.#suits(i, bin);
  }

  /** Tell whether desktop `i` could be sent to a bin if it were empty. */
  couldHold(i: number, b: number): boolean {
    return this.#bins[b]?.closed === false && this.#empty(i, b);
  }

  /** What is left of `k` in a bin now; below 0 where more is there than it may hold. */
  leftIn(b: number, k: (typeof ROOM_KINDS)[number]): number {
    return this.#bins[b]?.[k] ?? 0;
  }

  /** Members of a group at `site`, or in `bin` of it. */
  membersOf(g: Group, site: number, bin: number): readonly number[] {
    return this.#members.get(this.#groupKey(g, site, bin)) ?? [];
  }

  /** Tell whether desktops `i` and `u` could change places, host for host. */
  canSwap(i: number, u: number): boolean {
    const a = this.#bins[this.binOf(i)];
    const b = this.#bins[this.binOf(u)];
    const one = this.#sizes[i];
    const other = this.#sizes[u];
    if (a === undefined || b === undefined || one === undefined || other === undefined) return false;
    const takes = (bin: Bin, size: Size, leaving: Size) =>
      !bin.closed &&
      bin.vcpu + leaving.vcpu + SLACK >= size.vcpu &&
      bin.memoryGB + leaving.memoryGB + SLACK >= size.memoryGB &&
      bin.diskGB + leaving.diskGB + SLACK >= size.diskGB;
    if (!takes(a, other, one) || !takes(b, one, other) || !this.#suits(i, b) || !this.#suits(u, a))
      return false;
    if (this.#keptApart[i] === undefined && this.#keptApart[u] === undefined) return true;
    // Groups meet as if both had left first.
    this.swap(i, a.site, u, b.site);
    const apart = this.meets(i, b.site, this.binOf(i)) === 0 && this.meets(u, a.site, this.binOf(u)) === 0;
    this.swap(i, b.site, u, a.site);
    return apart;
  }

  /** Let desktops `i` (of `siteI`) and `u` (of `siteU`) change places. */
  swap(i: number, siteI: number, u: number, siteU: number): void {
    const a = this.binOf(i);
    const b = this.binOf(u);
    this.leave(i, a, siteI);
    this.leave(u, b, siteU);
    this.put(i, b);
    this.put(u, a);
  }

  /** What the hosts of a site have in all for `k`; Infinity where any of them does not limit it. */
  wholeOf(site: number, k: 'vcpu' | 'memoryGB' | 'diskGB'): number {
    return (this.#bySite[site] ?? []).reduce((sum, b) => sum + whole(site, this.#bins[b]?.host)[k], 0);
  }

  /** Where desktop `i` is. */
  binOf(i: number): number {
    return this.#binOf[i] ?? -1;
  }

  /** Name of a bin's host; undefined for a site without hosts. */
  hostId(bin: number): string | undefined {
    return this.#bins[bin]?.host?.id;
  }

  /** Take room for desktop `i` in `bin`. */
  put(i: number, bin: number): void {
    const target = this.#bins[bin];
    const size = this.#sizes[i];
    if (target === undefined || size === undefined) return;
    change(target, size, -1);
    this.#freeSlots[target.site] = this.freeSlots(target.site) - 1;
    this.#count(i, target.site, bin, 1);
    this.#binOf[i] = bin;
  }

  /** Give back the room of desktop `i` in `bin` of `site`; a bin of -1 gives back the slot alone. */
  leave(i: number, bin: number, site: number): void {
    const source = this.#bins[bin];
    const size = this.#sizes[i];
    if (source !== undefined && size !== undefined) change(source, size, 1);
    this.#count(i, site, bin, -1);
    this.#freeSlots[site] = this.freeSlots(site) + 1;
  }
}
