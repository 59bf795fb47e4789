/**
 * Whether this process may change anything outside of it at this moment, because no other process can be the leader. It
 * is called directly before each change, and its result is never stored: a process can be frozen between any two lines.
 */
export type Fence = () => boolean;
