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
    expect(tokenizer.encode('a cat in neon style').cut).toBe('');
    // Sixteen ids hold fourteen words between start and end.
    const whole = tokenizer.encode('cat '.repeat(14));
    expect(whole.cut).toBe('');
    expect(tokenizer.encode(`${'cat '.repeat(14)}in neon style`)).toEqual({ ids: whole.ids, cut: 'in neon style' });
  });

  it.each([
    // A word of two tokens at the edge is lost as a whole, as far as people are concerned.
    [`${'cat '.repeat(13)}zq on`, 'zq on'],
    ['q'.repeat(40), 'q'.repeat(40)],
    [`${'cat, '.repeat(7)}in 雪の中の猫`, 'in 雪の中の猫'],
  ])('tells the words of %j that found no place', (text, cut) => {
    expect(tokenizer.encode(text).cut).toBe(cut);
  });

  it('pads with the token that the encoder was trained with, and starts with none where it knows none', () => {
    const json = JSON.stringify(clipTokenizerJson({ vocab, merges, special }));
    const word = vocab['cat</w>']!;
    expect(makeTokenizer(json, { maxLength: 5, startId: 711, endId: 712, padId: 0 }).encode('cat').ids).toEqual([711, word, 712, 0, 0]);
    expect(makeTokenizer(json, { maxLength: 5, endId: 712, padId: 0 }).encode('cat').ids).toEqual([word, 712, 0, 0, 0]);
  });

  it('refuses what is no tokenizer', () => {
    expect(() => makeTokenizer('{', lengths)).toThrowError(expect.objectContaining({ code: 'pipeline_incomplete' }));
    expect(() => clipTokenizerJson({ vocab: {}, merges, special })).toThrowError(
      expect.objectContaining({ details: { token: special.start } }),
    );
  });
});
