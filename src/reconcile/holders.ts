import { annotations, group, plural, version } from '../api/v1alpha1/names.ts';
import type { VirtualMachine } from '../api/v1alpha1/types.ts';
import type { KubeClient } from '../kube/client.ts';
import { KubeError } from '../kube/errors.ts';
import type { Clock } from '../model/clock.ts';
import type { Log } from '../telemetry/log.ts';

/** One installation of the operator, whichever of its replicas acts. */
export interface Installation {
  /** Namespace and name of its Lease, such as `vps247-system/vps247-operator`. */
  readonly name: string;
  /** How long another one has for an answer until it counts as gone: longer than it takes to change its leader. Milliseconds. */
  readonly answerTime: number;
}

export interface HoldersOptions {
  readonly installation: Installation;
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  /** Feeds the object as just stored into the cache. */
  readonly stored: (object: unknown) => void;
}

/** The pass has ended, and comes back after so many milliseconds. */
interface Ended {
  readonly type: 'Ended';
  readonly after?: number;
}

/** Whether a pass may go on. */
export type Admission = { readonly type: 'Granted' } | Ended;

/** What was asked of another installation, in one namespace: it may look after others than those that are looked at here. */
type Question =
  | { readonly type: 'Open'; readonly object: string; readonly askedAt: number; readonly patience: number }
  | { readonly type: 'Answered'; readonly until: number; readonly patience: number }
  | { readonly type: 'Unanswered' };

/** How soon one that answered is asked again, more and more seldom: it may be removed, and nothing else shows that. Milliseconds. */
const patience = { first: 60_000, most: 10 * 60_000 } as const;

/**
 * Which installation looks after an object, so that of two which were given the same objects by mistake one does. Each object is
 * marked by the one that it was first met by, with the same write as its finalizer. Whoever finds the mark of another asks, by a
 * second annotation of one object in each namespace; whoever looks after it takes the question away again, which is the answer.
 *
 * | marked by   | and                                             | then                                                  |
 * | ----------- | ----------------------------------------------- | ----------------------------------------------------- |
 * | this one    | it is no longer among the objects to act on     | the mark is taken away, and with it any question      |
 * | this one    | another asks                                    | the question is taken away                            |
 * | this one    |                                                 | the pass goes on                                      |
 * | nobody      | all that are marked here are marked by others   | it waits: these are probably others' too              |
 * | nobody      |                                                 | the pass goes on, and marks it with its first write   |
 * | another     | it was not asked                                | it is asked                                           |
 * | another     | it was asked, and has time                      | it waits                                              |
 * | another     | it answered                                     | it waits, and asks again, ever more seldom            |
 * | another     | it did not answer                               | it is marked by this one, and the pass goes on        |
 */
export class Holders {
  readonly #options: HoldersOptions;
  /** By namespace and other installation. */
  readonly #questions = new Map<string, Question>();
  /** Objects to act on by the installation that marked them. */
  readonly #marked = new Map<string, number>();

  constructor(options: HoldersOptions) {
    this.#options = options;
  }

