import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { build, DIST } from '../../client/build.ts';
import { ensureSecrets, fillEdge, freePort, startEdge } from '../../models-manifest/cli/demo/local-edge.ts';
import { seedStore } from '../../models-manifest/cli/demo/seed-store.ts';
import { Store } from '../../models-manifest/cli/store.ts';

export interface DemoEdge {
  origin: string;
  /** Where the local platform keeps its buckets and databases. */
  state: string;
  close(): Promise<void>;
}

/** A real edge with the demo model, its state in `folder`, whose demo site allows `origins`; on the first free port from `port`. */
export async function openDemoEdge(folder: string, origins: string[], port: number): Promise<DemoEdge> {
  const state = join(folder, 'state');
  if (!existsSync(DIST)) await build();
  const store = new Store('.diptych/store');
  await seedStore(store, () => undefined);
  await ensureSecrets();
  await fillEdge(store, state, origins, () => undefined);
  const edge = await startEdge(state, await freePort(port));
  return { origin: edge.origin, state, close: () => edge.stop() };
}
