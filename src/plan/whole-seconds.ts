/**
 * A time in whole seconds, because the message would change with every reconciliation otherwise. Never earlier than
 * `milliseconds`.
 */
export function toSeconds(milliseconds: number): string {
  return new Date(Math.ceil(milliseconds / 1000) * 1000).toISOString().replace('.000Z', 'Z');
}
