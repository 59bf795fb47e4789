import { finalizer } from '../../../src/api/v1alpha1/constants.ts';
import type { VirtualMachine } from '../../../src/api/v1alpha1/types.ts';
import type {
  KubeClient,
  ListPage,
  ObjectRef,
  Patch,
  Resource,
  WatchEvent,
  WatchOptions,
} from '../../../src/kubernetes/client.ts';
import { KubeError, type KubeErrorReason } from '../../../src/kubernetes/errors.ts';
import type { Clock } from '../../../src/domain/clock.ts';
import { isRemoved, patched, withVersion } from '../../support/api-server/patched.ts';
import { Watches } from '../../support/api-server/watches.ts';
import { isBystander } from './bystanders.ts';
import type { Stored } from './stored.ts';

/** A write that reached the API server: `status web`, `patch web`, `create events`. */
type Write = string;

/** Every VirtualMachine of a test has the finalizer of another controller, which removes it last. */
export const othersFinalizer = 'backup.example.com/hold';

/** With the operator's. */
export const bothFinalizers: readonly string[] = [othersFinalizer, finalizer];

const mostHistory = 32;

const virtualMachines = 'virtualmachines';

/**
 * An API server in memory: versions, conflicts, merge patches, the status subresource, finalizers and watches behave as
 * the real one's; nothing is validated or defaulted.
 */
