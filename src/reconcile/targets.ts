import { readIdentity } from '../api/v1alpha1/identity.ts';
import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import type { Address } from '../domain/machine.ts';
import { isPublic } from '../provider/http/addresses.ts';
import type { Log } from '../telemetry/log.ts';

/** Bytes of the page: a target has about 700, with the most labels 6,000. */
const defaultLimit = 16 * 1_048_576;

const prefix = '__meta_vps247_';

interface Target {
  readonly namespace: string;
  readonly text: string;
}

export interface TargetsPageOptions {
  /** The objects that this installation manages. */
  readonly objects: () => Iterable<VirtualMachine>;
  readonly log: Log;
  readonly limit?: number;
}

/**
 * Renders the VMs as scrape targets, in the format of Prometheus' `http_sd_configs`: one target for each VM, at the
 * first of its public addresses, without a port.
 *
 * | record of a VM | state         | public address | listed                                                     |
 * | -------------- | ------------- | -------------- | ---------------------------------------------------------- |
 * | of this object | Running       | yes            | yes                                                        |
 * | of this object | Running       | no             | no: in the cluster, the same address may be a Pod or a node |
 * | of this object | anything else | any            | no                                                         |
 * | none, or of another object | any | any          | no: it may be the VM of another tenant                      |
 */
export class TargetsPage {
  readonly #options: TargetsPageOptions;
  #omitted = '';

  constructor(options: TargetsPageOptions) {
    this.#options = options;
  }

  render(): string {
    const targets = [...this.#options.objects()].flatMap((object) => targetOf(object) ?? []);
    return `[${this.#withinLimit(targets)
      .map(({ text }) => text)
      .join(',\n')}]\n`;
  }

  /** Without the largest namespaces, if all are too large: no tenant can displace the VMs of others. */
  #withinLimit(targets: readonly Target[]): readonly Target[] {
    const { limit = defaultLimit, log } = this.#options;
    const sizes = new Map<string, number>();
    let total = 0;
    for (const { namespace, text } of targets) {
      const size = Buffer.byteLength(text) + 2;
      sizes.set(namespace, (sizes.get(namespace) ?? 0) + size);
      total += size;
    }
    const omitted = new Set<string>();
    for (const [namespace, size] of [...sizes].toSorted(([, a], [, b]) => b - a)) {
      if (total <= limit) break;
      omitted.add(namespace);
      total -= size;
    }
    const names = [...omitted].join(', ');
    if (names !== this.#omitted && names !== '')
      log.warn('Omitted namespaces from /targets', {
        namespaces: [...omitted].slice(0, 10),
        count: omitted.size,
        limit,
      });
    this.#omitted = names;
    return omitted.size === 0 ? targets : targets.filter(({ namespace }) => !omitted.has(namespace));
  }
}

function targetOf(object: VirtualMachine): Target | undefined {
  const { metadata, status } = object;
  if (status?.state !== 'Running') return undefined;
  const identity = readIdentity(object);
  if (identity.kind !== 'Known') return undefined;
  const addresses = (status.addresses ?? []).filter(isPublic);
  const [first] = addresses;
  if (first === undefined) return undefined;
  const { namespace, name } = metadata;
  const facts = {
    namespace,
    name,
    id: String(identity.id),
    vm_name: identity.name,
    state: status.state,
    hostname: status.hostname,
    region: status.region?.name,
    region_id: status.region?.id,
    package: status.package?.name,
    package_id: status.package?.id,
    os_template: status.osTemplate?.name,
    os_template_id: status.osTemplate?.id,
    public_ipv4: addresses.find(({ version }) => version === 4)?.address,
    public_ipv6: addresses.find(({ version }) => version === 6)?.address,
  };
  const labels: Record<string, string> = {};
  for (const [fact, value] of Object.entries(facts)) if (value !== undefined) labels[prefix + fact] = String(value);
  addLabels(labels, metadata.labels);
  return { namespace, text: JSON.stringify({ targets: [hostOf(first)], labels }) };
}

/**
 * As Prometheus does for Kubernetes objects: an empty value is the same as no label, so that another label shows whether
 * it is present. Of two names that become one, the first in the alphabet counts.
 */
function addLabels(labels: Record<string, string>, own: Readonly<Record<string, string>> = {}): void {
  for (const name of Object.keys(own).toSorted()) {
    const sanitized = name.replaceAll(/[^a-zA-Z0-9_]/g, '_');
    if (Object.hasOwn(labels, `${prefix}labelpresent_${sanitized}`)) continue;
    labels[`${prefix}label_${sanitized}`] = own[name] ?? '';
    labels[`${prefix}labelpresent_${sanitized}`] = 'true';
  }
}

/** As in a URL, so that a port can be appended. */
function hostOf({ version, address }: Address & { readonly address: string }): string {
  return version === 6 ? `[${address}]` : address;
}
