// What is said where a Temporal server lacks something, or is slow: one message each, with what to do.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@temporalio/client';
import proto from '@temporalio/proto';
import { stringify } from 'yaml';
import { LoopClient } from '../../cli/loop-client.js';
import { PoolId } from '../../domain/model/ids.js';
import { ensureSearchAttributes } from '../../temporal/bootstrap.js';
import { ATTRIBUTE } from '../../temporal/contract/names.js';
import { ControlPlane } from '../support/control-plane.js';
import { eventually } from '../support/eventually.js';
import { oneHostSites } from '../support/one-host-sites.js';
import { vmshadow } from '../support/vmshadow.js';

const { INDEXED_VALUE_TYPE_KEYWORD: KEYWORD, INDEXED_VALUE_TYPE_TEXT: TEXT } =
  proto.temporal.api.enums.v1.IndexedValueType;
/** Of the server's own database, for each namespace. */
const MOST_KEYWORDS = 10;

let plane: ControlPlane;
beforeAll(async () => {
  plane = await ControlPlane.start();
});
afterAll(() => plane.stop());

/** A client of a new namespace that has these search attributes. */
async function namespaceWith(namespace: string, attributes: Record<string, number>): Promise<Client> {
  const { connection } = plane.client;
  const retention = { seconds: 86_400 };
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: retention as never,
  });
  const client = new Client({ connection, namespace });
  await eventually(
    () =>
      connection.operatorService.addSearchAttributes({ namespace, searchAttributes: attributes }).then(
        () => null,
        // It is known everywhere only after a while.
        (error: unknown) => String(error),
      ),
    (problem) => problem === null,
  );
  await eventually(
    () => connection.operatorService.listSearchAttributes({ namespace }),
    ({ customAttributes }) => Object.keys(attributes).every((name) => name in customAttributes),
  );
  return client;
}

describe('a server', () => {
  it('without the namespace is told apart from one without a loop, by commands and by daemons', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'vmshadow-nowhere-'));
    try {
      const config = join(dir, 'vmshadow.yaml');
      await writeFile(config, stringify({ sites: oneHostSites(['us-west']) }));
      const env = { TEMPORAL_ADDRESS: plane.address, TEMPORAL_NAMESPACE: 'nowhere' };
      const said =
        /there is no namespace nowhere at the Temporal server 127\.0\.0\.1:\d+\. Make it \(`temporal operator namespace create nowhere/;
      for (const argv of [['status'], ['manager', '--config', config]]) {
        const { exit, err } = await vmshadow(argv, { env });
        expect([argv[0], exit, err.match(new RegExp(said, 'g'))?.length]).toEqual([argv[0], 78, 1]);
      }
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  }, 240_000);

  it('that takes no more search attributes is named with the command for whoever may add them', async () => {
    const others = Object.fromEntries(
      Array.from({ length: MOST_KEYWORDS - 2 }, (_, n) => [`Other${String(n)}`, KEYWORD]),
    );
    const client = await namespaceWith('full', others);
    await expect(ensureSearchAttributes(client)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(
        /the namespace full lacks search attributes .* cannot be added from here \(.+\)\. .*`temporal operator search-attribute create --namespace full --name VmsDesktop --type Keyword /,
      ) as string,
    });
  });

  it('whose search attributes are of another type is told which', async () => {
    const client = await namespaceWith('other', { [ATTRIBUTE.phase.name]: TEXT });
    await expect(ensureSearchAttributes(client)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(/the namespace other has .* that are no keywords: VmsPhase\./) as string,
    });
  });

  it('that is slow is told apart from one whose manager is away', async () => {
    const way = await slowableWay(Number(plane.address.split(':')[1]));
    process.env['TEMPORAL_ADDRESS'] = way.address;
    const loop = await LoopClient.connect(PoolId.parse('main'));
    try {
      way.slow();
      await expect(loop.status()).rejects.toMatchObject({
        code: 'CONTROL_PLANE',
        message: expect.stringMatching(
          /the Temporal server 127\.0\.0\.1:\d+ is there and has not answered within 5 s/,
        ) as string,
      });
    } finally {
      await loop.close();
      way.close();
    }
  });
});

/** A way to a port of this machine on which, from a moment on, nothing comes back. */
async function slowableWay(port: number): Promise<{ readonly address: string; slow(): void; close(): void }> {
  const sockets: Socket[] = [];
  let isSlow = false;
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    sockets.push(near, far);
    for (const socket of [near, far]) socket.on('error', () => undefined);
    near.pipe(far);
    far.on('data', (bytes) => {
      if (!isSlow) near.write(bytes);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port: own } = server.address() as { port: number };
  return {
    address: `127.0.0.1:${String(own)}`,
    slow: () => {
      isSlow = true;
    },
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
