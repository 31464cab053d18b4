import { parseConfig } from '../../../../cli/config-file.js';
import { Capacity } from '../../../../domain/model/capacity.js';
import { CloudConfig } from '../../../../domain/model/cloud.js';
import { DesktopDefinition } from '../../../../domain/model/desktop.js';
import { readsOldNames, withNewNames } from '../../../../domain/model/old-names.js';
import { PlanInput } from '../../../../domain/placement/request/model.js';
import { unknownFields } from '../../../../domain/placement/request/unknown-fields.js';
import { CreateDesktop } from '../../../../temporal/contract/requests.js';
import { z } from 'zod';

const network = { address: '10.77.0.2', gateway: '10.77.0.1', mac: '52:54:00:00:00:01' };

describe('a file or message of a release before', () => {
  it('gives a definition, a capacity and a new desktop their sizes under the present names', () => {
    const old = { memoryMb: 512, diskMb: 2048 };
    expect(DesktopDefinition.parse({ id: 'd1', ...old, network })).toMatchObject({
      memoryMiB: 512,
      diskMiB: 2048,
    });
    expect(Capacity.parse({ slots: 1, vcpus: 1, ...old })).toEqual({
      slots: 1,
      vcpus: 1,
      memoryMiB: 512,
      diskMiB: 2048,
    });
    expect(CreateDesktop.parse({ id: 'd1', site: 'west', ...old })).not.toHaveProperty('memoryMb');
  });

  it('is a plan input or a cloud whose policy is read as it was meant', async () => {
    const input = PlanInput.parse({
      sites: [{ id: 'a', kind: 'regional', slots: 1, hosts: [{ id: 'h', memoryGb: 8, diskGb: 9 }] }],
      desktops: [{ id: 'd', rank: 1, site: 'a', memoryGb: 1, diskGb: 2, rttMs: {} }],
      reservations: [{ desktop: 'e', site: 'a', memoryGb: 3, diskGb: 4 }],
      policy: { msPerGb: 5, budgetGb: 6 },
    });
    expect(input).toMatchObject({
      sites: [{ hosts: [{ memoryGB: 8, diskGB: 9 }] }],
      desktops: [{ memoryGB: 1, diskGB: 2 }],
      reservations: [{ memoryGB: 3, diskGB: 4 }],
      policy: { msPerGB: 5, budgetGB: 6 },
    });
    const yaml = [
      'sites:',
      '  - id: west',
      '    kind: regional',
      '    hosts: [{ id: h1, peer: { address: 192.0.2.1, port: 1 }, probe: { address: 192.0.2.1, port: 2 } }]',
      'policy: { placement: { msPerGb: 7 } }',
    ].join('\n');
    expect((await parseConfig(yaml, CloudConfig, 'vmshadow.yaml')).policy.placement.msPerGB).toBe(7);
  });

  it('names no field of a plan input unknown for its old name', () => {
    expect(unknownFields({ policy: { msPerGb: 1 }, desktops: [{ memoryGb: 1, memoryMb: 1 }] })).toEqual([
      'unknown field desktops[].memoryMb is not understood',
    ]);
  });
});

describe('readsOldNames', () => {
  const strict = readsOldNames(z.strictObject({ memoryMiB: z.number() }));

  it('takes both names with one value, and refuses them with two', () => {
    expect(strict.parse({ memoryMb: 1, memoryMiB: 1 })).toEqual({ memoryMiB: 1 });
    const refused = strict.safeParse({ memoryMb: 1, memoryMiB: 2 });
    expect(refused.error?.issues).toMatchObject([
      { path: ['memoryMiB'], message: expect.stringContaining('given twice') as string },
    ]);
  });

  it('renames only the fields that its schema has: others are unknown as before', () => {
    expect(strict.safeParse({ memoryMiB: 1, diskMb: 2 }).error?.issues).toMatchObject([
      { code: 'unrecognized_keys', keys: ['diskMb'] },
    ]);
    expect(strict.safeParse('text').success).toBe(false);
    expect(strict.safeParse(null).success).toBe(false);
  });
});

describe('withNewNames', () => {
  it('renames at any depth, and leaves values, lists and a name that is there twice', () => {
    const given = { policy: { msPerGb: 1 }, hosts: [{ capacity: { memoryMb: 2, slots: 3 } }], at: null };
    expect(withNewNames<unknown>(given)).toEqual({
      policy: { msPerGB: 1 },
      hosts: [{ capacity: { memoryMiB: 2, slots: 3 } }],
      at: null,
    });
    const switched = { hypervisorPauseMs: 7, wallPauseMs: 9, heldPackets: 1 };
    expect(withNewNames<unknown>(switched)).toEqual({ downtimeMs: 7, switchoverMs: 9, heldPackets: 1 });
    const twice = { diskMb: 1, diskMiB: 2 };
    expect(withNewNames(twice)).toEqual(twice);
  });
});
