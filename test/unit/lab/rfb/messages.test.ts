import { hasCode } from '../../../../domain/errors.js';
import {
  clientFence,
  enableContinuousUpdates,
  framebufferUpdateRequest,
  keyEvent,
  parseVersion,
  pointerEvent,
  setEncodings,
  setPixelFormat,
} from '../../../../lab/rfb/messages.js';

const rect = { x: 1, y: 2, width: 640, height: 480 };

describe('RFB messages of the client', () => {
  it.each([
    ['SetPixelFormat', setPixelFormat(), '00000000 10100001 001f003f 001f0b05 00000000'],
    ['SetEncodings', setEncodings([16, 1, 0, -313]), '02000004 00000010 00000001 00000000 fffffec7'],
    ['FramebufferUpdateRequest', framebufferUpdateRequest(true, rect), '0301 0001 0002 0280 01e0'],
    ['EnableContinuousUpdates', enableContinuousUpdates(true, rect), '9601 0001 0002 0280 01e0'],
    ['KeyEvent', keyEvent(0xff0d, true), '0401 0000 0000ff0d'],
    ['PointerEvent', pointerEvent(1, 300, 20), '0501 012c 0014'],
    ['ClientFence', clientFence(1, Buffer.from('ab')), 'f8000000 00000001 02 6162'],
  ])('%s is laid out as RFC 6143 says', (_, message, golden) => {
    expect(message.toString('hex')).toBe(golden.replaceAll(' ', ''));
  });

  it.each([
    ['RFB 003.008\n', '3.8'],
    ['RFB 003.889\n', '3.8'],
    ['RFB 003.003\n', '3.3'],
    ['RFB 003.005\n', '3.3'],
  ])('takes %j for %s', (banner, version) => {
    expect(parseVersion(banner)).toBe(version);
  });

  it('says what came instead of a VNC banner', () => {
    try {
      parseVersion('SSH-2.0-Open');
      throw new Error('not refused');
    } catch (error) {
      expect(hasCode(error, 'PROTOCOL') && error.message).toMatch(/SSH-2\.0-Open.*expected "RFB 003\.008/);
    }
  });
});
