import { annotations } from '../../../src/api/v1alpha1/constants.ts';
import type { Condition, VirtualMachineStatus } from '../../../src/api/v1alpha1/types.ts';
import type { Request } from '../state.ts';

/** The request of a reconciliation, in a word: every action of the plan but `None` has a separate one. */
export type RequestKind = 'reread' | 'status' | 'intent' | 'record' | 'hint' | 'withdrawal' | 'release' | 'call';

interface PatchBody {
  readonly metadata?: {
    readonly finalizers?: readonly string[];
    readonly annotations?: Readonly<Record<string, string | null>>;
  };
  readonly status?: Partial<VirtualMachineStatus>;
}

export function kindOf(asks: Request): RequestKind {
  if (asks.kind === 'Read') return 'reread';
  if (asks.kind === 'Call') return 'call';
  if (asks.subresource === 'status') return bodyOf(asks.body).status?.id === undefined ? 'status' : 'record';
  const written = bodyOf(asks.body).metadata?.annotations ?? {};
  if (typeof written[annotations.machine] === 'string') return 'hint';
  if (typeof written[annotations.createPending] === 'string') return 'intent';
  return written[annotations.createPending] === null ? 'withdrawal' : 'release';
}

/** What a reconciliation asks for, to follow "it wants to". */
export function describe(asks: Request): string {
  switch (asks.kind) {
    case 'Read':
      return 'read the object again';
    case 'Call':
      return `call ${asks.call.operation} ${asks.call.id ?? asks.call.name ?? ''}`;
    case 'Patch': {
      const { metadata, status } = bodyOf(asks.body);
      const kind = kindOf(asks);
      if (kind === 'status') return `write the status${reasonIn(status?.conditions)}`;
      if (kind === 'record') return `record VM ${status?.id ?? ''}`;
      if (kind === 'hint') return `write the hint ${metadata?.annotations?.[annotations.machine] ?? ''}`;
      if (kind === 'intent') return 'write a create intent';
      return kind === 'withdrawal' ? 'remove the create intent' : 'drop the finalizer';
    }
  }
}

function reasonIn(conditions: readonly Condition[] | undefined): string {
  const synced = conditions?.find(({ type }) => type === 'Synced');
  return synced === undefined ? '' : ` ${synced.reason}`;
}

function bodyOf(body: unknown): PatchBody {
  // `as`: src/reconcile/execute/execute.ts and src/status/patch.ts write no others.
  return body as PatchBody;
}
