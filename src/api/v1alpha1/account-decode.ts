import { fieldsOf, isRecord } from '../../domain/json.ts';
import { defaultCredentials } from './constants.ts';
import type { Account, AccountInventory, AccountSpec, AccountStatus, Currency } from './account-types.ts';

const inventoryFields = [
  'ownerId',
  'machines',
  'unmanaged',
  'catalog',
  'estimate',
] as const satisfies readonly (keyof AccountInventory)[];

/** The longest label value that Kubernetes stores has 63 characters; a tenant can add many labels. */
type Labels = Readonly<Record<string, string>>;

/**
 * Decodes Accounts as the API server stores them. `labels` are those that `--selector` names. The inventory of a large account has
 * hundreds of kilobytes, so only a digest of each of its fields is kept. Throws if a field is missing that every Kubernetes object has.
 */
export function createAccountReader(labels: readonly string[], digest: (text: string) => string) {
  return (object: unknown): Account => {
    const { metadata, spec, status } = fieldsOf(object);
    const { name, namespace, uid, resourceVersion, generation, creationTimestamp, labels: all } = fieldsOf(metadata);
    if (typeof name !== 'string' || typeof namespace !== 'string' || typeof uid !== 'string')
      throw new TypeError('not an Account');
    return {
      metadata: {
        name,
        namespace,
        uid,
        resourceVersion: String(resourceVersion),
        generation: Number(generation),
        creationTimestamp: String(creationTimestamp ?? ''),
        labels: labelsOf(fieldsOf(all), labels),
      },
      spec: readSpec(spec),
      status: readStatus(status, digest),
    };
  };
}

/** The digests of the fields that are present. */
export function digestsOf(
  inventory: Readonly<Record<string, unknown>> | AccountInventory,
  digest: (text: string) => string,
): Account['status']['digests'] {
  const fields = fieldsOf(inventory);
  return Object.fromEntries(
    inventoryFields.flatMap((field) => {
      const value = fields[field];
      return value === undefined ? [] : [[field, digest(JSON.stringify(sorted(value)))]];
    }),
  );
}

/** The API server stores the keys of an object in another order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, field]) => [key, sorted(field)]),
  );
}

function labelsOf(all: Readonly<Record<string, unknown>>, names: readonly string[]): Labels {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = all[name];
      return typeof value === 'string' ? [[name, value]] : [];
    }),
  );
}

/** The CRD guarantees the types and defaults of a stored spec, unless an earlier CRD stored it. */
function readSpec(spec: unknown): AccountSpec {
  const { credentialsSecretRef, currency, limits, paused } = fieldsOf(spec);
  const { machines } = fieldsOf(limits);
  const { name, key } = fieldsOf(credentialsSecretRef);
  return {
    credentialsSecretRef: {
      name: typeof name === 'string' ? name : defaultCredentials.name,
      key: typeof key === 'string' ? key : defaultCredentials.key,
    },
    ...(isCurrency(currency) ? { currency } : {}),
    ...(paused === true ? { paused } : {}),
    ...(typeof machines === 'number' ? { limits: { machines } } : {}),
  };
}

function isCurrency(value: unknown): value is Currency {
  return value === 'EUR' || value === 'GBP' || value === 'USD';
}

function readStatus(stored: unknown, digest: (text: string) => string): Account['status'] {
  // `as`: only the operator writes the status, and the CRD guarantees its type.
  const status = fieldsOf(stored) as Partial<AccountStatus>;
  return {
    observedGeneration: status.observedGeneration ?? -1,
    conditions: status.conditions ?? [],
    ...(status.ownerId === undefined ? {} : { ownerId: status.ownerId }),
    digests: digestsOf(status, digest),
  };
}
