import { group, plural, version } from '../api/v1alpha1/constants.ts';
import { KubeError } from '../kubernetes/errors.ts';
import type { Inquiries } from '../kubernetes/access-review.ts';
import { wait } from '../kubernetes/wait.ts';
import type { Clock } from '../domain/clock.ts';
import type { Log } from '../telemetry/log.ts';
import { type NeededRight, neededRights } from './required-permissions.ts';
import { missingFields } from './served-schema.ts';

export interface PreflightDeps {
  readonly inquiries: Inquiries;
  readonly clock: Clock;
  readonly log: Log;
  /** What stands in the way, as sentences, whenever it is looked for; undefined when nothing does. */
  readonly onObstacle?: (why: string | undefined) => void;
}

/** What was found: why the operator cannot begin, and what it will have to do without; a sentence each. */
interface Findings {
  readonly obstacles: readonly string[];
  readonly losses: readonly string[];
}

const definition = `CustomResourceDefinition ${plural}.${group}`;
const remedy = 'apply deploy/manifests/crds.yaml of this version';
/** What stands in the way when the resource is not served. */
export const notInstalled = `The ${definition} is not installed: ${remedy}.`;
const retryAfter = 2_000;
const mostFields = 5;

/**
 * Resolves when the cluster has what the operator cannot do without: a server that answers, the resource with all its fields,
 * and the permissions. You can add what is missing while the operator waits, so it waits.
 */
export async function untilUsable(
  namespaces: readonly string[],
  { inquiries, clock, log, onObstacle }: PreflightDeps,
): Promise<void> {
  for (;;) {
    const { obstacles, losses } = await inspect(namespaces, inquiries);
    onObstacle?.(obstacles.length === 0 ? undefined : obstacles.join(' '));
    if (obstacles.length === 0) {
      for (const loss of losses) log.warn('Missing optional permission', { reason: loss });
      return;
    }
    await wait(clock, retryAfter);
  }
}

async function inspect(namespaces: readonly string[], inquiries: Inquiries): Promise<Findings> {
  try {
    const obstacles = await findDefinition(inquiries);
    if (obstacles.length > 0) return { obstacles, losses: [] };
    return await findRights(namespaces, inquiries);
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    return { obstacles: [explain(error)], losses: [] };
  }
}

function explain({ reason, message }: KubeError): string {
  if (reason === 'Unauthorized')
    return `The Kubernetes API server does not know who calls: correct the credentials (${message}).`;
  return `The Kubernetes API server does not answer as it should (${message}).`;
}

async function findDefinition(inquiries: Inquiries): Promise<readonly string[]> {
  let missing: readonly string[] | undefined;
  try {
    missing = missingFields(await inquiries.openApi({ group, version }));
  } catch (error) {
    if (!(error instanceof KubeError) || error.status !== 404) throw error;
  }
  if (missing === undefined) return [notInstalled];
  if (missing.length === 0) return [];
  const more = missing.length > mostFields ? ` and ${missing.length - mostFields} more` : '';
  return [
    `The ${definition} is older than this operator, it lacks ${missing.slice(0, mostFields).join(', ')}${more}: ${remedy}.`,
  ];
}

async function findRights(namespaces: readonly string[], inquiries: Inquiries): Promise<Findings> {
  const lacking = await Promise.all(
    neededRights.map(async (right) => ({ right, where: await refusedIn(right, namespaces, inquiries) })),
  );
  const found = lacking.filter(({ where }) => where.length > 0);
  return {
    obstacles: found.flatMap(({ right, where }) => (right.without === undefined ? [`${sentence(right, where)}.`] : [])),
    losses: found.flatMap(({ right, where }) =>
      right.without === undefined ? [] : [`${sentence(right, where)}: ${right.without}.`],
    ),
  };
}

/** Where it is refused: namespaces, or "all namespaces". Whoever may do it everywhere is asked once. */
async function refusedIn(
  right: NeededRight,
  namespaces: readonly string[],
  inquiries: Inquiries,
): Promise<readonly string[]> {
  if (await inquiries.isAllowed(right)) return [];
  if (namespaces.length === 0) return ['all namespaces'];
  const answers = await Promise.all(namespaces.map((namespace) => inquiries.isAllowed(right, namespace)));
  return namespaces.filter((_, index) => answers[index] !== true).map((namespace) => `namespace ${namespace}`);
}

function sentence({ verb, group: of, resource, subresource }: NeededRight, where: readonly string[]): string {
  const what = [resource, subresource].filter((part) => part !== undefined).join('/');
  return `The operator may not ${verb} ${what}${of === '' ? '' : ` (${of})`} in ${where.join(', ')}`;
}
