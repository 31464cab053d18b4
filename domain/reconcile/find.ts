// Reconciliation's rules: what hosts hold against the moves that are open -> what is left over, and what is done about it. Desktops in a
// move that is open, or was while the hosts reported, are left alone. A host's word counts for what it holds itself; what happens to a
// released copy is decided by the host that it was released to, never by a stranger's claim.
import type { DesktopId } from '../model/ids.js';
import type { Finding } from './finding.js';
import type { HostLook } from './held.js';
import { at, ownersOf, viewsOf, type DesktopView, type Place } from './place.js';
import { movedFindings, ownerFindings, releasedFindings } from './source-side.js';
import { capFindings, networkFindings, targetFindings } from './target-side.js';

export interface Look {
  readonly hosts: readonly HostLook[];
  /** Whether these are all hosts of the cloud. */
  readonly whole: boolean;
  /** Desktops whose moves are open, or ended only after the hosts were asked. */
  readonly busy: ReadonlySet<string>;
  readonly nowMs: number;
  /** How long a source's disk and address are kept after a move. */
  readonly graceMs: number;
}

/** Find everything that is left over, each desktop's repairs in the order in which they are made. */
export function findLeftovers({ hosts, busy, ...rest }: Look): Finding[] {
  const views = viewsOf(hosts, rest);
  return [...hosts.flatMap(hostFindings), ...views.filter((v) => !busy.has(v.desktop)).flatMap(ofDesktop)];
}

/** The desktops that findings are about. */
export function desktopsOf(findings: readonly Finding[]): DesktopId[] {
  return [...new Set(findings.flatMap((f) => (f.desktop === null ? [] : [f.desktop])))];
}

const REMEDY = {
  silent: 'start `vmshadow dom0` there, or take the host out of vmshadow.yaml if it is gone for good',
  older: 'upgrade `vmshadow dom0` there',
  unreadable: 'look at its log: do manager and dom0 have the same release?',
} as const;

function hostFindings(look: HostLook): Finding[] {
  if (look.held !== null) return [];
  const { host, problem, why } = look;
  const words = `what ${at(host)} holds is not known: ${problem}`;
  return [{ kind: 'lost-host', desktop: null, host, words, repair: null, person: REMEDY[why] }];
}

function ofDesktop(view: DesktopView): Finding[] {
  const [newest, older] = ownersOf(view).sort((a, b) => (b.record?.epoch ?? 0) - (a.record?.epoch ?? 0));
  if (newest !== undefined && older !== undefined) return [twoOwners(view.desktop, newest, older)];
  const of = (rule: (view: DesktopView, place: Place) => Finding[]) =>
    view.places.flatMap((place) => rule(view, place));
  // What keeps a desktop from running comes first; a source lets go of its target before that is dropped.
  const found = [
    ...of(targetFindings).filter((f) => f.repair?.do === 'run-here'),
    ...of(releasedFindings),
    ...of(ownerFindings),
    ...of(targetFindings).filter((f) => f.repair?.do !== 'run-here'),
    ...of(movedFindings),
    ...of(networkFindings),
    ...of(capFindings),
  ];
  return [...found, ...unowned(view), ...nobodys(view, found)];
}

function twoOwners(desktop: DesktopId, newest: Place, older: Place): Finding {
  const [a, b] = [newest, older].map(
    (o) => `${at(o.host)} (epoch ${String(o.record?.epoch)}, ${o.state ?? 'no copy'})`,
  );
  return {
    kind: 'two-owners',
    desktop,
    host: older.host,
    words: `${desktop} is owned by ${String(a)} and by ${String(b)}: a host has come back with records of before, or two desktops have one name`,
    repair: null,
    person: `nothing is done about it. Stop the copy that its user does not use (most often the one with the lower epoch) at that host itself, and move its record in \`ownership\` and its disk away`,
  };
}

/** Copies that no record speaks of: made and not finished, or a lost state folder. */
function unowned({ desktop, places }: DesktopView): Finding[] {
  return places
    .filter((p) => p.state !== null && p.record?.state !== 'owner' && p.record?.state !== 'released')
    .map(({ host, state, record }) => ({
      kind: 'unowned-copy',
      desktop,
      host,
      words: `${at(host)} has a copy of ${desktop} (${state ?? ''}) and ${record === null ? 'no record of owning it' : `its record says ${record.state}`}`,
      repair: null,
      person: `if it was being created, run \`vmshadow desktop create\` with the same settings again; else look where ${desktop} is before you remove anything`,
    }));
}

/** A desktop that every host speaks of as somebody else's. */
function nobodys(view: DesktopView, found: readonly Finding[]): Finding[] {
  const records = view.places.flatMap(({ record, host }) => (record === null ? [] : [{ record, host }]));
  const newest = records.sort((a, b) => b.record.epoch - a.record.epoch)[0];
  if (newest === undefined || !view.whole || view.silent.length > 0 || found.length > 0) return [];
  if (records.some(({ record }) => record.state === 'owner') || newest.record.state === 'removed') return [];
  return [
    {
      kind: 'no-owner',
      desktop: view.desktop,
      host: newest.host,
      words: `no host owns ${view.desktop}; the newest record, at ${at(newest.host)}, says ${newest.record.state} (epoch ${String(newest.record.epoch)})`,
      repair: null,
      person: `look for its disk at ${at(newest.host)} and where that record says it went; a host's state folder may have been emptied`,
    },
  ];
}
