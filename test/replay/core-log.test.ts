// What the native part of Temporal's SDK has to say goes through our log, as JSON with our levels, and not beside it to the terminal.
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { installRuntime } from '../../workers/worker-runtime.js';
import { recorded, unfit } from './recorded.js';

it("what Temporal's native part says of a history that does not fit comes to our log", async () => {
  const lines: { level: number; msg: string; sdkComponent?: string }[] = [];
  installRuntime(pino({}, { write: (line) => void lines.push(JSON.parse(line) as (typeof lines)[0]) }));
  const moved = recorded().find((h) => h.name === 'migrate-moved');
  const forged = JSON.parse(
    JSON.stringify(moved).replaceAll('"prepareReplica"', '"somethingElse"'),
  ) as typeof moved;
  const ofCore = () => lines.filter((line) => line.sdkComponent === 'core');
  const said = async () => {
    while (ofCore().length === 0) await sleep(50);
  };
  expect(await unfit([forged!], undefined, said)).toEqual(['migrate-moved']);
  expect(ofCore()).toContainEqual(
    expect.objectContaining({ level: pino.levels.values['warn'], msg: expect.stringContaining('workflow') }),
  );
});
