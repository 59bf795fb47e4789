import { group, plural, version, kind } from '../api/v1alpha1/constants.ts';
import { KubeError } from '../kubernetes/errors.ts';
import type { AccessReview, Permission } from '../kubernetes/access-review.ts';
import { type Clock, wait } from '../domain/clock.ts';
import type { Log } from '../telemetry/log.ts';
import { virtualMachineSchema } from '../api/v1alpha1/schema.ts';
import type { Schema } from '../api/v1alpha1/schema/openapi.ts';

export interface PreflightDeps {
  readonly accessReview: AccessReview;
  readonly clock: Clock;
  readonly log: Log;
  /** Returns what blocks the start, as sentences; undefined if nothing does. */
  readonly onBlocked?: (why: string | undefined) => void;
}

/** The findings: why the operator can't start, and which functions are missing; a sentence each. */
interface Findings {
  readonly blockers: readonly string[];
  readonly degradations: readonly string[];
}

const definition = `CustomResourceDefinition ${plural}.${group}`;
const remedy = 'apply deploy/manifests/crds.yaml of this version';
/** What blocks the start if the resource isn't served. */
const crdNotInstalled = `The ${definition} is not installed: ${remedy}.`;
const watchForbidden = `The API server does not let the operator list and watch ${plural}.${group}: check its roles and credentials.`;
const retryAfter = 2_000;
const maxFields = 5;

/**
 * Resolves when the cluster meets the prerequisites: a server that responds, the resource with all its fields, and the
 * permissions. You can fix any of them while the operator waits.
 */
export async function waitUntilReady(
  namespaces: readonly string[],
  { accessReview, clock, log, onBlocked }: PreflightDeps,
): Promise<void> {
  for (;;) {
    const { blockers, degradations } = await inspect(namespaces, accessReview);
    onBlocked?.(blockers.length === 0 ? undefined : blockers.join(' '));
    if (blockers.length === 0) {
      for (const degradation of degradations) log.warn('Missing optional permission', { reason: degradation });
      return;
    }
    await wait(clock, retryAfter);
  }
}

/** Why the operator isn't ready, as a sentence: the initial list is not complete, or something blocks the watch. */
export function whyNotSynced({
  blocker,
  isSynced,
}: {
  readonly blocker: 'NotServed' | 'Forbidden' | undefined;
  readonly isSynced: () => boolean;
}): string | undefined {
  if (blocker !== undefined) return blocker === 'NotServed' ? crdNotInstalled : watchForbidden;
  return isSynced()
    ? undefined
    : 'The initial list of VirtualMachines is not complete; see the log for failed requests.';
}

async function inspect(namespaces: readonly string[], accessReview: AccessReview): Promise<Findings> {
  try {
    const blockers = await findDefinition(accessReview);
    if (blockers.length > 0) return { blockers, degradations: [] };
    return await findPermissions(namespaces, accessReview);
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    return { blockers: [explain(error)], degradations: [] };
  }
}

function explain({ reason, message }: KubeError): string {
  if (reason === 'Unauthorized')
    return `The Kubernetes API server does not know who calls: correct the credentials (${message}).`;
  return `The Kubernetes API server does not answer as it should (${message}).`;
}

async function findDefinition(accessReview: AccessReview): Promise<readonly string[]> {
  let missing: readonly string[] | undefined;
  try {
    missing = missingFields(await accessReview.openApi({ group, version }));
  } catch (error) {
    if (!(error instanceof KubeError) || error.status !== 404) throw error;
  }
  if (missing === undefined) return [crdNotInstalled];
  if (missing.length === 0) return [];
  const more = missing.length > maxFields ? ` and ${missing.length - maxFields} more` : '';
  return [
    `The ${definition} is older than this operator, it lacks ${missing.slice(0, maxFields).join(', ')}${more}: ${remedy}.`,
  ];
}

