import { KubeError } from './errors.ts';

/**
 * The JSON values of a stream with one per line. Ends with the stream. Throws KubeError `Protocol` at a line that isn't
 * JSON, `TooLarge` at a line of more than `longest` bytes, and `Network` if the stream ends within a line.
 */
export async function* readJsonLines(
  what: string,
  chunks: AsyncIterable<Uint8Array>,
  longest: number,
): AsyncIterable<unknown> {
  // The chunks of an incomplete line, joined once, because a large object arrives in many chunks.
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
 * The text of a response without `managedFields`: half of a stored object in many small entries that the operator
 * doesn't read, and most of the cost of parsing. Invalid JSON stays invalid, unless only that part was invalid.
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
    // An escaped quote ends a longer name, which Kubernetes doesn't have: the part stays.
    const end = json[at - 1] === backslash ? undefined : endOfArray(json, start);
    kept.push(json.subarray(from, end === undefined ? start : start + 1));
    from = end ?? start;
  }
  return kept.length === 0 ? json : Buffer.concat([...kept, json.subarray(from)]);
}

/** The position of the bracket that closes the array at `start`; undefined if there is none. */
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

/** Parses a response. Throws KubeError `Protocol` without the text, which is untrusted. */
export function parse(what: string, text: string, status?: number): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new KubeError(`${what}: the answer is not JSON`, { reason: 'Protocol', status });
  }
}
