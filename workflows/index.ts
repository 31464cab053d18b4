// All workflows, for the worker's bundle.
export { migrateDesktop } from './migrate-desktop.js';
export { rebalance } from './rebalance.js';
export { reconcile } from './reconcile.js';
export { shadowLoop } from './shadow-loop.js';
export { createDesktop } from './create-desktop.js';
