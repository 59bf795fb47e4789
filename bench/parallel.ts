/** Handles each item, with a limit on concurrency. Rejects with the first failure, once all started items have ended. */
export async function inParallel<T, R>(
  items: readonly T[],
  together: number,
  work: (item: T, index: number) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    // Shared by all workers: each takes the next free item.
    for (const [index, item] of queue) results[index] = await work(item, index);
  };
  const ended = await Promise.allSettled(Array.from({ length: together }, worker));
  const failure = ended.find((result) => result.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
  return results;
}
