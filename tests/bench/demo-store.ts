import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { seedStore } from '../../models-manifest/cli/demo/seed-store.ts';
import { Store } from '../../models-manifest/cli/store.ts';
import type { GenerateRequest } from '../../shared/protocol.ts';

export const PAIR = { subject: 'pip', style: 'knit' } as const;

/** Lets `work` have a store with the demo model, which is gone afterwards. */
export async function withDemoStore(work: (store: Store) => Promise<void>): Promise<void> {
  const root = await mkdtemp(path.join(tmpdir(), 'diptych-bench-'));
  try {
    const store = new Store(root);
    await seedStore(store, () => {});
    await work(store);
  } finally {
    await rm(root, { recursive: true });
  }
}

/** One picture of the pair. */
export async function demoRequest(
  store: Store,
  steps: number,
): Promise<GenerateRequest & Required<Pick<GenerateRequest, 'subject' | 'style'>>> {
  const model = await store.model(undefined);
  const subject = await store.lora('subject', model.id, PAIR.subject);
  const style = await store.lora('style', model.id, PAIR.style);
  return {
    model,
    subject,
    style,
    prompt: `${subject.trigger} ${style.trigger}`,
    seed: 1,
    steps,
    guidanceScale: model.defaults.guidanceScale,
    strengths: [1, 1],
    rule: 'kl',
  };
}
