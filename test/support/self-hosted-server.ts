// A Temporal server on PostgreSQL with mutual TLS, as deploy/temporal sets one up: the same files, with ports, folder and database of its
// own. `npm run test:self-hosted` puts the programs where this looks (scripts/setup.d/self-hosted.sh). Needs root: PostgreSQL refuses it.
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { runCommand } from '../../os/run-command.js';
import { howItEnded, startCommand, type StartedCommand } from '../../os/start-command.js';
import { eventually } from './eventually.js';
import { freePort } from './free-port.js';

const VERSION = '1.29.1';
const BIN = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'vmshadow', 'bin');
const program = (name: string) => join(BIN, `${name}-${VERSION}`);
const deployed = (file: string) => fileURLToPath(new URL(`../../deploy/temporal/${file}`, import.meta.url));

/** Of the certificate, whatever address it is reached at. */
const SERVER_NAME = 'temporal.example.org';
const PASSWORD = 'of-the-database';
/** Some hundred statements a database, on a disk that syncs each. */
const SCHEMA_TIMEOUT_MS = 180_000;
/** Each release in a folder of its own. */
const DEBIAN_POSTGRESQL = '/usr/lib/postgresql';

interface ServerConfig {
  persistence: { datastores: Record<string, { sql: { connectAddr: string } }> };
  global: { metrics: { prometheus: { listenAddress: string } }; tls: unknown };
  services: Record<string, { rpc: { grpcPort: number; membershipPort: number } }>;
  clusterMetadata: { clusterInformation: { active: { rpcAddress: string } } };
  dynamicConfigClient: { filepath: string };
}

export class SelfHostedServer {
  readonly dir: string;
  readonly address: string;
  readonly #database: StartedCommand;
  #server: StartedCommand | null = null;

  private constructor(dir: string, address: string, database: StartedCommand) {
    this.dir = dir;
    this.address = address;
    this.#database = database;
  }

  /** Set up both, and start them. */
  static async start(): Promise<SelfHostedServer> {
    const dir = await mkdtemp(join(tmpdir(), 'vmshadow-self-hosted-'));
    // PostgreSQL's user looks for its folder in it.
    await chmod(dir, 0o755);
    const databasePort = await freePort();
    const database = await startDatabase(dir, databasePort);
    await runCommand([deployed('set-up-database'), program('temporal-sql-tool')], {
      timeoutMs: SCHEMA_TIMEOUT_MS,
      env: { PGHOST: '127.0.0.1', PGPORT: String(databasePort), TEMPORAL_DB_PASSWORD: PASSWORD },
    });
    await makeCertificates(join(dir, 'tls'));
    const port = await configure(dir, databasePort);
    const self = new SelfHostedServer(dir, `127.0.0.1:${String(port)}`, database);
    await self.startServer();
    return self;
  }

  /** What whoever connects has in its environment. */
  environment(namespace: string): Record<string, string> {
    const tls = (file: string) => join(this.dir, 'tls', file);
    return {
      TEMPORAL_ADDRESS: this.address,
      TEMPORAL_NAMESPACE: namespace,
      TEMPORAL_TLS_SERVER_NAME: SERVER_NAME,
      TEMPORAL_TLS_SERVER_CA_CERT_PATH: tls('ca.pem'),
      TEMPORAL_TLS_CLIENT_CERT_PATH: tls('client.pem'),
      TEMPORAL_TLS_CLIENT_KEY_PATH: tls('client.key'),
    };
  }

  /** Start the server on the database as it is, and wait until it answers. */
  async startServer(): Promise<void> {
    const server = startCommand(
      [
        program('temporal-server'),
        ...['--root', this.dir, '--config', '.', '--env', 'production', '--allow-no-auth', 'start'],
      ],
      { logFile: join(this.dir, 'server.log'), env: { TEMPORAL_DB_PASSWORD: PASSWORD } },
    );
    this.#server = server;
    await eventually(
      async () => {
        if (server.end !== null)
          throw new Error(`the server ${howItEnded(server.end)}:\n${await this.#log()}`);
        return this.temporal('operator', 'cluster', 'health').catch((error: unknown) => String(error));
      },
      (health) => health.includes('SERVING'),
    );
  }

  /** End the server; the database goes on. */
  async stopServer(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.#server?.kill(signal);
    await this.#server?.ended;
    this.#server = null;
  }

