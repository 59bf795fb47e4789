/** A moment in whole seconds, or every reconciliation would word it differently. Never earlier than `milliseconds`. */
export function toSeconds(milliseconds: number): string {
  return new Date(Math.ceil(milliseconds / 1000) * 1000).toISOString().replace('.000Z', 'Z');
}
