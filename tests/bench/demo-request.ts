import type { Store } from '../../models-manifest/cli/store.ts';
import type { GenerateRequest } from '../../shared/protocol.ts';

export const PAIR = { subject: 'pip', style: 'knit' } as const;

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
