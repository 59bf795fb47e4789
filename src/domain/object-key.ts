/** The key of a namespaced object in the queue, the caches and the logs: `namespace/name`. */
export function objectKey({
  metadata,
}: {
  readonly metadata: { readonly namespace: string; readonly name: string };
}): string {
  return `${metadata.namespace}/${metadata.name}`;
}

/** The namespace of a key; empty for a key without one. */
export function namespaceOf(key: string): string {
  return key.slice(0, Math.max(0, key.indexOf('/')));
}
