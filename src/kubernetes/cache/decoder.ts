import { fieldsOf } from '../../domain/json.ts';
import type { Resource } from '../client.ts';
import { KubeError } from '../errors.ts';
import type { Log } from '../../telemetry/log.ts';
import type { Store, ObjectVersion } from './store.ts';

/**
 * Decodes an object; undefined if its metadata isn't that of a stored object. With a `store`, a version that the store
 * has isn't decoded again, so that a relist doesn't hold the fleet in memory twice.
 */
export type Decoder<Row> = (object: unknown, store?: Store<Row>) => ObjectVersion<Row> | undefined;

/** How many unreadable objects are remembered as logged. */
const maxUnreadable = 1_000;

const unchanged = { kind: 'Held' } as const;

/** Decodes with `transform`. An object that it throws for is logged once, until it is readable again. */
export function createDecoder<Row>(transform: (object: unknown) => Row | undefined, log: Log): Decoder<Row> {
  const unreadable = new Set<string>();

  function contentOf(key: string, object: unknown): ObjectVersion<Row>['content'] {
    try {
      const row = transform(object);
      unreadable.delete(key);
      return row === undefined ? { kind: 'None' } : { kind: 'Row', object: row };
    } catch (error) {
      if (!unreadable.has(key)) {
        log.error('Failed to decode object, skipped it', { object: key, error });
        if (unreadable.size >= maxUnreadable) unreadable.clear();
        unreadable.add(key);
      }
      return { kind: 'Unreadable' };
    }
  }

  return (object, store) => {
    const { namespace, name, uid, resourceVersion } = fieldsOf(fieldsOf(object)['metadata']);
    if (typeof name !== 'string' || typeof uid !== 'string' || typeof resourceVersion !== 'string') return undefined;
    const key = `${typeof namespace === 'string' ? namespace : ''}/${name}`;
    const isHeld = store?.has(key, uid, resourceVersion) === true;
    return { key, uid, resourceVersion, content: isHeld ? unchanged : contentOf(key, object) };
  };
}

/** The version of an object from the server. Throws KubeError `Protocol` if it isn't an object. */
export function decodeObject<Row>(
  decoder: Decoder<Row>,
  resource: Resource,
  object: unknown,
  known?: Store<Row>,
): ObjectVersion<Row> {
  const version = decoder(object, known);
  if (version !== undefined) return version;
  throw new KubeError(`${resource.plural}: an object without metadata`, { reason: 'Protocol' });
}

/** Whether a bookmark ends the initial list. */
export function isEndOfInitial(object: unknown): boolean {
  return fieldsOf(fieldsOf(fieldsOf(object)['metadata'])['annotations'])['k8s.io/initial-events-end'] === 'true';
}

/** The resourceVersion of a bookmark, the only content of its object. */
export function readBookmark(object: unknown): string | undefined {
  const { resourceVersion } = fieldsOf(fieldsOf(object)['metadata']);
  return typeof resourceVersion === 'string' && resourceVersion !== '' ? resourceVersion : undefined;
}
