// Fields of an input that the schema does not know: a misspelt one, or a constraint that a plan would silently break. `$schema` is none.
import { newNameOf } from '../../model/old-names.js';
import { PlanDesktop, PlanHost, PlanInput, PlanPolicy, PlanSite, PlanReservation } from './model.js';

type Fields = Record<string, unknown>;
const isObject = (x: unknown): x is Fields => typeof x === 'object' && x !== null && !Array.isArray(x);
const objects = (x: unknown): Fields[] => (Array.isArray(x) ? x.filter(isObject) : []);

/** Say which fields are not understood, one line for each name and place. */
export function unknownFields(value: unknown): string[] {
  if (!isObject(value)) return [];
  const counts = new Map<string, number>();
  const look = (where: string, items: readonly Fields[], shape: object) => {
    for (const item of items)
      for (const key of Object.keys(item))
        if (!Object.hasOwn(shape, newNameOf(key)) && key !== '$schema') {
          const name = `${where}${key}`;
          counts.set(name, (counts.get(name) ?? 0) + 1);
        }
  };
  look('', [value], PlanInput.shape);
  look('policy.', [value['policy']].filter(isObject), PlanPolicy.out.shape);
  look('desktops[].', objects(value['desktops']), PlanDesktop.out.shape);
  look('reservations[].', objects(value['reservations']), PlanReservation.out.shape);
  const sites = objects(value['sites']);
  look('sites[].', sites, PlanSite.shape);
  look(
    'sites[].hosts[].',
    sites.flatMap((s) => objects(s['hosts'])),
    PlanHost.out.shape,
  );
  return [...counts].map(
    ([name, n]) => `unknown field ${name}${n === 1 ? '' : ` (${n} times)`} is not understood`,
  );
}
