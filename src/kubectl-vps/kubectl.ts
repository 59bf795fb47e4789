import { printable } from '../domain/text.ts';
import { Conflict, Failure } from './failure.ts';

/** The result of a kubectl process. `missing`: PATH has no such program. */
export interface KubectlResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly missing?: true;
}

export type RunKubectl = (args: readonly string[], input?: string) => Promise<KubectlResult>;

/** The API server, by way of the user's kubectl: its contexts, proxies and logins apply. */
export class Kubectl {
  readonly #run: RunKubectl;
  readonly #globals: readonly string[];
  readonly #warn: (line: string) => void;

  /** `globals`: options for every call, such as `--context=NAME`. `warn` gets the API server's warnings. */
  constructor(run: RunKubectl, globals: readonly string[], warn: (line: string) => void) {
    this.#warn = warn;
    this.#run = run;
    this.#globals = globals;
  }

  /** The same with this namespace; the last option counts. */
  inNamespace(namespace: string): Kubectl {
    return new Kubectl(this.#run, [...this.#globals, `--namespace=${namespace}`], this.#warn);
  }

  /** Parses the JSON that kubectl prints, with printable text only. Throws a Failure with one sentence. */
  async json<T>(args: readonly string[], input?: string): Promise<T> {
    const text = await this.text([...args, '--output=json'], input);
    try {
      // `as`: the caller knows the resource. Every text from outside passes here.
      return JSON.parse(text, (_, value) => (typeof value === 'string' ? printable(value) : value)) as T;
    } catch {
      throw new Failure(`kubectl printed no JSON for "kubectl ${args[0]}". Update kubectl.`);
    }
  }

  async text(args: readonly string[], input?: string): Promise<string> {
    const { code, stdout, stderr, missing } = await this.#run([...this.#globals, ...args], input);
    if (missing) throw new Failure('kubectl was not found. Install kubectl, or add its folder to PATH.');
    if (code !== 0) throw conflict.test(stderr) ? new Conflict() : new Failure(explain(stderr));
    for (const line of stderr.split(/\r?\n/)) if (line.startsWith('Warning:')) this.#warn(printable(line));
    return stdout;
  }
}

/** The last one: a patch with the UID of an object that another one of the same name has replaced. */
const conflict = /^Error from server \(Conflict\)|the object has been modified|metadata\.uid: Invalid value/m;

const withoutStop = (text = ''): string => (text.endsWith('.') ? text.slice(0, -1) : text);

/** What kubectl writes to stderr, and the sentence for it. The first row that matches wins. */
const explanations: readonly (readonly [pattern: RegExp, sentence: (match: RegExpExecArray) => string])[] = [
  [
    /the server doesn't have a resource type "accounts"|Resource=accounts": the server could not find/,
    () =>
      "This cluster doesn't have the CRD accounts.vps247.com, which is optional. Ask your cluster administrator to set accounts.enabled: true in the operator's chart.",
  ],
  [
    /the server doesn't have a resource type "virtualmachines"|could not find the requested resource/,
    () =>
      "This cluster doesn't have the CRD virtualmachines.vps247.com. Install the operator, or choose another cluster with --context.",
  ],
  [
    /\bUser "[^"\n]*" cannot .*/,
    ([text]) => `You don't have the permission: ${withoutStop(text)}. Ask your cluster administrator for it.`,
  ],
  [
    /must be logged in|\(Unauthorized\)|Unauthorized$/m,
    () => "The API server doesn't accept your credentials. Log in again.",
  ],
  [
    /\(NotFound\): virtualmachines\.vps247\.com "([^"]*)" not found/,
    ([, name]) => `VirtualMachine "${name}" not found. "kubectl get vps -A" lists all objects.`,
  ],
  [
    /\(NotFound\): accounts\.vps247\.com "([^"]*)" not found/,
    ([, name]) => `Account "${name}" not found. "kubectl get vpsaccount -A" lists all Accounts.`,
  ],
  [/\(NotFound\): namespaces "([^"]*)" not found/, ([, name]) => `Namespace "${name}" not found.`],
  [/\(NotFound\): (.+)/, ([, text]) => `${withoutStop(text)}.`],
  [
    /(?:Unable to connect to the server|The connection to the server|couldn't get current server API group list|dial tcp|context deadline exceeded|Client\.Timeout)(.*)/,
    (match) => `The API server can't be reached: ${withoutStop(match[0].replace(/ - did you specify.*/, ''))}.`,
  ],
  [
    /context "([^"\n]*)" does not exist|context was not found for specified context: (.*)/,
    ([, one, other]) =>
      `The context "${one ?? other}" doesn't exist. "kubectl config get-contexts" lists all contexts.`,
  ],
];

/** One sentence for what kubectl wrote to stderr. */
export function explain(stderr: string): string {
  const all = stderr.split(/\r?\n/).map(printable);
  // What kubectl's libraries log comes before its message.
  const own = all.filter((line) => !/^[EWI]\d{4} /.test(line) && line.trim() !== '');
  const lines = own.length > 0 ? own : all;
  const text = lines.join('\n');
  for (const [pattern, sentence] of explanations) {
    const match = pattern.exec(text);
    if (match !== null) return sentence(match);
  }
  const last = lines.findLast((line) => line.trim() !== '' && !line.startsWith('Warning:'));
  return last === undefined ? 'kubectl failed without a message.' : last.replace(/^error: /i, 'kubectl: ');
}
