/** Which of the two APIs a request goes to. */
export type Api = 'kubernetes' | 'provider';

/** A request as far as its meaning goes; `path` is without the query, `body` as it was sent. */
export interface WireRequest {
  readonly api: Api;
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: string;
}

/**
 * What a request is, whatever object it is about: names, ids and times do not count, and the query only where it makes
 * another request of it. Two requests with one signature are the same step of the operator's work. Pure.
 *
 * | request                                                     | signature                                           |
 * | ----------------------------------------------------------- | --------------------------------------------------- |
 * | GET /apis/vps247.com/v1alpha1/namespaces/a/virtualmachines  | `GET virtualmachines`                               |
 * | the same with `?watch=true`                                 | `GET virtualmachines?watch`                         |
 * | the same with `&sendInitialEvents=true`                     | `GET virtualmachines?watch&initial`                 |
 * | PATCH …/virtualmachines/web with an annotation and without  | `PATCH virtualmachines/{name} (+machine -finalizer)` |
 * | PATCH …/virtualmachines/web/status                          | `PATCH virtualmachines/{name}/status (Stopping)`    |
 * | POST /apis/events.k8s.io/v1/namespaces/a/events             | `POST events (Stopping)`                            |
 * | POST /virtual_machines/1001/stop                            | `POST /virtual_machines/{id}/stop`                  |
 */
export function signatureOf(request: WireRequest): string {
  const { api, method, path } = request;
  if (api === 'provider') return `${method} ${path.replaceAll(/\/\d+(?=\/|$)/g, '/{id}')}`;
  const details = isChange(method) ? describeBody(request) : '';
  return `${method} ${resourceOf(path)}${queryOf(request)}${details === '' ? '' : ` (${details})`}`;
}

function isChange(method: string): boolean {
  return method !== 'GET' && method !== 'HEAD';
}

/** Whether the answer continues until one side ends it. */
export function isWatch({ api, query }: Pick<WireRequest, 'api' | 'query'>): boolean {
  return api === 'kubernetes' && (query.get('watch') === 'true' || query.get('watch') === '1');
}

/** `virtualmachines/{name}/status` of a path of the Kubernetes API, in whatever group and namespace it is. */
function resourceOf(path: string): string {
  const match =
    /^\/api(?:s\/[^/]+)?\/[^/]+(?:\/namespaces\/[^/]+)?\/(?<resource>[^/]+)(?<name>\/[^/]+)?(?<subresource>\/[^/]+)?$/.exec(
      path,
    );
  const { resource, name, subresource = '' } = match?.groups ?? {};
  if (resource === undefined) return path;
  return name === undefined ? resource : `${resource}/{name}${subresource}`;
}

function queryOf(request: WireRequest): string {
  if (isWatch(request)) return request.query.has('sendInitialEvents') ? '?watch&initial' : '?watch';
  return request.query.has('continue') ? '?continue' : '';
}

/** What a change says, in the words that tell one step from another. */
function describeBody({ path, body }: WireRequest): string {
  const { metadata, status, reason } = record(parse(body));
  if (typeof reason === 'string') return reason;
  const words = [...readyReason(status), ...(path.endsWith('/status') ? [] : metadataWords(record(metadata)))];
  return words.join(' ');
}

/** A status patch holds its conditions whole or not at all. */
function readyReason(status: unknown): readonly string[] {
  const { conditions } = record(status);
  const ready = Array.isArray(conditions) ? conditions.map(record).find(({ type }) => type === 'Ready') : undefined;
  return ready === undefined ? [] : [String(ready['reason'])];
}

/** Annotations set and removed, by their last word; and whether the patch leaves no finalizer. */
function metadataWords({ annotations, finalizers }: Fields): readonly string[] {
  const changed = Object.entries(record(annotations))
    .map(([name, value]) => `${value === null ? '-' : '+'}${name.slice(name.lastIndexOf('/') + 1)}`)
    .toSorted();
  return Array.isArray(finalizers) && finalizers.length === 0 ? [...changed, '-finalizer'] : changed;
}

type Fields = Readonly<Record<string, unknown>>;

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function record(value: unknown): Fields {
  // Any object can be asked for its properties.
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}
