import { readFileSync } from 'node:fs';
import { renderUnit, type UnitPlaces } from '../../../../domain/machine/unit-file.js';

const template = readFileSync('deploy/vmshadow-dom0.service', 'utf8');
const line = (key: string, places: Partial<UnitPlaces>): string => {
  const unit = renderUnit(template, {
    command: ['/usr/bin/node', '/srv/vmshadow.js'],
    config: '/etc/v/dom0.yaml',
    environment: '/etc/v/environment',
    ...places,
  });
  return new RegExp(`^${key}=(.*)$`, 'm').exec(unit)![1]!;
};
const started = (places: Partial<UnitPlaces>) => line('ExecStart', places);

it('runs what it is told to with the machine’s own files', () => {
  expect(started({})).toBe(
    '/usr/bin/node /srv/vmshadow.js dom0 --config /etc/v/dom0.yaml --metrics 127.0.0.1:9465',
  );
  expect(line('EnvironmentFile', {})).toBe('-/etc/v/environment');
});

it.each([
  ['/a b/dom0.yaml', '"/a b/dom0.yaml"'],
  ['/100%n/dom0.yaml', '/100%%n/dom0.yaml'],
  ['/$HOME/$&/dom0.yaml', '/$$HOME/$$&/dom0.yaml'],
  [`/it's/dom0.yaml`, `"/it's/dom0.yaml"`],
  ['/a"b\\c/dom0.yaml', '"/a\\"b\\\\c/dom0.yaml"'],
])('gives systemd the path %s as one that it reads so', (config, word) => {
  expect(started({ config })).toContain(` --config ${word} --metrics`);
});

it('knows that a program’s path has no variables, and a file of settings no quotes', () => {
  expect(started({ command: ['/a $b/node', '/$c/x.js'] })).toMatch(/^"\/a \$b\/node" \/\$\$c\/x\.js dom0 /);
  expect(line('EnvironmentFile', { environment: '/a b/5%/environment' })).toBe('-/a b/5%%/environment');
});
