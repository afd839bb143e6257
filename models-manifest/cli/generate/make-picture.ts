/** `diptych generate`: the engine of the browser, on this machine. */
import { Engine } from '../../../client/engine/engine.ts';
import { openNodeRuntime } from '../../../client/engine/sessions/node.ts';
import { throwIfCancelled } from '../../../client/engine/weights/retry.ts';
import type { LoraEntry, ModelEntry } from '../../../shared/manifest.ts';
import type { Backend, EngineEvent, EngineInfo, GenerateRequest, GenerateResult } from '../../../shared/protocol.ts';
import type { GuidanceSettings } from '../../../shared/guidance/settings.ts';
import type { RuleName, RuleSettings } from '../../../shared/rules.ts';
import type { SamplerName, ScheduleName } from '../../../shared/samplers.ts';
import { folderBlobs } from '../folder-blobs.ts';
import type { Store } from '../store.ts';

export interface PictureOptions {
  model?: string;
  subject?: string;
  style?: string;
  /** From the triggers of the LoRAs where left out. */
  prompt?: string;
  negativePrompt?: string;
  seed: number;
  /** From the model's defaults where left out. */
  steps?: number;
  sampler?: SamplerName;
  schedule?: ScheduleName;
  guidanceScale?: number;
  strengths: readonly [subject: number, style: number];
  rule: RuleName;
  ruleSetting?: RuleSettings;
  guidance?: GuidanceSettings;
  backend: Backend;
}

export interface Picture extends GenerateResult {
  request: GenerateRequest;
  engine: EngineInfo;
}

/** @throws DiptychError `not_in_catalogue`, `cancelled` when `signal` fires, and the engine's codes */
export async function makePicture(
  store: Store,
  options: PictureOptions,
  onEvent: (event: EngineEvent) => void,
  signal: AbortSignal,
): Promise<Picture> {
  const request = await requestOf(store, options);
  const engine = new Engine({ openRuntime: openNodeRuntime, openBlobs: async () => folderBlobs(store) });
  const cancel = () => void engine.cancel();
  signal.addEventListener('abort', cancel);
  try {
    const info = await engine.start({ backend: options.backend });
    // The engine can cancel only what runs.
    throwIfCancelled(signal);
    return { ...(await engine.generate(request, onEvent)), request, engine: info };
  } finally {
    signal.removeEventListener('abort', cancel);
    await engine.close();
  }
}

async function requestOf(store: Store, options: PictureOptions): Promise<GenerateRequest> {
  const model = await modelOf(store, options);
  const subject = options.subject === undefined ? undefined : await store.lora('subject', model.id, options.subject);
  const style = options.style === undefined ? undefined : await store.lora('style', model.id, options.style);
  return {
    model,
    ...(subject ? { subject } : {}),
    ...(style ? { style } : {}),
    prompt: options.prompt ?? [subject, style].flatMap((lora) => lora?.trigger ?? []).join(' '),
    ...(options.negativePrompt === undefined ? {} : { negativePrompt: options.negativePrompt }),
    seed: options.seed,
    steps: options.steps ?? model.defaults.steps,
    ...(options.sampler === undefined ? {} : { sampler: options.sampler }),
    ...(options.schedule === undefined ? {} : { schedule: options.schedule }),
    guidanceScale: options.guidanceScale ?? model.defaults.guidanceScale,
    strengths: options.strengths,
    rule: options.rule,
    ...(options.guidance === undefined ? {} : { guidance: options.guidance }),
    ...(options.ruleSetting === undefined ? {} : { ruleSettings: options.ruleSetting }),
  };
}

/** The model asked for, or the one that the LoRAs are for, or the only one there is. */
async function modelOf(store: Store, { model, subject, style }: PictureOptions): Promise<ModelEntry> {
  const { loras } = await store.manifest();
  const implied = (id: string | undefined): LoraEntry | undefined => loras.find((lora) => lora.id === id);
  return store.model(model ?? implied(subject)?.model ?? implied(style)?.model);
}
