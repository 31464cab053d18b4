import { asUser, findUser } from '../../../os/run-as.js';

describe('a user to run as', () => {
  it('is found by its name, or is who its numbers say', async () => {
    expect(await findUser('daemon')).toEqual({ uid: 1, gid: 1, name: 'daemon' });
    expect(await findUser('2000000001:7')).toEqual({ uid: 2_000_000_001, gid: 7, name: null });
  });

  it('is nobody where it is root, or is not there', async () => {
    expect(await findUser('root')).toBeNull();
    expect(await findUser('nobody-of-this-name')).toBeNull();
  });

  it('gets the groups of its name and not one right', () => {
    const argv = asUser({ uid: 5, gid: 6, name: 'five' }, ['qemu', '-x']);
    expect(argv[0]).toBe('setpriv');
    expect(argv).toEqual(expect.arrayContaining(['--reuid=5', '--regid=6', '--init-groups']));
    expect(argv).toEqual(
      expect.arrayContaining(['--no-new-privs', '--inh-caps=-all', '--bounding-set=-all']),
    );
    expect(argv.slice(-3)).toEqual(['--', 'qemu', '-x']);
    expect(asUser({ uid: 5, gid: 6, name: null }, ['qemu'])).toContain('--clear-groups');
    expect(asUser(null, ['qemu', '-x'])).toEqual(['qemu', '-x']);
  });
});
