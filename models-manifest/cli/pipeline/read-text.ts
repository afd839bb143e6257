import { readFile } from 'node:fs/promises';
import path from 'node:path';
import * as v from 'valibot';
import { DiptychError } from '../../../shared/errors.ts';
import type { TextEntry } from '../../../shared/manifest.ts';
import { clipTokenizerJson } from '../../../shared/text/tokenizer-json.ts';
import { makeTokenizer } from '../../../shared/text/tokenizer.ts';
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

/** T5's texts have no start token. */
const UnigramConfig = v.omit(TokenizerConfig, ['bos_token']);

const TokenizerJson = v.looseObject({
  model: v.union([
    v.looseObject({ type: v.literal('Unigram'), vocab: v.array(v.looseTuple([v.string()])) }),
    v.looseObject({ vocab: v.record(v.string(), v.number()) }),
  ]),
});

/** As many tokens of T5 as the public SD3 pipeline reads, whatever its tokenizer would take. */
const UNIGRAM_TOKENS = 256;

export interface PipelineText {
  text: Omit<TextEntry, 'tokenizer'>;
  tokenizerJson: string;
}

/**
 * The tokenizer in the folder `folder` of a pipeline as one `tokenizer.json`, from that file or from `vocab.json` and `merges.txt`.
 *
 * @throws DiptychError `pipeline_incomplete`
 */
export async function readText(root: string, folder: string): Promise<PipelineText> {
  const ready = await readConfig(root, `${folder}/tokenizer.json`, TokenizerJson);
  const unigram = ready && Array.isArray(ready.model.vocab);
  const read = unigram ? await readUnigram(root, folder, ready) : await readClip(root, folder, ready);
  // A tokenizer that the library cannot run is refused here, not in the visitor's browser.
  makeTokenizer(read.tokenizerJson, read.text);
  return read;
}

async function readUnigram(root: string, folder: string, json: v.InferOutput<typeof TokenizerJson>): Promise<PipelineText> {
  const config = await requireConfig(root, `${folder}/tokenizer_config.json`, UnigramConfig);
  const pieces = json.model.vocab as [string, ...unknown[]][];
  const idOf = idsOf(new Map(pieces.map(([piece], id) => [piece, id])), root, folder);
  const text = {
    maxLength: Math.min(config.model_max_length, UNIGRAM_TOKENS),
    endId: idOf(config.eos_token),
    padId: idOf(config.pad_token ?? config.eos_token),
  };
  return { text, tokenizerJson: JSON.stringify(json) };
}

async function readClip(root: string, folder: string, ready: v.InferOutput<typeof TokenizerJson> | undefined): Promise<PipelineText> {
  const config = await requireConfig(root, `${folder}/tokenizer_config.json`, TokenizerConfig);
  const special = { start: config.bos_token, end: config.eos_token, unknown: config.unk_token ?? config.eos_token };
  const json = ready ?? clipTokenizerJson({ vocab: await readVocab(root, folder), merges: await readMerges(root, folder), special });
  const { vocab } = (json as { model: { vocab: Record<string, number> } }).model;
  const idOf = idsOf(new Map(Object.entries(vocab)), root, folder);
  const text = {
    maxLength: config.model_max_length,
    startId: idOf(special.start),
    endId: idOf(special.end),
    padId: idOf(config.pad_token ?? special.end),
  };
  return { text, tokenizerJson: JSON.stringify(json) };
}

const idsOf = (vocab: ReadonlyMap<string, number>, root: string, folder: string) => (token: string) => {
  const id = vocab.get(token);
  if (id !== undefined) return id;
  throw new DiptychError('pipeline_incomplete', `${root}/${folder}: the vocabulary lacks the token ${token}`, { token });
};

const readVocab = (root: string, folder: string) => requireConfig(root, `${folder}/vocab.json`, v.record(v.string(), v.number()));

async function readMerges(root: string, folder: string): Promise<string> {
  const file = path.join(root, folder, 'merges.txt');
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw new DiptychError(
      'pipeline_incomplete',
      `${file} is missing; a tokenizer folder has tokenizer.json, or vocab.json and merges.txt`,
      { file },
      { cause },
    );
  });
}
