import { isIP } from 'node:net';

/** Shorter ones are ordinary words (`true`, `admin`) that stand in logs for other reasons. */
const shortestValue = 12;

/** `kubectl apply` keeps what it was given, data included: that is the Secret's own as well. */
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/** Beside the password, the operator writes the address of the VM, which the status shows, too. */
const addressKey = 'host';

/** A Secret as it may be seen, and what it keeps. */
export interface OpenedSecret {
  readonly shown: object;
  readonly values: readonly string[];
}

/**
 * Takes a Secret apart. Everything in it but its data has to be free of secrets like any other object. Values are returned for
 * the types that users and the operator create; other types contain certificates, tokens and releases of others.
 */
export function openSecret(secret: object): OpenedSecret {
  const { data, stringData, metadata, ...rest }: Partial<Record<string, unknown>> = { ...secret };
  const { annotations, ...more } = record(metadata);
  const { [lastApplied]: _given, ...kept } = record(annotations);
  const encoded = Object.entries(record(data)).map(
    ([key, value]) => [key, Buffer.from(String(value), 'base64').toString('utf8')] as const,
  );
  const plain = Object.entries(record(stringData)).map(([key, value]) => [key, String(value)] as const);
  const values = [...encoded, ...plain].flatMap(([key, value]) =>
    key === addressKey && isIP(value) > 0 ? [] : [value.trim()],
  );
  return {
    shown: { ...rest, metadata: { ...more, annotations: kept } },
    values: rest['type'] === 'Opaque' ? values.filter(isTelling) : [],
  };
}

/** Bytes that are not text cannot be a key or password. */
function isTelling(value: string): boolean {
  return value.length >= shortestValue && !value.includes('\uFFFD');
}

function record(value: unknown): Partial<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
