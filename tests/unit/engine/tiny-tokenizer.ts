/** A CLIP-style `tokenizer.json` whose tokens are single letters, for the fixture's text encoder of 300 tokens. */
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const START = '<|startoftext|>';
const END = '<|endoftext|>';

const tokens = [START, END, ...LETTERS, ...[...LETTERS].map((letter) => `${letter}</w>`)];
const special = (content: string, id: number) => ({
  id,
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  special: true,
});

export const TINY_TOKENIZER = {
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: [special(START, 0), special(END, 1)],
  normalizer: { type: 'Sequence', normalizers: [{ type: 'NFC' }, { type: 'Lowercase' }] },
  pre_tokenizer: {
    type: 'Sequence',
    pretokenizers: [
      { type: 'Split', pattern: { Regex: '[a-z]+' }, behavior: 'Removed', invert: true },
      { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true },
    ],
  },
  post_processor: { type: 'RobertaProcessing', sep: [END, 1], cls: [START, 0], trim_offsets: false, add_prefix_space: false },
  decoder: null,
  model: {
    type: 'BPE',
    dropout: null,
    unk_token: END,
    continuing_subword_prefix: '',
    end_of_word_suffix: '</w>',
    fuse_unk: false,
    vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
    merges: [],
  },
};

export const TINY_TEXT = { maxLength: 16, startId: 0, endId: 1, padId: 1 };
