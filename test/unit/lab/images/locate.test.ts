import { join } from 'node:path';
import { hasCode } from '../../../../domain/errors.js';
import { runCommand } from '../../../../os/run-command.js';
import { checkoutFolder, guestAppend, imageFolder, recipeHash } from '../../../../lab/images/locate.js';

describe('guest images', () => {
  it.each(['lab/images/base', 'lab/images/small', 'lab/images/desktop', 'lab/wan'])(
    'have the name that set-up gives them (%s)',
    async (recipe) => {
      const folder = join(checkoutFolder(), recipe);
      const listing =
        'find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16';
      const fromShell = await runCommand(['bash', '-c', listing], { cwd: folder });
      expect(recipeHash(folder)).toBe(fromShell);
    },
  );

  it('that are not built are named together with what to run', () => {
    const before = process.env['XDG_CACHE_HOME'];
    process.env['XDG_CACHE_HOME'] = '/nonexistent';
    try {
      imageFolder('desktop');
      throw new Error('found');
    } catch (error) {
      expect(hasCode(error, 'PREREQUISITE') && error.message).toMatch(/desktop image.*npm run setup/);
    } finally {
      if (before === undefined) delete process.env['XDG_CACHE_HOME'];
      else process.env['XDG_CACHE_HOME'] = before;
    }
  });

  it('get their address and services on the kernel command line', () => {
    const image = {
      kernel: '',
      initrd: '',
      agentInitrd: '',
      disk: '',
      diskMiB: 1,
      usedMiB: 1,
      append: 'quiet',
    };
    expect(guestAppend(image, { address: '10.77.0.2', gateway: '10.77.0.1' }, { 'vms.disk': '400:16' })).toBe(
      'quiet vms.ip=10.77.0.2/30 vms.gw=10.77.0.1 vms.disk=400:16',
    );
  });
});
