import { DesktopId } from '../../../../domain/model/ids.js';
import { HostState } from '../../../../guest-proxy/host/host-state.js';
import { networkRecords } from '../../../../guest-proxy/host/network-record.js';
import type { HostRules } from '../../../../guest-proxy/rules/host-rules.js';
import { errno, ModelDisk } from '../../os/model-disk.js';

const desktop = DesktopId.parse('d1');
const A = '198.51.100.10';

let disk: ModelDisk;
let plane: { broken: boolean; inForce: HostRules | null };
let state: HostState;

function open(): HostState {
  return new HostState({
    records: networkRecords('/network', { files: disk.files }),
    plane: {
      apply: async (rules) => {
        if (plane.broken) throw new Error('no nft');
        plane.inForce = rules;
      },
      setHeld: async () => undefined,
      standing: async () => (plane.inForce === null ? null : JSON.stringify(plane.inForce)),
    },
    relays: { rules: () => ({ addresses: [], inward: [], outward: [] }), addresses: () => [] },
    uplink: 'eth0',
    controlPort: 7946,
  });
}
const setExternal = (external: string | null, whenInForce?: () => void) =>
  state.change(desktop, (r) => ({ ...r, external }), whenInForce);

beforeEach(async () => {
  disk = new ModelDisk();
  plane = { broken: false, inForce: null };
  state = open();
  await state.load();
});

it('a change is recorded and in force, also for the next process', async () => {
  await setExternal(A);
  expect(plane.inForce?.owned).toEqual([A]);
  plane.inForce = null;
  expect(await open().load()).toMatchObject([{ desktop, external: A }]);
  expect(plane.inForce).toMatchObject({ owned: [A] });
});

it('a change that could not be recorded is taken back, from memory and from the kernel', async () => {
  disk.fault = ({ operation }) =>
    operation === 'writeNew' ? { when: 'before', error: errno('ENOSPC') } : null;
  await expect(setExternal(A)).rejects.toMatchObject({ code: 'RECORD_UNWRITTEN' });
  expect(state.find(desktop)).toBeNull();
  expect(plane.inForce?.owned).toEqual([]);
});

it('a change that was recorded although that failed stands, in memory and in the kernel', async () => {
  await setExternal(null);
  let failures = 3;
  disk.fault = ({ operation, path }) =>
    operation === 'sync' && path === '/network/desktops' && failures-- > 0
      ? { when: 'before', error: errno('EIO') }
      : null;
  await expect(setExternal(A)).rejects.toMatchObject({ code: 'RECORD_NOT_DURABLE' });
  expect(state.find(desktop)).toMatchObject({ external: A });
  expect(plane.inForce?.owned).toEqual([A]);
  await expect(setExternal(A)).resolves.toMatchObject({ external: A });
});

it('a change whose rules could not be put in force is recorded, and in force with the next one', async () => {
  plane.broken = true;
  let called = false;
  await expect(setExternal(A, () => (called = true))).rejects.toThrow('no nft');
  expect(called).toBe(false);
  expect(state.find(desktop)).toMatchObject({ external: A });
  plane.broken = false;
  await state.change(desktop, (r) => ({ ...r, clients: [] }));
  expect(plane.inForce?.owned).toEqual([A]);
});

it('a desktop that could not be removed is still there; one that was, although that failed, is not', async () => {
  await setExternal(A);
  disk.fault = ({ operation }) => (operation === 'remove' ? { when: 'before', error: errno('EIO') } : null);
  await expect(state.remove(desktop)).rejects.toMatchObject({ code: 'RECORD_UNWRITTEN' });
  expect(state.find(desktop)).not.toBeNull();
  let failures = 3;
  disk.fault = ({ operation }) =>
    operation === 'sync' && failures-- > 0 ? { when: 'before', error: errno('EIO') } : null;
  await expect(state.remove(desktop)).rejects.toMatchObject({ code: 'RECORD_NOT_DURABLE' });
  expect(state.find(desktop)).toBeNull();
  expect(plane.inForce?.owned).toEqual([]);
});

it('a host whose records cannot be read puts no rules in force', async () => {
  await setExternal(A);
  plane.inForce = null;
  disk.fault = ({ operation }) =>
    operation === 'readNames' ? { when: 'before', error: errno('EIO') } : null;
  await expect(open().load()).rejects.toMatchObject({ code: 'RECORD_UNREADABLE' });
  expect(plane.inForce).toBeNull();
});
