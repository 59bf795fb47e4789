import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { permissionOf } from './granted.ts';

/** What operators asked of API servers. */
export interface Used {
  /** How often each permission was used, allowed or not. */
  readonly requests: Map<string, number>;
  /** Those that were used on all namespaces at once. */
  readonly everywhere: Set<string>;
  /** What Kubernetes permits all authenticated users: asking for their own permissions, and discovery. */
  readonly ofAnyUser: Map<string, number>;
  /** Reads of Secrets without the label, a sentence each. */
  readonly problems: Set<string>;
}

/** The parts used of what the audit policy (hack/control-plane/commands.ts) makes the API server write. */
interface AuditEvent {
  readonly verb: string;
  readonly requestURI: string;
  readonly stage: 'ResponseStarted' | 'ResponseComplete' | 'Panic';
  readonly user: { readonly username?: string };
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly annotations?: Readonly<Record<string, string>>;
}

const operator = /^system:serviceaccount:[^:]+:vps247-operator$/;
const labeled = 'vps247.com/credentials=true';

export async function usedIn(files: readonly string[]): Promise<Used> {
  const used: Used = { requests: new Map(), everywhere: new Set(), ofAnyUser: new Map(), problems: new Set() };
  for (const file of files) {
    for await (const line of createInterface({ input: createReadStream(file) })) {
      // Killed while it wrote the line.
      if (!line.endsWith('}')) continue;
      const event = JSON.parse(line) as AuditEvent; // what the policy says
      if (operator.test(event.user.username ?? '')) count(event, used);
    }
  }
  return used;
}

function count(event: AuditEvent, used: Used): void {
  const { verb, requestURI, stage, objectRef = {}, annotations = {} } = event;
  // A watch is logged twice, when it begins and when it ends; one that is in progress, once.
  if (verb === 'watch' && stage === 'ResponseComplete' && !isRefused(event)) return;
  const url = new URL(requestURI, 'https://127.0.0.1');
  const { apiGroup = '', resource, subresource, namespace, name } = objectRef;
  const permission =
    resource === undefined ? `${verb} ${url.pathname}` : permissionOf(verb, apiGroup, resource, subresource);
  const reason = annotations['authorization.k8s.io/reason'] ?? '';
  const counts = / of ClusterRole "system:/.test(reason) ? used.ofAnyUser : used.requests;
  counts.set(permission, (counts.get(permission) ?? 0) + 1);
  if (counts === used.ofAnyUser || resource === undefined) return;
  if (namespace === undefined) used.everywhere.add(permission);
  if (resource === 'secrets' && (verb === 'list' || verb === 'watch')) {
    const selector = url.searchParams.get('labelSelector');
    if (selector !== labeled)
      used.problems.add(`${permission}: of ${selector ?? 'all'}, not only of those with ${labeled}`);
  }
  if (resource === 'secrets' && verb === 'get' && name === undefined)
    used.problems.add(`${permission}: without a name`);
}

function isRefused({ annotations = {} }: AuditEvent): boolean {
  return annotations['authorization.k8s.io/decision'] === 'forbid';
}
