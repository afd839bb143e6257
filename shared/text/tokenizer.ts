/** From a prompt to the token ids of a text encoder. */
import { Tokenizer as Encoder } from '@huggingface/tokenizers';
import { DiptychError } from '../errors.ts';
import type { TextEntry } from '../manifest.ts';

interface Encoded {
  /** `maxLength` ids: start where the encoder has one, the text's, end, then padding. */
  ids: number[];
  /** The end of the text that found no place, from the first word that is not whole; empty where all did. */
  cut: string;
}

export interface Tokenizer {
  encode(text: string): Encoded;
}

/**
 * A tokenizer from the contents of a `tokenizer.json`.
 *
 * @throws DiptychError `pipeline_incomplete` if it is not a tokenizer
 */
export function makeTokenizer(json: string, { maxLength, startId, endId, padId }: Omit<TextEntry, 'tokenizer'>): Tokenizer {
  const encoder = readEncoder(json);
  const before = startId === undefined ? [] : [startId];
  const room = maxLength - before.length - 1;
  const tokensOf = (text: string) => encoder.encode(text, { add_special_tokens: false }).ids;
  return {
    encode(text) {
      const words = tokensOf(text);
      const ids = [...before, ...words.slice(0, room), endId];
      const cut = words.length > room ? beyond(text, (start) => tokensOf(start).length <= room) : '';
      return { ids: [...ids, ...Array<number>(maxLength - ids.length).fill(padId)], cut };
    },
  };
}

/** The rest of `text` after its longest start, in whole words, that `fits`. */
function beyond(text: string, fits: (start: string) => boolean): string {
  const ends = Array.from(
    new Intl.Segmenter(undefined, { granularity: 'word' }).segment(text),
    ({ index, segment }) => index + segment.length,
  );
  let [low, high] = [0, ends.length];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(text.slice(0, ends[middle - 1]))) low = middle;
    else high = middle - 1;
  }
  return text.slice(low === 0 ? 0 : ends[low - 1]).trim();
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