  /** For the writes that put the finalizer on an object. */
  get mark(): Readonly<Record<string, string>> {
    return { [annotations.managedBy]: this.#me };
  }

  isMarked(object: VirtualMachine | undefined): boolean {
    return object !== undefined && markOf(object) === this.#me;
  }

  /** An object to act on came, changed or went. `initial`: it was met, and may have been so for long. */
  change(key: string, before: VirtualMachine | undefined, after: VirtualMachine | undefined, initial: boolean): void {
    const [old, current] = [before && markOf(before), after && markOf(after)];
    if (before !== undefined && old !== undefined && this.#isOpen(key, before, old)) {
      if (old !== current) this.#questions.delete(placeOf(before, old));
      // Seen here too, since a third one may ask before the next pass.
      else if (isAsked(before) && !isAsked(after)) this.#noteAnswer(key, before, old);
    }
    if (old === current) return;
    count(this.#marked, old, -1);
    count(this.#marked, current, 1);
    if (current === undefined || after === undefined || initial) return;
    // Whoever marks an object now may be back.
    const place = placeOf(after, current);
    if (this.#questions.get(place)?.type === 'Unanswered') this.#questions.delete(place);
  }

  /** How many of the objects to act on others look after. */
  get foreign(): number {
    let sum = 0;
    for (const [mark, objects] of this.#marked) if (mark !== this.#me) sum += objects;
    return sum;
  }

  /** Why there is nothing to look after here, as a sentence; undefined when there may be. */
  get conflict(): string | undefined {
    if (!this.#isNewcomer) return undefined;
    const others = [...this.#marked.keys()].toSorted();
    const [objects, them] = [this.foreign, others.length === 1 ? 'it' : 'them'];
    return `${others.join(' and ')} ${others.length === 1 ? 'looks' : 'look'} after ${objects === 1 ? 'the object' : `all ${objects} objects`} here already: remove one of the installations, or give them other namespaces (--namespaces) or labels (--selector); without an answer from ${them} ${this.#me} takes over`;
  }

  /** The first part of a pass. `isToActOn`: else it only was. Throws KubeError when Kubernetes does not take a write. */
  async admit(key: string, object: VirtualMachine, isToActOn: boolean): Promise<Admission> {
    const mark = markOf(object);
    if (mark === this.#me) {
      if (!isToActOn) return this.#write(object, { managedBy: null, managedByAsked: null });
      return isAsked(object) ? this.#write(object, { managedByAsked: null }) : { type: 'Granted' };
    }
    if (!isToActOn) return { type: 'Ended' };
    if (mark === undefined)
      return this.#isNewcomer
        ? { type: 'Ended', after: this.#options.installation.answerTime / 4 }
        : { type: 'Granted' };
    return this.#ask(key, object, mark);
  }

  async #ask(key: string, object: VirtualMachine, mark: string): Promise<Ended> {
    const { clock, log, installation } = this.#options;
    const place = placeOf(object, mark);
    const now = clock.monotonic();
    if (this.#isOpen(key, object, mark) && !isAsked(object)) this.#noteAnswer(key, object, mark);
    const question = this.#questions.get(place);
    if (question?.type === 'Unanswered') return this.#write(object, { managedBy: this.#me, managedByAsked: null });
    if (question?.type === 'Answered' && now < question.until) return { type: 'Ended', after: question.until - now };
    if (question?.type === 'Open') {
      const left = question.askedAt + installation.answerTime - now;
      if (left > 0) return { type: 'Ended', after: left };
      this.#questions.set(place, { type: 'Unanswered' });
      const { namespace } = object.metadata;
      log.info('Taking over from an installation that does not answer', { namespace, other: mark });
      return { type: 'Ended', after: 0 };
    }
    // Before it is: passes over other objects are under way.
    this.#questions.set(place, {
      type: 'Open',
      object: key,
      askedAt: now,
      patience: question?.type === 'Answered' ? question.patience : 0,
    });
    let isSent = false;
    try {
      isSent = (await this.#write(object, { managedByAsked: this.#me })).after !== undefined;
    } finally {
      if (!isSent) this.#questions.delete(place);
    }
    return isSent ? { type: 'Ended', after: installation.answerTime } : { type: 'Ended' };
  }

  #isOpen(key: string, object: VirtualMachine, mark: string): boolean {
    const question = this.#questions.get(placeOf(object, mark));
    return question?.type === 'Open' && question.object === key;
  }

  #noteAnswer(key: string, object: VirtualMachine, mark: string): void {
    const { clock, log } = this.#options;
    const place = placeOf(object, mark);
    const question = this.#questions.get(place);
    const before = question?.type === 'Open' ? question.patience : 0;
    const next = Math.min(Math.max(2 * before, patience.first), patience.most);
    this.#questions.set(place, { type: 'Answered', until: clock.monotonic() + next, patience: next });
    if (before === 0)
      log.warn('Another installation looks after objects that this one was given too', { object: key, other: mark });
  }

  /** Only if nobody changed the object since; else, or if it is gone, that change brings the next pass. */
  async #write(
    { metadata }: VirtualMachine,
    values: Readonly<Partial<Record<'managedBy' | 'managedByAsked', string | null>>>,
  ): Promise<Ended> {
    const { client, stored } = this.#options;
    const { namespace, name, resourceVersion } = metadata;
    const named = Object.entries(values).map(([key, value]) => [annotations[key as keyof typeof values], value]);
    const body = { metadata: { resourceVersion, annotations: Object.fromEntries(named) } };
    try {
      stored(await client.patch({ group, version, plural }, { namespace, name }, { type: 'merge', body }));
    } catch (error) {
      if (error instanceof KubeError && (error.reason === 'Conflict' || error.reason === 'NotFound'))
        return { type: 'Ended' };
      throw error;
    }
    return { type: 'Ended', after: 0 };
  }

  get #me(): string {
    return this.#options.installation.name;
  }

  get #isNewcomer(): boolean {
    return this.#marked.size > 0 && !this.#marked.has(this.#me);
  }
}

function markOf({ metadata }: VirtualMachine): string | undefined {
  return metadata.annotations?.[annotations.managedBy];
}

function isAsked(object: VirtualMachine | undefined): boolean {
  return object?.metadata.annotations?.[annotations.managedByAsked] !== undefined;
}

function placeOf({ metadata }: VirtualMachine, mark: string): string {
  return `${metadata.namespace}/${mark}`;
}

function count(counts: Map<string, number>, mark: string | undefined, by: number): void {
  if (mark === undefined) return;
  const sum = (counts.get(mark) ?? 0) + by;
  if (sum === 0) counts.delete(mark);
  else counts.set(mark, sum);
}