async function findPermissions(namespaces: readonly string[], accessReview: AccessReview): Promise<Findings> {
  const lacking = await Promise.all(
    requiredPermissions.map(async (permission) => ({
      permission,
      where: await refusedIn(permission, namespaces, accessReview),
    })),
  );
  const found = lacking.filter(({ where }) => where.length > 0);
  return {
    blockers: found.flatMap(({ permission, where }) =>
      permission.without === undefined ? [`${sentence(permission, where)}.`] : [],
    ),
    degradations: found.flatMap(({ permission, where }) =>
      permission.without === undefined ? [] : [`${sentence(permission, where)}: ${permission.without}.`],
    ),
  };
}

/** Where the permission is missing: namespaces, or "all namespaces". A permission in all namespaces is checked once. */
async function refusedIn(
  permission: RequiredPermission,
  namespaces: readonly string[],
  accessReview: AccessReview,
): Promise<readonly string[]> {
  if (await accessReview.isAllowed(permission)) return [];
  if (namespaces.length === 0) return ['all namespaces'];
  const answers = await Promise.all(namespaces.map((namespace) => accessReview.isAllowed(permission, namespace)));
  return namespaces.filter((_, index) => answers[index] !== true).map((namespace) => `namespace ${namespace}`);
}

function sentence({ verb, group: of, resource, subresource }: RequiredPermission, where: readonly string[]): string {
  const what = [resource, subresource].filter((part) => part !== undefined).join('/');
  return `The operator may not ${verb} ${what}${of === '' ? '' : ` (${of})`} in ${where.join(', ')}`;
}

interface RequiredPermission extends Permission {
  /** The effect if it is missing; undefined: the operator can't work, and waits for it. */
  readonly without?: string;
}

const noPrompt = 'a changed API key is noticed after minutes only';
const noEvents = 'the operator emits no events';

/**
 * The permissions that the operator needs in the namespaces of its objects: the only source for the check at startup.
 */
export const requiredPermissions: readonly RequiredPermission[] = [
  ...['get', 'list', 'watch', 'patch'].map((verb) => ({ verb, group, resource: plural })),
  { verb: 'patch', group, resource: plural, subresource: 'status' },
  { verb: 'get', group: '', resource: 'secrets' },
  { verb: 'list', group: '', resource: 'secrets', without: noPrompt },
  { verb: 'watch', group: '', resource: 'secrets', without: noPrompt },
  { verb: 'create', group: '', resource: 'secrets', without: 'initial passwords are not kept' },
  { verb: 'create', group: 'events.k8s.io', resource: 'events', without: noEvents },
  { verb: 'patch', group: 'events.k8s.io', resource: 'events', without: 'events that happen again are not counted' },
];

/** A schema as the API server returns it: any field may be missing. */
interface Served {
  readonly properties?: Readonly<Record<string, Served>>;
  readonly items?: Served;
  readonly enum?: readonly unknown[];
}

/**
 * The fields that this operator uses and the installed CRD lacks, such as `spec.powerOff.mode`, and missing enum
 * values, such as `spec.powerState=Halted`; undefined if the API server's OpenAPI document doesn't contain the
 * resource. For a completely missing field, only the field is listed.
 */
export function missingFields(openApi: unknown): readonly string[] | undefined {
  // Parses any response; whatever isn't there is missing.
  const { components } = (openApi ?? {}) as {
    readonly components?: { readonly schemas?: Readonly<Record<string, Served>> };
  };
  const found = Object.entries(components?.schemas ?? {}).find(([name]) => name.endsWith(`.${version}.${kind}`));
  return found && fieldsMissingIn(virtualMachineSchema, found[1], []);
}

function fieldsMissingIn(wanted: Schema, served: Served | undefined, path: readonly string[]): readonly string[] {
  if (served === undefined) return [path.join('.')];
  // The server describes built-in kinds beside a reference to them, so metadata has no properties here.
  const properties = Object.entries(wanted.properties ?? {});
  return [
    ...properties.flatMap(([name, schema]) => fieldsMissingIn(schema, served.properties?.[name], [...path, name])),
    ...(wanted.enum ?? []).flatMap((value) =>
      served.enum?.includes(value) === false ? [`${path.join('.')}=${value}`] : [],
    ),
    ...(wanted.items === undefined ? [] : fieldsMissingIn(wanted.items, served.items, [...path, '[]'])),
  ];
}