export class InMemoryCluster implements KubeClient {
  readonly writes: Write[] = [];
  /** Writes to bystanders, and what else the operator did that it never may. */
  readonly offences: string[] = [];
  /** What was created, Secrets and events for example. */
  readonly created: { readonly plural: string; readonly namespace: string; readonly body: unknown }[] = [];
  /** Every VirtualMachine as it was stored each time, in order. */
  readonly versions: VirtualMachine[] = [];
  readonly events: {
    readonly regarding: { readonly kind: string; readonly namespace: string; readonly name: string };
    readonly type: string;
    readonly reason: string;
    readonly note: string;
  }[] = [];
  /** The next patches of this kind fail with the reason, before or after they took effect. */
  readonly failures: { readonly write: Write; readonly reason: KubeErrorReason; readonly isStored?: boolean }[] = [];
  /** An admission policy: what it makes of the object that a patch is about to store, or the reason it refuses the patch with. */
  admission: (write: Write, object: Stored) => Stored | KubeErrorReason = (_, object) => object;
  /** Why requests of this kind fail while the API server is unavailable or starts. */
  trouble: (kind: 'watch' | 'list' | 'write') => KubeErrorReason | undefined = () => undefined;
  /** What a write waits for before anything comes of it. */
  holds: (write: Write) => Promise<void> | undefined = () => undefined;
  /** How long a watch event is on its way; 0: it arrives before the answer to the write. */
  eventDelay = 0;
  /** Why the API server refuses to create a Secret, if it does. */
  secretRefusal: KubeErrorReason | undefined;
  readonly #clock: Clock;
  readonly #objects = new Map<string, Stored>();
  /** By plural. */
  readonly #watches = new Map<string, Watches>();
  #version = 100;
  #uids = 0;
  #lastEventDue = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Applies what a user would; `metadata` and `spec` as given. */
  put(
    plural: string,
    object: { readonly metadata: Readonly<Record<string, unknown>>; readonly [field: string]: unknown },
  ) {
    if (object.metadata['uid'] === undefined) this.#uids += 1;
    const uid = `${String(this.#uids).padStart(8, '0')}-0000-4000-8000-000000000000`;
    const creationTimestamp = new Date(this.#clock.now()).toISOString();
    const finalizers = plural === virtualMachines ? { finalizers: [othersFinalizer] } : {};
    const given = { namespace: 'default', name: '', uid, generation: 1, creationTimestamp, ...finalizers };
    this.#store(plural, { ...object, metadata: { ...given, ...object.metadata } }, 'ADDED');
  }

  /** Keeps no earlier versions: a test measures memory. */
  forgetVersions(): void {
    this.versions.length = 0;
    for (const watches of this.#watches.values()) watches.compact();
  }

  /** All that is stored of this kind in these namespaces. */
  stored(plural: string, isWanted: (namespace: string) => boolean): readonly Stored[] {
    return [...this.#objects].flatMap(([key, object]) =>
      key.startsWith(`${plural}/`) && isWanted(object.metadata.namespace) ? [object] : [],
    );
  }

  machine(name: string, namespace = 'default'): VirtualMachine | undefined {
    // Only what tests put there and the operator wrote.
    return this.#objects.get(`virtualmachines/${namespace}/${name}`) as VirtualMachine | undefined;
  }

  /** A user's merge patch of the object. */
  change(name: string, body: Readonly<Record<string, unknown>>, namespace = 'default'): void {
    this.#patch(`virtualmachines/${namespace}/${name}`, { type: 'merge', body });
  }

  /** `kubectl replace` with the manifest as first applied: annotations and finalizers are not in it, the status stays. */
  replace(name: string): void {
    const key = `virtualmachines/default/${name}`;
    const { metadata, ...rest } = this.#need(key);
    const finalizers = [othersFinalizer];
    this.#store('virtualmachines', { ...rest, metadata: { ...metadata, annotations: {}, finalizers } }, 'MODIFIED');
  }

  /** A restore that leaves the status out. */
  wipeStatus(name: string): void {
    const { status: _, ...rest } = this.#need(`virtualmachines/default/${name}`);
    this.#store('virtualmachines', { ...rest, status: { observedGeneration: -1 } }, 'MODIFIED');
  }

  /** `kubectl delete --wait=false`. */
  remove(plural: string, name: string, namespace = 'default'): void {
    const object = this.#need(`${plural}/${namespace}/${name}`);
    const deletionTimestamp = new Date(this.#clock.now()).toISOString();
    this.#store(plural, { ...object, metadata: { ...object.metadata, deletionTimestamp } }, 'MODIFIED');
  }

  /** A deletion that found no finalizer a moment ago, and doesn't look again (kube-apiserver's `Store.Delete`). */
  finishDeletion(name: string, { reportedAfter = 0 } = {}): void {
    const key = `virtualmachines/default/${name}`;
    this.#version += 1;
    const object = withVersion(this.#need(key), this.#version);
    this.#objects.delete(key);
    const publish = (): void => this.#publish(virtualMachines, object, 'DELETED');
    if (reportedAfter === 0) publish();
    else this.#clock.schedule(reportedAfter, publish);
  }

  get(resource: Resource, { namespace, name }: ObjectRef): Promise<unknown> {
    return attempt(() => this.#need(`${resource.plural}/${namespace}/${name}`));
  }

  async list(resource: Resource): Promise<ListPage> {
    this.#demand('list');
    const items = [...this.#objects]
      .filter(([key]) => key.startsWith(`${resource.plural}/`))
      .map(([, object]) => object);
    return { items, resourceVersion: String(this.#version) };
  }

  async create(resource: Resource, namespace: string, body: unknown): Promise<unknown> {
    if (isBystander(namespace)) {
      this.offences.push(`create ${resource.plural} for ${namespace}: ${JSON.stringify(body)}`);
      return body;
    }
    const write = `create ${resource.plural}`;
    this.writes.push(write);
    this.#demand('write');
    const held = this.holds(write);
    if (held !== undefined) await held;
    if (resource.plural === 'secrets' && this.secretRefusal !== undefined)
      throw new KubeError('create', { reason: this.secretRefusal });
    // What the operator sends.
    const { name } = (body as Partial<Stored>).metadata ?? {};
    if (this.#objects.has(`${resource.plural}/${namespace}/${name}`))
      throw new KubeError('create', { reason: 'AlreadyExists' });
    this.created.push({ plural: resource.plural, namespace, body });
    // What the operator sends.
    if (resource.plural === 'events') this.events.push(body as InMemoryCluster['events'][number]);
    return body;
  }

  async patch(resource: Resource, { namespace, name }: ObjectRef, patch: Patch): Promise<unknown> {
    const write = `${patch.subresource ?? 'patch'} ${name}`;
    if (isBystander(namespace)) this.offences.push(`${write} of ${namespace}: ${JSON.stringify(patch.body)}`);
    else this.writes.push(write);
    this.#demand('write');
    await this.holds(write);
    return attempt(() => {
      const index = this.failures.findIndex((failure) => failure.write === write);
      const [failure] = index === -1 ? [] : this.failures.splice(index, 1);
      if (failure !== undefined && failure.isStored !== true) throw new KubeError(write, { reason: failure.reason });
      const stored = this.#patch(`${resource.plural}/${namespace}/${name}`, patch, (object) => {
        this.#judge(write, this.#need(`${resource.plural}/${namespace}/${name}`), object);
        const admitted = this.admission(write, object);
        if (typeof admitted !== 'string') return admitted;
        throw new KubeError(write, { reason: admitted, words: 'the policy "test" denied the request' });
      });
      if (failure !== undefined) throw new KubeError(write, { reason: failure.reason });
      return stored;
    });
  }

  async *watch(resource: Resource, options: WatchOptions): AsyncIterable<WatchEvent> {
    this.#demand('watch');
    if (options.sendInitialEvents === true) throw new KubeError('watch', { reason: 'Invalid' });
    yield* this.#watchesOf(resource.plural).watch(options);
  }

  version(): Promise<string> {
    return Promise.resolve('v1.37.2');
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** The API server fails: its watches break, and requests fail as `trouble` says. */
  fail(trouble: InMemoryCluster['trouble']): void {
    this.trouble = trouble;
    for (const watches of this.#watches.values()) for (const watch of watches.open) watch.end('Network');
  }

  #demand(kind: 'watch' | 'list' | 'write'): void {
    const reason = this.trouble(kind);
    if (reason !== undefined) throw new KubeError(kind, { reason });
  }

  #need(key: string): Stored {
    const object = this.#objects.get(key);
    if (object === undefined) throw new KubeError(key, { reason: 'NotFound' });
    return object;
  }

  #watchesOf(plural: string): Watches {
    const known = this.#watches.get(plural);
    if (known !== undefined) return known;
    const watches = new Watches({ clock: this.#clock, mostHistory, version: () => this.#version });
    this.#watches.set(plural, watches);
    return watches;
  }

  #patch(key: string, patch: Patch, admit = (object: Stored): Stored => object): Stored {
    const before = this.#need(key);
    const next = patched(before, patch);
    if (typeof next === 'string') throw new KubeError(key, { reason: next });
    const after = admit(next);
    if (JSON.stringify(after) === JSON.stringify(before)) return before;
    const isNewSpec = JSON.stringify(after['spec']) !== JSON.stringify(before['spec']);
    const generation = Number(before.metadata['generation']) + (isNewSpec ? 1 : 0);
    return this.#store(key.split('/')[0] ?? '', { ...after, metadata: { ...after.metadata, generation } }, 'MODIFIED');
  }

  /** The finalizers of others are theirs. */
  #judge(write: Write, before: Stored, after: Stored): void {
    if (othersIn(before) !== othersIn(after))
      this.offences.push(`${write} changed the finalizer of another controller`);
  }

  #publish(plural: string, object: Stored, type: WatchEvent['type']): void {
    const watches = this.#watchesOf(plural);
    const published = {
      version: Number(object.metadata['resourceVersion']),
      event: { type, object },
      isFor: ({ labelSelector }: WatchOptions) =>
        labelSelector === undefined || object.metadata['labels'] !== undefined,
    };
    watches.record(published);
    const send = (): void => watches.send(published);
    // Events keep their order, whatever their delays.
    const due = Math.max(this.#lastEventDue, this.#clock.monotonic() + this.eventDelay);
    this.#lastEventDue = due;
    if (due <= this.#clock.monotonic()) send();
    else this.#clock.schedule(due - this.#clock.monotonic(), send);
  }

  #store(plural: string, object: Stored, type: 'ADDED' | 'MODIFIED'): Stored {
    this.#version += 1;
    const stored = withVersion(object, this.#version);
    const { namespace, name, deletionTimestamp, finalizers } = stored.metadata;
    const isGone = isRemoved(stored);
    const key = `${plural}/${namespace}/${name}`;
    // Only what tests put there and the operator wrote.
    if (plural === virtualMachines && !isBystander(namespace)) this.versions.push(stored as unknown as VirtualMachine);
    if (isGone) this.#objects.delete(key);
    else this.#objects.set(key, stored);
    this.#publish(plural, stored, isGone ? 'DELETED' : type);
    // The other controller is the last to hold on to an object that is being deleted.
    if (deletionTimestamp !== undefined && JSON.stringify(finalizers) === JSON.stringify([othersFinalizer]))
      this.#store(plural, { ...stored, metadata: { ...stored.metadata, finalizers: [] } }, type);
    return stored;
  }
}

function othersIn({ metadata: { finalizers } }: Stored): boolean {
  return Array.isArray(finalizers) && finalizers.includes(othersFinalizer);
}

async function attempt<T>(work: () => T): Promise<T> {
  await Promise.resolve();
  return work();
}
