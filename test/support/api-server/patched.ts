import type { Patch } from '../../../src/kubernetes/client.ts';

/** What an API server makes of a merge patch: versions, the status subresource and finalizers, as the real one has them. Pure. */
export function patched<T extends { readonly metadata: object }>(
  before: T,
  { subresource, body }: { readonly subresource?: Patch['subresource'] | undefined; readonly body: unknown },
): T | 'Conflict' | 'Invalid' {
  // `as`: metadata is what tests put there and the operator wrote, and a merge patch is an object.
  const stored = before.metadata as Metadata;
  const { metadata = {}, ...rest } = body as { readonly metadata?: Metadata };
  const { resourceVersion = stored.resourceVersion, ...change } = metadata;
  if (resourceVersion !== stored.resourceVersion) return 'Conflict';
  if (stored.deletionTimestamp !== undefined && addsFinalizer(stored, change)) return 'Invalid';
  // `as`: patches keep the shape, or the operator's types were wrong.
  return merge(before, subresource === 'status' ? rest : { ...rest, metadata: change }) as T;
}

interface Metadata {
  readonly resourceVersion?: unknown;
  readonly deletionTimestamp?: unknown;
  readonly finalizers?: unknown;
}

/** An object that is being deleted takes no new finalizers. */
function addsFinalizer({ finalizers: stored }: Metadata, { finalizers }: Metadata): boolean {
  const known: readonly unknown[] = Array.isArray(stored) ? stored : [];
  return Array.isArray(finalizers) && finalizers.some((name) => !known.includes(name));
}

/** An object that is being deleted is removed with its last finalizer. */
export function isRemoved({ metadata }: { readonly metadata: object }): boolean {
  // `as`: as above.
  const { deletionTimestamp, finalizers } = metadata as Metadata;
  return deletionTimestamp !== undefined && (!Array.isArray(finalizers) || finalizers.length === 0);
}

export function withVersion<T extends { readonly metadata: object }>(object: T, version: number): T {
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
}

/** RFC 7386. */
function merge(before: unknown, change: unknown): unknown {
  if (!isRecord(change)) return change;
  const result: Record<string, unknown> = isRecord(before) ? { ...before } : {};
  for (const [key, value] of Object.entries(change)) {
    if (value === null) delete result[key];
    else result[key] = merge(result[key], value);
  }
  return result;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
