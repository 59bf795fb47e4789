/** A provider to be judged, and how to wait for it. */
export interface Target {
  readonly baseUrl: string;
  readonly apiKey: string;
  /** Whether machines may be created, powered and deleted there. At the real provider this costs money. */
  readonly mayBill: boolean;
  /** How many machines are there at least when the tests begin. */
  readonly fewestMachines: number;
  /** Lets time pass at the target. Milliseconds. */
  pause(milliseconds: number): Promise<void>;
  /** How long a state may take to come about. Milliseconds. */
  readonly patience: number;
  /** How long one test may take in real time, which may differ from the target's. Milliseconds. */
  readonly timeout: number;
}

export type Fields = Readonly<Record<string, unknown>>;

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** One plain call. Redirects are not followed: the key must not go where they point to. */
export async function call(
  target: Pick<Target, 'baseUrl' | 'apiKey'>,
  method: string,
  path: string,
  body?: Fields,
): Promise<Reply> {
  const response = await fetch(`${target.baseUrl}${path}`, {
    method,
    redirect: 'manual',
    headers: {
      Accept: 'application/json',
      'X-Api-Key': target.apiKey,
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** The items of a list, in any of the envelopes that were ever seen. */
export function itemsOf({ text }: Reply, name: string, wrappers: readonly string[] = []): readonly Fields[] {
  const body: unknown = JSON.parse(text);
  const list = Array.isArray(body) ? body : isFields(body) ? (body[name] ?? body['data']) : undefined;
  if (!Array.isArray(list)) throw new Error(`neither a list nor an object with "${name}" or "data"`);
  return list.map((item) => unwrap(item, wrappers));
}

/** The one item of an answer, out of its wrapper if it has one. */
export function itemOf({ text }: Reply, wrappers: readonly string[] = []): Fields {
  return unwrap(JSON.parse(text), wrappers);
}

/** Asks until the answer is yes, pausing in between. */
export async function until(target: Target, what: string, isSo: () => Promise<boolean>): Promise<void> {
  const interval = target.patience / 600;
  for (let waited = 0; waited <= target.patience; waited += interval) {
    if (await isSo()) return;
    await target.pause(interval);
  }
  throw new Error(`${what}: not within ${target.patience} ms`);
}

function unwrap(item: unknown, wrappers: readonly string[]): Fields {
  if (!isFields(item)) throw new Error('an item is not an object');
  const inner = wrappers.map((wrapper) => item[wrapper]).find(isFields);
  return inner ?? item;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