  /** Run the `temporal` command against it, as an operator would. */
  temporal(...argv: string[]): Promise<string> {
    return runCommand(['temporal', ...argv], {
      env: { PATH: `${process.env['PATH'] ?? ''}:${BIN}`, ...this.environment('default') },
    });
  }

  /** End both, and remove everything. */
  async stop(): Promise<void> {
    await this.stopServer();
    // Fast: without waiting for connections, with everything written.
    this.#database.kill('SIGINT');
    await this.#database.ended;
    await rm(this.dir, { recursive: true, force: true });
  }

  async #log(): Promise<string> {
    return (await readFile(join(this.dir, 'server.log'), 'utf8')).slice(-4_000);
  }
}

/** A cluster of its own in the folder, with the two databases that a Temporal server needs. */
async function startDatabase(dir: string, port: number): Promise<StartedCommand> {
  const [release = ''] = (await readdir(DEBIAN_POSTGRESQL)).toSorted((a, b) => Number(b) - Number(a));
  const bin = join(DEBIAN_POSTGRESQL, release, 'bin');
  const data = join(dir, 'database');
  await mkdir(data, { mode: 0o700 });
  await runCommand(['chown', 'postgres:postgres', data]);
  const as = ['setpriv', '--reuid', 'postgres', '--regid', 'postgres', '--clear-groups'] as const;
  await runCommand(
    [...as, join(bin, 'initdb'), '-D', data, '--auth-local=peer', '--auth-host=scram-sha-256'],
    { cwd: dir },
  );
  const database = startCommand(
    [
      ...as,
      join(bin, 'postgres'),
      ...['-D', data, '-p', String(port), '-k', data, '-c', 'listen_addresses=127.0.0.1'],
    ],
    { logFile: join(dir, 'database.log') },
  );
  const sql = (text: string) =>
    runCommand([...as, join(bin, 'psql'), '-h', data, '-p', String(port), '-c', text], {
      cwd: dir,
    }).then(
      () => true,
      () => false,
    );
  await eventually(
    () => sql('select 1'),
    (answers) => answers,
  );
  for (const command of [
    `create role temporal login password '${PASSWORD}'`,
    'create database temporal owner temporal',
    'create database temporal_visibility owner temporal',
  ])
    if (!(await sql(command))) throw new Error(`PostgreSQL refused: ${command}`);
  return database;
}

/** An authority, a certificate of the server, and one of whoever connects. */
async function makeCertificates(dir: string): Promise<void> {
  await mkdir(dir);
  const openssl = (...argv: string[]) => runCommand(['openssl', ...argv], { cwd: dir });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc'];
  await openssl('req', '-x509', ...key, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=authority');
  for (const [name, subject] of [
    ['server', SERVER_NAME],
    ['client', 'manager'],
  ] as const)
    await openssl(
      ...['req', '-x509', '-CA', 'ca.pem', '-CAkey', 'ca.key', ...key, '-days', '2'],
      ...['-keyout', `${name}.key`, '-out', `${name}.pem`, '-subj', `/CN=${subject}`],
      ...['-addext', `subjectAltName=DNS:${subject}`, '-addext', 'basicConstraints=critical,CA:FALSE'],
    );
}

/** The deployed files, with what is of this machine put in; gives the port that clients connect to. */
async function configure(dir: string, databasePort: number): Promise<number> {
  const text = await readFile(deployed('production.yaml'), 'utf8');
  const config = parse(text.replaceAll('/etc/temporal', dir)) as ServerConfig;
  for (const { sql } of Object.values(config.persistence.datastores))
    sql.connectAddr = `127.0.0.1:${String(databasePort)}`;
  for (const { rpc } of Object.values(config.services))
    Object.assign(rpc, { grpcPort: await freePort(), membershipPort: await freePort() });
  const port = config.services['frontend']?.rpc.grpcPort ?? 0;
  config.clusterMetadata.clusterInformation.active.rpcAddress = `127.0.0.1:${String(port)}`;
  config.global.metrics.prometheus.listenAddress = `127.0.0.1:${String(await freePort())}`;
  await writeFile(join(dir, 'production.yaml'), `# enable-template\n${stringify(config)}`);
  await copyFile(deployed('dynamic-config.yaml'), join(dir, 'dynamic-config.yaml'));
  return port;
}
