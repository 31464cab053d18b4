// A plan's input of two sites and two desktops, to be spoilt.
import type { PlanRequest } from '../../../../domain/placement/request/model.js';

export const site = (id: string, slots: number, more = {}) => ({
  id,
  kind: 'regional' as const,
  slots,
  ...more,
});
export const desktop = (id: string, at: string, rttMs: Record<string, number>, more = {}) => ({
  id,
  rank: 0.9,
  site: at,
  memoryGB: 4,
  diskGB: 10,
  rttMs,
  ...more,
});
export const good: PlanRequest = {
  sites: [site('a', 2), site('b', 2)],
  desktops: [desktop('x', 'a', { a: 100, b: 10 }), desktop('y', 'b', { a: 20, b: 30 })],
};
export const strict = { strict: true, nowMs: 0 };
