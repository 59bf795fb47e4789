/**
 * Whether this process may change anything outside at this very moment, because no other process can be the leader. Asked directly
 * before each change, and the answer is never kept: a process may be frozen for any time between two lines.
 */
export type Fence = () => boolean;
