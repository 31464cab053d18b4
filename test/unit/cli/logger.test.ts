import { makeLogger } from '../../../cli/logger.js';

const onTerminal = (env: Record<string, string> = { NO_COLOR: '1' }) => {
  let shown = '';
  const logger = makeLogger(env, {
    isTTY: true,
    write: (text: string | Uint8Array) => (shown += String(text)) !== '',
  });
  return { logger, shown: () => shown };
};

describe("a daemon's log on a terminal", () => {
  it('is short: time, level, message, fields', () => {
    const { logger, shown } = onTerminal();
    logger.info({ pool: 'main', n: 3 }, 'manager ready');
    expect(shown()).toMatch(/^\d\d:\d\d:\d\d info: manager ready pool=main n=3\n$/);
  });

  it.each(['err', 'error'])('shows the message of what was thrown once, without its stack (%s)', (key) => {
    const { logger, shown } = onTerminal();
    logger.error({ [key]: new Error('no room') }, 'move failed');
    logger.error({ [key]: new Error('no room') }, 'no room');
    logger.error({ [key]: 'no room', desktop: 'd1' }, 'move failed');
    expect(shown().replaceAll(/\d\d:\d\d:\d\d /g, '')).toBe(
      'error: move failed (no room)\nerror: no room\nerror: move failed (no room) desktop=d1\n',
    );
  });

  it('has colors unless they are not wanted', () => {
    const [colored, plain] = [onTerminal({}), onTerminal()];
    for (const { logger } of [colored, plain]) logger.warn('careful');
    expect(colored.shown()).toContain('\u001b[');
    expect(plain.shown()).not.toContain('\u001b[');
  });

  it('leaves out what is below the level asked for', () => {
    const { logger, shown } = onTerminal({ VMSHADOW_LOG_LEVEL: 'error' });
    logger.warn('careful');
    expect(shown()).toBe('');
  });
});
