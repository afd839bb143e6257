/** From a prompt to the token ids of a text encoder. */
import { Tokenizer as Encoder } from '@huggingface/tokenizers';
import { DiptychError } from '../errors.ts';
import type { ModelEntry } from '../manifest.ts';

interface Encoded {
  /** `maxLength` ids: start, the text's, end, then padding. */
  ids: number[];
  /** The text was longer and lost its end. */
  truncated: boolean;
}

export interface Tokenizer {
  encode(text: string): Encoded;
}

/**
 * A tokenizer from the contents of a `tokenizer.json`.
 *
 * @throws DiptychError `pipeline_incomplete` if it is not a tokenizer
 */
export function makeTokenizer(json: string, { maxLength, startId, endId, padId }: Omit<ModelEntry['text'], 'tokenizer'>): Tokenizer {
  const encoder = readEncoder(json);
  return {
    encode(text) {
      const words = encoder.encode(text, { add_special_tokens: false }).ids;
      const kept = words.slice(0, maxLength - 2);
      const ids = [startId, ...kept, endId];
      return { ids: [...ids, ...Array<number>(maxLength - ids.length).fill(padId)], truncated: kept.length < words.length };
    },
  };
}

function readEncoder(json: string): Encoder {
  try {
    return new Encoder(JSON.parse(json) as object, {});
  } catch (cause) {
    throw new DiptychError(
      'pipeline_incomplete',
      `tokenizer.json cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`,
      {},
      { cause },
    );
  }
}
