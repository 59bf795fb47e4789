/**
 * The words that the project does not use, each with what to write instead. `not` is a regular expression without groups that
 * capture: whole words in any case, and a blank is any blank, also a line break within a comment or a paragraph. With `in:
 * 'names'` it is found within names of code too, as in `sightingsOf`.
 */
interface Term {
  readonly not: string;
  readonly but: string;
  readonly in?: 'names';
}

export const terms: readonly Term[] = [
  // Reconciliation
  { not: '(?:a|the|this|each|every|next|last|one|whole) pass(?:es)?', but: 'a reconciliation' },
  { not: 'passes over', but: 'ignores' },
  {
    not: '(?:is|are|was|were|be|been|being) looked at|looks? at it again|look at again',
    but: 'reconciled, or requeued',
  },
  { not: 'looks? after|looked after|looking after', but: 'manages, or watches' },
  { not: 'as asked|as wished', but: 'as in the spec, or in sync' },
  { not: 'wish(?:es)?', but: 'desired state' },
  { not: 'others changed|somebody changed', but: 'drift, or changed outside the operator' },
  { not: 'made of|made from', but: 'generated from' },

  // Who, and what they do
  {
    not: "somebody(?:'s)?|nobody(?:'s)?|anybody(?:'s)?|everybody(?:'s)?|whoever|whomever|people who",
    but: 'the user, the administrator, the operator, …',
  },
  {
    not: 'tells|told|tell of|telling|says so|say so|said so',
    but: 'reports, returns, shows, sets a condition, or emits an event',
  },
  { not: 'stands? by|stood by|standing by', but: 'is on standby' },
  { not: 'heard|heed(?:s|ed)?', but: 'records, or recorded' },
  { not: 'turned away', but: 'rejected' },

  // VMs and their objects
  { not: 'announce(?:s|d|ment|ments)?', but: 'create intent', in: 'names' },
  { not: 'taken over|takes? back|taken back|taking back', but: 'adopted, or adopted again' },
  { not: 'foreign', but: 'unmanaged' },
  { not: 'no object holds', but: 'unmanaged' },
  { not: 'lets? go|letting go', but: 'orphan the VM, or release the finalizer' },
  { not: 'shown to be', but: 'confirmed' },
  { not: '(?:make|makes|made|making) (?:it |them )?again', but: 'recreate' },
  { not: 'look-?alikes?', but: 'orphan candidate', in: 'names' },
  { not: 'holders?', but: 'owner (ownership of an object by an installation)' },
  // The noun, and names in code: a message may well claim something.
  { not: String.raw`(?:the|a|an|its|each|own|these|of) claims?|claims?(?=[.,:;()\[\]])`, but: 'reservation' },
  { not: '(?<!ar)rivals?', but: 'conflicting object', in: 'names' },
  { not: 'goes? with (?:it|the object)', but: 'is garbage-collected (ownerReference)' },

  // The provider and its account
  {
    not: 'lanes?|onGranted|(?:slot|turn|place)s? (?:is |are |was )?granted',
    but: 'request queue, priority, slot, or acquired',
  },
  { not: '(?:its|their|a|the|take|takes|took|taking) turns?', but: 'slot, or request queue' },
  { not: 'paces?', but: 'polling interval, or rate limiter' },
  { not: '(?<!feature )gates?', but: 'rate-limit pause (Retry-After)' },
  {
    not: 'isAway|(?:is|are|was|were|be|been|being|goes|went|stays?) away',
    but: 'unavailable, or circuit breaker open',
  },
  { not: 'followers?|sightings?', but: 'subscriptions, observations, or last seen state', in: 'names' },

  // Kubernetes
  { not: 'anew', but: 'again; of lists: relist, resync' },
  { not: 'places? (?:of|in) (?:the|a) watch', but: 'resourceVersion' },
  { not: 'rights', but: 'permissions (RBAC)' },

  // Time and number
  { not: 'under way', but: 'in progress, or in flight' },
  { not: 'ever more|for ever|once more', but: 'with exponential backoff, permanently, or again' },
  { not: 'goes on', but: 'continues, or resumes' },
  { not: '99 of 100|half of (?:the |all )?times', but: 'p99, or p50' },
  { not: 'series for each machine', but: 'per-VM metrics' },

  // American spelling, as in the Kubernetes documentation
  { not: 'catalogue', but: 'catalog', in: 'names' },
  { not: 'behaviour', but: 'behavior', in: 'names' },
  { not: 'cancelled|cancelling', but: 'canceled, or canceling', in: 'names' },
  { not: '(?:label|signal)(?:led|ling)', but: 'a single l', in: 'names' },
  { not: 'licences?', but: 'license' },
  { not: '(?:neighb|col|fav|hon)our', but: '…or', in: 'names' },
  { not: '(?:recogn|organ|initial|serial|normal|sanit|author|summar|minim)is(?:es?|ed|ing|ations?)', but: '…ize' },

  // Roundabout English
  { not: '(?:is|are) no (?!longer\\b|more\\b)[a-z]+', but: 'is not a …, or state the positive' },
  { not: 'of its own|of their own', but: 'its own, or separate' },
  { not: 'all else', but: 'everything else, or the rest by name' },
  { not: 'thought better', but: 'canceled' },
  { not: 'way out', but: 'remedy' },
  { not: 'mend(?:s|ed|ing)?', but: 'fix, or fixed' },
  { not: 'spoil(?:s|ed|t|ing)?', but: 'what the emulator does to the answer', in: 'names' },
];

export interface Exception {
  readonly path: RegExp;
  readonly words: RegExp;
  readonly because: string;
}

/** Places where a word is right. One that has no finding fails `npm run prose`. */
export const exceptions: readonly Exception[] = [
  {
    path: /lease|election|installed\.ts|recovery\.test\.ts/,
    words: /^holders?$/i,
    because: 'Kubernetes calls it the holder of a Lease',
  },
  { path: /^docs\/comparison\.md$/, words: /^announcement$/i, because: 'a file name of another project' },
  {
    path: /machine(?:\.test)?\.ts$/,
    words: /^cancelled$/,
    because: 'a task status of the provider, in both spellings',
  },
  { path: /lock\.test\.ts/, words: /^holders?$/i, because: 'the process that holds a lock file' },
  {
    path: /^test\/(?:architecture\/log|hack\/prose)\.test\.ts$/,
    words: /^/,
    because: 'words as examples of what is refused',
  },
];
