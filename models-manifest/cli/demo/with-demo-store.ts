import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Store } from '../store.ts';
import { seedStore } from './seed-store.ts';

/** Lets `work` have a store with the demo model, which is gone afterwards. */
export async function withDemoStore(work: (store: Store) => Promise<void>): Promise<void> {
  const root = await mkdtemp(path.join(tmpdir(), 'diptych-'));
  try {
    const store = new Store(root);
    await seedStore(store, () => {});
    await work(store);
  } finally {
    await rm(root, { recursive: true });
  }
}
