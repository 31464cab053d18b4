import { qemuUser } from '../../../workers/qemu-user.js';
import { DEFAULT_QEMU_USER } from '../../../domain/model/dom0.js';
import { findUser } from '../../../os/run-as.js';

describe('the user as whom QEMU runs', () => {
  const said: string[] = [];
  const logger = { warn: (message: string) => void said.push(message) };
  beforeEach(() => void said.splice(0));

  it('is the one that was asked for, without a word', async () => {
    expect(await qemuUser({ qemuUser: 'daemon' }, logger)).toMatchObject({ uid: 1 });
    expect(await qemuUser({ qemuUser: '70000:70001' }, logger)).toEqual({
      uid: 70_000,
      gid: 70_001,
      name: null,
    });
    expect(await qemuUser({ qemuUser: 'root' }, logger)).toBeNull();
    expect(said).toEqual([]);
  });

  it('must be there where it was asked for', async () => {
    await expect(qemuUser({ qemuUser: 'nobody-of-this-name' }, logger)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/nobody-of-this-name.*useradd/) as unknown,
    });
  });

  it('is the one that setup makes, and where there is none it is said what to do', async () => {
    const made = await findUser('vmshadow-qemu');
    expect(await qemuUser({ qemuUser: DEFAULT_QEMU_USER }, logger)).toEqual(made);
    expect(said.join(' ')).toMatch(made === null ? /run as root.*useradd/ : /^$/);
  });
});
