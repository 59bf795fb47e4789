import { html, json, redirect, type Response } from './response.ts';
import type { FaultAction } from './fault-rule.ts';

/** What the emulator sends in the end, or does to the connection. */
export type Delivery =
  | { readonly kind: 'answer'; readonly answer: Response }
  | { readonly kind: 'hang' }
  | { readonly kind: 'reset' }
  | { readonly kind: 'truncate'; readonly answer: Response; readonly bytes: number }
  | { readonly kind: 'drip'; readonly answer: Response; readonly bytes: number; readonly everyMs: number }
  | { readonly kind: 'oversize'; readonly bytes: number };

const garbage = ']}{ "virtual_machines": [ {"id": 1, "na\u0000\u0007';

/** What a fault makes of `answer`; many kinds replace it. */
export function applyFault(action: Exclude<FaultAction, { kind: 'delay' | 'replay' }>, answer: Response): Delivery {
  switch (action.kind) {
    case 'status':
      return { kind: 'answer', answer: { ...withBody(action.status, action.body), headers: action.headers ?? {} } };
    case 'hang':
    case 'reset':
      return { kind: action.kind };
    case 'truncate':
      return { kind: 'truncate', answer, bytes: action.bytes ?? Math.floor(Buffer.byteLength(answer.body) / 2) };
    case 'garbage':
      return { kind: 'answer', answer: { ...json(200, {}), body: garbage } };
    case 'html':
      return { kind: 'answer', answer: html(action.status ?? 200, 'Down for maintenance') };
    case 'redirect':
      return { kind: 'answer', answer: redirect(action.status ?? 302, action.to) };
    case 'rate-limit': {
      const refused = json(action.status ?? 429, { error: 'Too many requests' });
      const { retryAfter } = action;
      return {
        kind: 'answer',
        answer: retryAfter === undefined ? refused : { ...refused, headers: { 'Retry-After': retryAfter } },
      };
    }
    case 'drip':
      return { kind: 'drip', answer, bytes: action.bytes, everyMs: action.everyMs };
    case 'oversize':
      return { kind: 'oversize', bytes: action.bytes ?? 3 * 2 ** 20 };
    case 'half-list':
      return {
        kind: 'answer',
        answer: withItems(answer, (items) => items.slice(0, Math.floor(items.length / 2))),
      };
    case 'empty-list':
      return { kind: 'answer', answer: withItems(answer, () => []) };
    case 'edit':
      return { kind: 'answer', answer: edited(answer, action) };
  }
}

/** The success that the emulator reports when it did nothing for the call. */
export const madeUpSuccess: Response = json(200, { status: 'success' });

/** The same list in the same envelope, with other items. Anything but a list is returned unchanged. */
function withItems(answer: Response, change: (items: readonly unknown[]) => readonly unknown[]): Response {
  const body: unknown = answer.body === '' ? undefined : JSON.parse(answer.body);
  if (Array.isArray(body)) return { ...answer, body: JSON.stringify(change(body)) };
  // A single VM, which contains arrays too, has an id.
  if (typeof body !== 'object' || body === null || 'id' in body) return answer;
  const changed = Object.entries(body).map(([name, value]) => [name, Array.isArray(value) ? change(value) : value]);
  return { ...answer, body: JSON.stringify(Object.fromEntries(changed)) };
}

function edited(answer: Response, { fields, id }: Extract<FaultAction, { kind: 'edit' }>): Response {
  const edit = (item: unknown): unknown => {
    if (typeof item !== 'object' || item === null || !('id' in item)) return item;
    return id === undefined || item.id === id ? { ...item, ...fields } : item;
  };
  const body: unknown = answer.body === '' ? undefined : JSON.parse(answer.body);
  if (typeof body === 'object' && body !== null && 'id' in body) return { ...answer, body: JSON.stringify(edit(body)) };
  return withItems(answer, (items) => items.map(edit));
}

function withBody(status: number, body: unknown): Response {
  if (typeof body !== 'string') return json(status, body);
  return { status, contentType: /^\s*</.test(body) ? 'text/html' : 'text/plain', body };
}
