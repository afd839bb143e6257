import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { clipTokenizerJson } from '../../../shared/text/tokenizer-json.ts';
import { makeTokenizer } from '../../../shared/text/tokenizer.ts';

const ROOT = 'tests/fixtures/tokenizer';
const vocab = JSON.parse(readFileSync(`${ROOT}/vocab.json`, 'utf8')) as Record<string, number>;
const merges = readFileSync(`${ROOT}/merges.txt`, 'utf8');
const special = { start: '<|startoftext|>', end: '<|endoftext|>', unknown: '<|endoftext|>' };
const lengths = { maxLength: 16, startId: 711, endId: 712, padId: 712 };
const tokenizer = makeTokenizer(JSON.stringify(clipTokenizerJson({ vocab, merges, special })), lengths);

/** Made by the tokenizer that the demo's text encoder was trained with (models-manifest/training/tokenizer.py). */
const expected = JSON.parse(readFileSync(`${ROOT}/expected-ids.json`, 'utf8')) as [string, number[]][];

describe('tokenizer', () => {
  it.each(expected)('encodes %j as the training did', (text, ids) => {
    expect(tokenizer.encode(text).ids).toEqual(ids);
  });

  it('says when a text was too long', () => {
    expect(tokenizer.encode('a cat in neon style').truncated).toBe(false);
    expect(tokenizer.encode('a cat '.repeat(20)).truncated).toBe(true);
    // Sixteen ids hold fourteen words between start and end.
    expect(tokenizer.encode('cat '.repeat(14)).truncated).toBe(false);
    expect(tokenizer.encode('cat '.repeat(15))).toEqual({ ids: tokenizer.encode('cat '.repeat(14)).ids, truncated: true });
  });

  it('refuses what is no tokenizer', () => {
    expect(() => makeTokenizer('{', lengths)).toThrowError(expect.objectContaining({ code: 'pipeline_incomplete' }));
    expect(() => clipTokenizerJson({ vocab: {}, merges, special })).toThrowError(
      expect.objectContaining({ details: { token: special.start } }),
    );
  });
});
