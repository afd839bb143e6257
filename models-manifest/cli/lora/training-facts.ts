/** What trainers write into a LoRA's metadata: kohya's `ss_...` and `modelspec...` (https://github.com/Stability-AI/ModelSpec). */

export interface Tag {
  tag: string;
  count: number;
}

export interface TrainingFact {
  about: string;
  /** The entry of the metadata. */
  key: string;
  value: string;
}

type Metadata = Readonly<Record<string, string>>;

const FACTS: readonly (readonly [about: string, ...keys: string[]])[] = [
  ['title', 'modelspec.title', 'ss_output_name'],
  ['author', 'modelspec.author'],
  ['licence', 'modelspec.license'],
  ['base model', 'ss_sd_model_name', 'ss_base_model_version', 'modelspec.architecture'],
  ['network', 'ss_network_module', 'modelspec.implementation'],
  ['network dim', 'ss_network_dim', 'rank'],
  ['network alpha', 'ss_network_alpha'],
  ['network arguments', 'ss_network_args'],
  ['steps', 'ss_steps', 'ss_max_train_steps'],
  ['epochs', 'ss_epoch', 'ss_num_epochs'],
  ['learning rate', 'ss_learning_rate'],
  ['learning rate, UNet', 'ss_unet_lr'],
  ['learning rate, text', 'ss_text_encoder_lr'],
  ['optimizer', 'ss_optimizer'],
  ['schedule', 'ss_lr_scheduler'],
  ['batch size', 'ss_total_batch_size', 'ss_batch_size_per_device'],
  ['resolution', 'ss_resolution', 'modelspec.resolution'],
  ['pictures', 'ss_num_train_images'],
  ['clip skip', 'ss_clip_skip'],
  ['prediction', 'modelspec.prediction_type'],
  ['seed', 'ss_seed'],
  ['comment', 'ss_training_comment', 'modelspec.description'],
  ['date', 'modelspec.date'],
];

/** The facts that a file tells, in the table's order; an empty text and Python's `None` tell nothing. */
export function trainingFacts(metadata: Metadata): TrainingFact[] {
  return FACTS.flatMap(([about, ...keys]) => {
    const key = keys.find((candidate) => !['', 'None', 'null', '{}'].includes(own(metadata, candidate) ?? ''));
    return key === undefined ? [] : [{ about, key, value: metadata[key]! }];
  });
}

/** The words that call the concept, where the file says them outright. */
export function triggerOf(metadata: Metadata): string | undefined {
  return ['trigger', 'modelspec.trigger_phrase', 'ss_trigger_words', 'trigger_words']
    .map((key) => own(metadata, key)?.trim())
    .find((text) => text !== undefined && text !== '');
}

/** The `count` most frequent tags of the training pictures, over all their folders: candidates for a trigger. */
export function frequentTags(metadata: Metadata, count: number): Tag[] {
  const counts = new Map<string, number>();
  for (const [tag, times] of tagCounts(own(metadata, 'ss_tag_frequency'))) counts.set(tag, (counts.get(tag) ?? 0) + times);
  return Array.from(counts, ([tag, times]) => ({ tag, count: times }))
    .toSorted((a, b) => b.count - a.count || (a.tag < b.tag ? -1 : 1))
    .slice(0, count);
}

/** `{"10_pip": {"pip": 20, "green": 3}}`, flat; nothing where it is not of this form, as no picture depends on it. */
function tagCounts(text: string | undefined): [tag: string, count: number][] {
  try {
    const folders = Object.values((JSON.parse(text ?? '{}') ?? {}) as object);
    const tags = folders.flatMap((folder: unknown) =>
      typeof folder === 'object' && folder !== null && !Array.isArray(folder) ? Object.entries(folder) : [],
    );
    return tags.filter((entry): entry is [string, number] => typeof entry[1] === 'number').map(([tag, times]) => [tag.trim(), times]);
  } catch {
    return [];
  }
}

const own = (metadata: Metadata, key: string): string | undefined => (Object.hasOwn(metadata, key) ? metadata[key] : undefined);
