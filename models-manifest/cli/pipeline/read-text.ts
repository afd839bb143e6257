import { readFile } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import { DiptychError } from '../../../shared/errors.ts';
import type { ModelEntry } from '../../../shared/manifest.ts';
import { clipTokenizerJson } from '../../../shared/text/tokenizer-json.ts';
import { readConfig, requireConfig } from './read-config.ts';

/** A token as `tokenizer_config.json` writes it: plain, or with its options. */
const Token = v.pipe(
  v.union([v.string(), v.looseObject({ content: v.string() })]),
  v.transform((token) => (typeof token === 'string' ? token : token.content)),
);

const TokenizerConfig = v.looseObject({
  model_max_length: v.pipe(v.number(), v.integer(), v.minValue(3), v.maxValue(4096)),
  bos_token: Token,
  eos_token: Token,
  pad_token: v.optional(Token),
  unk_token: v.optional(Token),
});

const TokenizerJson = v.looseObject({ model: v.looseObject({ vocab: v.record(v.string(), v.number()) }) });

/**
 * The tokenizer of a pipeline folder as one `tokenizer.json`, from that file or from `vocab.json` and `merges.txt`.
 *
 * @throws DiptychError `pipeline_incomplete`
 */
export async function readText(root: string): Promise<{ text: Omit<ModelEntry['text'], 'tokenizer'>; tokenizerJson: string }> {
  const config = await requireConfig(root, 'tokenizer/tokenizer_config.json', TokenizerConfig);
  const special = { start: config.bos_token, end: config.eos_token, unknown: config.unk_token ?? config.eos_token };
  const ready = await readConfig(root, 'tokenizer/tokenizer.json', TokenizerJson);
  const json = ready ?? clipTokenizerJson({ vocab: await readVocab(root), merges: await readMerges(root), special });
  const { vocab } = (json as v.InferOutput<typeof TokenizerJson>).model;
  const idOf = (token: string): number => {
    const id = vocab[token];
    if (id === undefined)
      throw new DiptychError('pipeline_incomplete', `${root}/tokenizer: the vocabulary lacks the token ${token}`, { token });
    return id;
  };
  const text = {
    maxLength: config.model_max_length,
    startId: idOf(special.start),
    endId: idOf(special.end),
    padId: idOf(config.pad_token ?? special.end),
  };
  return { text, tokenizerJson: JSON.stringify(json) };
}

const readVocab = (root: string) => requireConfig(root, 'tokenizer/vocab.json', v.record(v.string(), v.number()));

async function readMerges(root: string): Promise<string> {
  const file = path.join(root, 'tokenizer', 'merges.txt');
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw new DiptychError(
      'pipeline_incomplete',
      `${file} is missing; a tokenizer folder has tokenizer.json, or vocab.json and merges.txt`,
      { file },
      { cause },
    );
  });
}
