import { startWireProxy, type Passing, type Treatment } from '../../support/wire-proxy.ts';
import { fullName } from '../../../src/telemetry/metrics-table.ts';
import type { OperatorProcess } from '../../support/operator-process.ts';
import { kubectl } from '../../support/shared-cluster.ts';
import type { OperatorFixture } from './fixture.ts';

/** The operator's service account may take Leases here only. */
const leaseNamespace = 'vps247-system';

/** Flags of the operators of a stage that elect one of them. */
export function elected({ namespace }: OperatorFixture): readonly string[] {
  return [`--leader-election-namespace=${leaseNamespace}`, `--lease-name=${namespace}`];
}

/** The same in less than half of the time, which is still eight renewals. */
export function hastilyElected(fixture: OperatorFixture): readonly string[] {
  return [...elected(fixture), '--lease-duration=6s', '--renew-deadline=4s', '--retry-period=500ms'];
}

/** The value of a metric without labels, or the sum over all labels. */
export async function metric(operator: OperatorProcess, name: string): Promise<number> {
  const { metrics } = await operator.addresses;
  const page = await (await fetch(`${metrics}/metrics`)).text();
  const lines = page.split('\n').filter((line) => new RegExp(`^${fullName(name)}[ {]`).test(line));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

export async function isLeading(operator: OperatorProcess): Promise<boolean> {
  return (await metric(operator, 'leader_election_master_status')) === 1;
}

export function untilLeading(fixture: OperatorFixture, operator: OperatorProcess): Promise<void> {
  return fixture.cluster.until('it leads', () => isLeading(operator));
}

/** Everything has been read; whether it leads is another question. */
export function untilReadyToLead(fixture: OperatorFixture, operator: OperatorProcess): Promise<void> {
  return fixture.cluster.until(
    'it is ready',
    async () => (await fetch(`${(await operator.addresses).health}/readyz`)).ok,
  );
}

/** Observes a request of an operator, and may interfere with it. */
export async function watchedOperator(
  fixture: OperatorFixture,
  flags: readonly string[],
  decide: (request: Passing) => Treatment,
): Promise<{ readonly operator: OperatorProcess; readonly close: () => Promise<void> }> {
  const { kubeconfig, apiUrl, directory } = fixture;
  const proxy = await startWireProxy({ kubeconfig, apiUrl, directory, decide });
  return { operator: fixture.start({ flags, through: proxy }), close: () => proxy.close() };
}

export function isOfLease({ path }: Passing): boolean {
  return path.includes('/leases');
}

/** Whether it would change something that is not the operator's own Lease, or asks a question that is worded as a POST. */
export function isChange(request: Passing): boolean {
  return request.method !== 'GET' && !isOfLease(request) && !request.path.endsWith('/selfsubjectaccessreviews');
}

/** Who holds the Lease of the stage's operators; undefined when it was given back. */
export async function holderOf(fixture: OperatorFixture): Promise<string | undefined> {
  const metadata = { name: fixture.namespace, namespace: leaseNamespace };
  const lease = await fixture.cluster.read({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata });
  // What the API server stores of a Lease.
  const { holderIdentity } =
    (lease as { readonly spec?: { readonly holderIdentity?: string } } | undefined)?.spec ?? {};
  return holderIdentity === '' ? undefined : holderIdentity;
}

/** A change of the Lease by a user with kubectl. */
export async function editLease(fixture: OperatorFixture, spec: Readonly<Record<string, unknown>>): Promise<void> {
  const patch = ['patch', 'lease', fixture.namespace, '--type=merge', '-p', JSON.stringify({ spec })];
  const { code, stderr } = await kubectl(['-n', leaseNamespace, ...patch]);
  if (code !== 0) throw new Error(stderr);
}

/** A signal to the process as it is, without waiting for anything. */
export function signal({ pid }: OperatorProcess, name: NodeJS.Signals): void {
  process.kill(pid, name);
}
