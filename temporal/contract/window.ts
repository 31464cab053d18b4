// Maintenance windows: what operators ask, what they are answered, what `status` says of them.
import { z } from 'zod';
import { DrainPlace } from '../../domain/drain/place.js';
import type { MaintenanceWindow, WindowPhase } from '../../domain/maintenance/window.js';
import { update, type Update } from './message.js';

/** A year: longer ones are mistakes. */
const MAX_LEAD_MS = 365 * 86_400_000;

/** The end of the year 9999: what is beyond cannot be written as a date. */
const MAX_TIME_MS = 253_402_300_799_999;

export const AddWindow = DrainPlace.extend({
  fromMs: z.number().int().min(0).max(MAX_TIME_MS),
  toMs: z.number().int().min(0).max(MAX_TIME_MS),
  /** For so long before it nobody is sent there. */
  leadMs: z.number().int().min(0).max(MAX_LEAD_MS),
  drain: z.boolean().default(false),
});
export type AddWindow = z.infer<typeof AddWindow>;

/** Without a time: all windows of the place. */
export const RemoveWindows = DrainPlace.extend({ fromMs: z.number().int().min(0).optional() });
export type RemoveWindows = z.infer<typeof RemoveWindows>;

export interface WindowStatus extends MaintenanceWindow {
  /** `us-west` or `us-west/h1`. */
  readonly place: string;
  readonly phase: Exclude<WindowPhase, 'over'>;
  /** Desktops there now. */
  readonly desktops: number;
}

export interface WindowsRemoved {
  readonly place: string;
  readonly removed: readonly WindowStatus[];
}

const addWindow: Update<typeof AddWindow, WindowStatus> = update('addWindow', AddWindow);
const removeWindows: Update<typeof RemoveWindows, WindowsRemoved> = update('removeWindows', RemoveWindows);

export const WINDOWS = { addWindow, removeWindows } as const;
