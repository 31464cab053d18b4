// Looks at this machine as the host of a configuration: facts, other programs' firewalls, keys. Changes nothing.
import { readFile } from 'node:fs/promises';
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { messageOf } from '../domain/errors.js';
import type { CloudConfig } from '../domain/model/cloud.js';
import type { Dom0Config } from '../domain/model/dom0.js';
import type { ClosedByFirewall, HostFacts, KeyFacts } from '../domain/machine/facts.js';
import type { HostLook } from '../domain/machine/host-findings.js';
import { hostPorts } from '../domain/machine/ports.js';
import { HostCertificate } from '../drivers/peers/host-certificate.js';
import { hostPkiFiles, tornPairs } from '../drivers/peers/pki.js';
import { listRuleset } from '../guest-proxy/host/foreign-look.js';
import { loadIdentity } from '../guest-proxy/protocol/identity.js';
import { foreignProblems, Ruleset } from '../guest-proxy/rules/foreign-rules.js';

/** What is found beside the facts that the configuration was made from, or is checked with. */
export async function completeLook(
  facts: HostFacts,
  config: Dom0Config,
  cloud: CloudConfig | null,
): Promise<HostLook> {
  // Where it cannot be had nothing is told of firewalls.
  const [rules, keys] = await Promise.all([listRuleset().catch(() => null), lookAtKeys(config)]);
  return { facts, config, cloud, keys, firewall: rules === null ? [] : closedBy(rules, config) };
}

function closedBy(rules: string, config: Dom0Config): ClosedByFirewall[] {
  const ruleset = Ruleset.safeParse(parsed(rules));
  if (!ruleset.success) return [];
  // The proxies' port is among what is always looked for.
  const ports = hostPorts(config).filter((p) => p.setting !== 'controlPort');
  return foreignProblems(ruleset.data, config.uplink, config.controlPort, ports);
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}

const SILENT = { info: () => undefined, warn: () => undefined };

async function lookAtKeys({ pkiDir, identityFile, peer }: Dom0Config): Promise<KeyFacts> {
  try {
    const certificate = await HostCertificate.open(pkiDir, SILENT);
    const daysLeft = certificate.daysLeft();
    certificate.close();
    const torn = await tornPairs(pkiDir);
    const pem = await readFile(hostPkiFiles(pkiDir).serverCert);
    await loadIdentity(identityFile);
    return {
      problem:
        torn.length === 0
          ? null
          : `${join(pkiDir, '*.pem')}: key and certificate (${torn.join(', ')}) do not fit`,
      daysLeft,
      namesPeer: new X509Certificate(pem).checkIP(peer.address) !== undefined,
    };
  } catch (error) {
    return { problem: messageOf(error), daysLeft: null, namesPeer: false };
  }
}
