import { KubeError } from './errors.ts';

/**
 * The JSON values of a stream that has one per line. Ends with the stream; throws KubeError `Protocol` at a line that is
 * not JSON, `TooLarge` at one of more than `longest` bytes, and `Network` when the stream ends within a line.
 */
export async function* readJsonLines(
  what: string,
  chunks: AsyncIterable<Uint8Array>,
  longest: number,
): AsyncIterable<unknown> {
  // Pieces of a line that has not ended; put together once, for a large object comes in many.
  let pieces: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, from)) {
      pieces.push(chunk.subarray(from, end));
      from = end + 1;
      const line = decode(pieces.length === 1 ? (pieces[0] ?? chunk) : Buffer.concat(pieces));
      pieces = [];
      length = 0;
      if (line.trim() !== '') yield parse(what, line);
    }
    if (from === chunk.length) continue;
    pieces.push(chunk.subarray(from));
    length += chunk.length - from;
    if (length > longest)
      throw new KubeError(`${what}: an event has more than ${longest} bytes`, { reason: 'TooLarge' });
  }
  if (decode(Buffer.concat(pieces)).trim() !== '')
    throw new KubeError(`${what}: cut within an event`, { reason: 'Network' });
}

const decoder = new TextDecoder();

/**
 * The text of an answer, less who wrote which field (`managedFields`): half of what a stored object says, in many small objects
 * that the operator doesn't read, and most of what parsing it would cost. Invalid JSON stays invalid, unless only that part was at fault.
 */
export function decode(bytes: Uint8Array): string {
  return decoder.decode(withoutManagedFields(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)));
}

const code = (sign: string): number => sign.charCodeAt(0);
const newline = code('\n');
const quote = code('"');
const backslash = code('\\');
const [opening, closing, opened, closed] = [code('['), code(']'), code('{'), code('}')] as const;
const managedFields = Buffer.from('"managedFields":[');

function withoutManagedFields(json: Buffer): Buffer {
  const kept: Buffer[] = [];
  let from = 0;
  for (let at = json.indexOf(managedFields); at !== -1; at = json.indexOf(managedFields, from)) {
    const start = at + managedFields.length - 1;
    // Escaped, it ends a longer name, which Kubernetes doesn't have: it stays.
    const end = json[at - 1] === backslash ? undefined : endOfArray(json, start);
    kept.push(json.subarray(from, end === undefined ? start : start + 1));
    from = end ?? start;
  }
  return kept.length === 0 ? json : Buffer.concat([...kept, json.subarray(from)]);
}

/** Where the bracket is that ends the array which begins at `start`; undefined when there is none. */
function endOfArray(json: Buffer, start: number): number | undefined {
  let depth = 0;
  for (let at = start; at < json.length; at += 1) {
    const byte = json[at];
    if (byte === quote) {
      for (at += 1; at < json.length && json[at] !== quote; at += 1) if (json[at] === backslash) at += 1;
    } else if (byte === opening || byte === opened) {
      depth += 1;
    } else if (byte === closing || byte === closed) {
      depth -= 1;
      if (depth === 0) return at;
    }
  }
  return undefined;
}

/** Parses a response; throws KubeError `Protocol` without the text, which is untrusted. */
export function parse(what: string, text: string, status?: number): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new KubeError(`${what}: the answer is not JSON`, { reason: 'Protocol', status });
  }
}
