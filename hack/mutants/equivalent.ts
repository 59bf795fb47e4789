import { type Kind, type Mutant, oneLine } from './mutate.ts';

/** A mutant that no test can find, because the program behaves the same. */
export interface Equivalent {
  readonly file: string;
  readonly function: string;
  readonly kind: Kind;
  /** What is replaced, on one line. */
  readonly text: string;
  /** Left out for all mutants of the text. */
  readonly replacement?: string;
  readonly reason: string;
}

/** A row that matches no mutant fails the run, because the excused code is gone. */
export const equivalents: readonly Equivalent[] = [
  {
    file: 'src/provider/account/admission/call-scheduler.ts',
    function: 'CallScheduler.dispatch',
    kind: 'assignment',
    text: 'this.#cancelTimer = undefined;',
    reason: 'Canceling a timer that is over or canceled does nothing.',
  },
  {
    file: 'src/status/patch.ts',
    function: 'patch',
    kind: 'element',
    text: 'altered: undefined',
    reason: 'A field that is missing reads as undefined.',
  },
  {
    file: 'src/status/status.ts',
    function: 'recordOf',
    kind: 'element',
    text: '...(ownerId === undefined ? {} : { ownerId })',
    reason: 'The status keeps the owner as long as it keeps the id, and this record keeps the id.',
  },
  {
    file: 'src/domain/json.ts',
    function: 'equal',
    kind: 'operand',
    text: 'Array.isArray(a)',
    replacement: 'false',
    reason: 'An array is not a record, so the lines below also return false unless both are arrays.',
  },
  {
    file: 'src/domain/json.ts',
    function: 'equal',
    kind: 'operand',
    text: 'Array.isArray(b)',
    replacement: 'false',
    reason: 'An array is not a record, so the lines below also return false unless both are arrays.',
  },
  {
    file: 'src/api/v1alpha1/validation.ts',
    function: 'errorOf',
    kind: 'condition',
    text: "typeof value === 'string'",
    replacement: 'true',
    reason: 'The schema bounds the length of strings only, and no other value of the schema has a length below 0.',
  },
  {
    file: 'src/kubernetes/cache/list-watch.ts',
    function: 'listAndWatch',
    kind: 'condition',
    text: 'namespace === undefined',
    replacement: 'false',
    reason: 'A field that is undefined is not logged.',
  },
  {
    file: 'src/kubernetes/cache/list-watch.ts',
    function: 'listAndWatch.apply',
    kind: 'number',
    text: '0',
    reason: 'Neither is a status of HTTP, so both are read the same.',
  },
  {
    file: 'src/kubernetes/cache/initial-list.ts',
    function: 'createLister.stream',
    kind: 'number',
    text: '0',
    reason: 'Neither is a status of HTTP, so both are read the same.',
  },
  {
    file: 'src/kubernetes/cache/store.ts',
    function: 'Store.replace',
    kind: 'assignment',
    text: 'this.#assumed = undefined;',
    reason: 'It is asked for in a list only, and each list begins with a new one.',
  },
  {
    file: 'src/kubernetes/cache/store.ts',
    function: 'isNewer',
    kind: 'comparison',
    text: 'a.length > b.length',
    replacement: 'a.length >= b.length',
    reason: 'Here the lengths differ.',
  },
  {
    file: 'src/controller/item-queues.ts',
    function: 'DelayingQueue.add',
    kind: 'comparison',
    text: 'item.dueAt <= due',
    replacement: 'item.dueAt < due',
    reason: 'Of two entries of a key for the same time the second is a left-over.',
  },
  {
    file: 'src/controller/item-queues.ts',
    function: 'DelayingQueue.remove',
    kind: 'comparison',
    text: 'this.#heap.length < 64 + 2 * this.#size',
    reason: 'When left-overs are thrown away is a matter of cost.',
  },
  {
    file: 'src/controller/item-queues.ts',
    function: 'DelayingQueue.remove',
    kind: 'arithmetic',
    text: '64 + 2 * this.#size',
    reason: 'When left-overs are thrown away is a matter of cost.',
  },
  {
    file: 'src/controller/item-queues.ts',
    function: 'DelayingQueue.remove',
    kind: 'arithmetic',
    text: '2 * this.#size',
    reason: 'When left-overs are thrown away is a matter of cost.',
  },
  {
    file: 'src/controller/item-queues.ts',
    function: 'DelayingQueue.remove',
    kind: 'number',
    text: '64',
    reason: 'When left-overs are thrown away is a matter of cost.',
  },
  {
    file: 'src/controller/item-queues.ts',
    function: 'DelayingQueue.remove',
    kind: 'number',
    text: '2',
    reason: 'When left-overs are thrown away is a matter of cost.',
  },
  {
    file: 'src/controller/item-queues.ts',
    function: 'DelayingQueue.#push',
    kind: 'comparison',
    text: 'index > 0',
    replacement: 'index >= 0',
    reason: 'The root has no parent, which ends the loop as well.',
  },
  {
    file: 'src/controller/item-queues.ts',
    function: 'DelayingQueue.#push',
    kind: 'comparison',
    text: 'parent.due <= entry.due',
    replacement: 'parent.due < entry.due',
    reason: 'The order of keys that are due at the same time is open.',
  },
  {
    file: 'src/controller/item-queues.ts',
    function: 'DelayingQueue.#pop',
    kind: 'comparison',
    text: 'right.due < left.due',
    replacement: 'right.due <= left.due',
    reason: 'The order of keys that are due at the same time is open.',
  },
  {
    file: 'src/controller/item-queues.ts',
    function: 'DelayingQueue.#pop',
    kind: 'comparison',
    text: 'child.due >= last.due',
    replacement: 'child.due > last.due',
    reason: 'The order of keys that are due at the same time is open.',
  },
  {
    file: 'src/controller/work-queue.ts',
    function: '',
    kind: 'number',
    text: 'resync: 2',
    reason: 'Only the order counts.',
  },
  {
    file: 'src/controller/work-queue.ts',
    function: 'higher',
    kind: 'comparison',
    text: 'rank[a.priority] <= rank[b.priority]',
    replacement: 'rank[a.priority] < rank[b.priority]',
    reason: 'Of equals either says the same.',
  },
  {
    file: 'src/controller/work-queue.ts',
    function: 'WorkQueue.#next',
    kind: 'boolean',
    text: 'true',
    reason: 'Whatever is found sets it.',
  },
  {
    file: 'src/provider/account/admission/circuit-breaker.ts',
    function: 'CircuitBreaker.recordList',
    kind: 'assignment',
    text: 'this.#failure = undefined;',
    reason: 'While closed, it is never read, and opening sets it.',
  },
  {
    file: 'src/provider/account/admission/token-bucket.ts',
    function: 'TokenBucket.#refill',
    kind: 'comparison',
    text: 'elapsed <= 0',
    replacement: 'elapsed < 0',
    reason: 'In no time nothing comes in.',
  },
  {
    file: 'src/domain/base-url.ts',
    function: 'isLoopback',
    kind: 'pattern',
    text: '/^127\\.\\d+\\.\\d+\\.\\d+$/',
    replacement: '/127\\.\\d+\\.\\d+\\.\\d+$/',
    reason: 'A host whose last part is a number is an IPv4 address, or the URL is none.',
  },
  {
    file: 'src/provider/http/classify.ts',
    function: 'classify',
    kind: 'case',
    text: "case 'Responded': break;",
    reason: 'Without a case the switch ends as well.',
  },
  {
    file: 'src/provider/http/retry.ts',
    function: 'retryRead',
    kind: 'element',
    text: 'factor: 2',
    reason: 'It is the default of p-retry.',
  },
  {
    file: 'src/controller/item-queues.ts',
    function: 'DelayingQueue.clear',
    kind: 'assignment',
    text: 'this.#heap = [];',
    reason: 'Entries whose keys are gone are left-overs.',
  },
  {
    file: 'src/plan/failure-status.ts',
    function: 'fromFailure',
    kind: 'number',
    text: '0',
    reason: 'A pause that ends within a millisecond is over when it is reported.',
  },
  {
    file: 'src/plan/power-call.ts',
    function: 'performCall',
    kind: 'number',
    text: '0',
    reason: 'A refusal a millisecond ago and one just now are reported the same.',
  },
  {
    file: 'src/plan/power.ts',
    function: 'powerOff',
    kind: 'number',
    text: '1',
    reason: 'Any negative time means that no shutdown began.',
  },
  {
    file: 'src/status/patch.ts',
    function: 'patch',
    kind: 'default',
    text: 'before ?? {}',
    replacement: '(before)',
    reason: 'The difference to nothing is the whole status, as without it.',
  },
];

export function isExcused(mutant: Mutant, { file, function: name, kind, text, replacement }: Equivalent): boolean {
  return (
    mutant.file === file &&
    mutant.function === name &&
    mutant.kind === kind &&
    mutant.text === text &&
    (replacement === undefined || oneLine(mutant.replacement) === replacement)
  );
}
