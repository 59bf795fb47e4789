/** Epoch milliseconds as a `MicroTime`, which Kubernetes reads only with six decimals. */
export function microTime(epoch: number): string {
  return new Date(epoch).toISOString().replace('Z', '000Z');
}
