// Routes that nobody takes, as what the planner knows: hosts that are unfit for a desktop. All desktops of a host share one list.
import type { PlanDesktop, PlanInput } from './model.js';

type Unfit = NonNullable<PlanDesktop['unfitHosts']>;

/** Give each desktop the hosts that it is not sent to from where it is. */
export function withUnfitRoutes(input: PlanInput): PlanInput {
  const { unfitRoutes } = input;
  if (unfitRoutes.length === 0) return input;
  const shared = new Map<string, Unfit>();
  const unfitFrom = ({ site, host }: PlanDesktop): Unfit => {
    const key = JSON.stringify([site, host]);
    const known = shared.get(key);
    if (known !== undefined) return known;
    const isHere = (ref: { site: string; host: string }) => ref.site === site && ref.host === host;
    const unfit = unfitRoutes
      .filter(({ from, to }) => !isHere(to) && (from === undefined || isHere(from)))
      .map(({ to, reason }) => (reason === undefined ? to : { ...to, reason }));
    shared.set(key, unfit);
    return unfit;
  };
  return {
    ...input,
    desktops: input.desktops.map((d) => {
      const unfit = unfitFrom(d);
      if (unfit.length === 0) return d;
      return { ...d, unfitHosts: d.unfitHosts === undefined ? unfit : [...d.unfitHosts, ...unfit] };
    }),
  };
}
